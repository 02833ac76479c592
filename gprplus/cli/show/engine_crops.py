"""What was cut out of an engine's native output."""

from typing import TYPE_CHECKING

from gprplus.cli import console

if TYPE_CHECKING:
    from gprplus.cropping.native.crop_output import EngineCrops


def print_crops(folder: str, crops: "EngineCrops") -> None:
    """Print the form of a folder, its crops, and what became none, on stderr."""
    record = crops.record
    console.print_note(f"{folder}: form {record['form']} ({record['why']})")
    rejected = ", ".join(f"{reason} {count:,}" for reason, count in record["rejected"].items())
    done = "cut into" if crops.made else "unchanged in"
    console.print_note(
        f"- {record['images']:,} crops of {record['identities']:,} identities from"
        f" {len(record['cameras']):,} cameras, {done} {crops.path}"
    )
    if rejected:
        console.print_note(f"- without a crop: {rejected}; reasons in {crops.path}/_rejected.csv")
    for remark in record["remarks"]:
        console.print_note(f"- {remark}")
