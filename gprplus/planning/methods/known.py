"""All methods: importing this module registers them."""

from gprplus.planning.methods import descent, from_evidence, matched, uniform

__all__ = ["descent", "from_evidence", "matched", "uniform"]
