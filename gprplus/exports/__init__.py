"""Arms, splits and manifests in forms that other people's tools read."""

from gprplus.exports.export import FORMS, LOOSE, PACKED, Export, export, form

__all__ = ["FORMS", "LOOSE", "PACKED", "Export", "export", "form"]
