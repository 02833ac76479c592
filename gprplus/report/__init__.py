"""What people look at: tables, contact sheets, sentences, and one page that holds them."""

from gprplus.report.files import report
from gprplus.report.sentences import verdict
from gprplus.report.sheets import contact_sheet

__all__ = ["contact_sheet", "report", "verdict"]
