"""Reports: tables, contact sheets, sentences, and a page with all of them."""

from gprplus.core.contact_sheet import contact_sheet
from gprplus.reporting.sentences.verdicts import verdict_paragraphs
from gprplus.reporting.write_report import report

__all__ = ["contact_sheet", "report", "verdict_paragraphs"]
