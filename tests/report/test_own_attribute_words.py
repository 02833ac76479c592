"""Attributes that a manifest declares itself, in the sentences of reports."""

from gprplus.core.declarations import Attribute
from gprplus.reporting.formatting import format_level


def test_a_level_is_named_with_its_attribute() -> None:
    pose = Attribute("image", "category", levels=("sitting",))
    assert format_level("pose", "sitting", pose) == "pose sitting"
    assert (
        format_level("team", "red", Attribute("identity", "category")) == "identities with red team"
    )
    assert format_level("has_cap", "no", Attribute("identity", "category")).startswith(
        "identities without"
    )
    tilt = Attribute("image", "integer", unit="degree")
    assert format_level("tilt", 30, tilt) == "tilt 30°"
