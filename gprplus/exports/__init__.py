"""Exports of arms, splits and manifests in formats of other tools."""

from gprplus.exports.run_export import FORMS, LOOSE, PACKED, ExportResult, export, export_form

__all__ = ["FORMS", "LOOSE", "PACKED", "ExportResult", "export", "export_form"]
