"""Arms, splits and manifests in forms that other people's tools read."""

from gprplus.exports.export import FORMS, LOOSE, PACKED, ExportResult, export, export_form

__all__ = ["FORMS", "LOOSE", "PACKED", "ExportResult", "export", "export_form"]
