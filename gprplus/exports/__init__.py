"""Arms, splits and manifests in forms that other people's tools read."""

from gprplus.exports.export import FORMS, Export, export

__all__ = ["FORMS", "Export", "export"]
