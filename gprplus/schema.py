"""The columns of every table, each with its type, level, unit and one sentence.

This is the only handshake between the rooms. Arrow schemas, the documentation's tables and the checks are made from
these records.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gprplus.declared import attributes, identity_attributes
from gprplus.errors import GprplusError, ManifestError

if TYPE_CHECKING:
    import pyarrow as pa

VERSION = 1

# Grades of --verify, from the cheapest to the dearest.
VERIFY = ("names", "header", "digest", "decode")
ROLES = ("train", "val", "query", "gallery")


@dataclass(frozen=True)
class Column:
    """One column. `type` names an Arrow type; "level" is Arrow's dictionary<int32, string>."""

    name: str
    type: str
    sentence: str
    unit: str = ""
    level: str = "image"


def _attribute_columns(names: Sequence[str], level: str) -> tuple[Column, ...]:
    declared = attributes()
    return tuple(
        Column(
            name,
            "int32" if declared[name].type == "integer" else "level",
            declared[name].sentence,
            declared[name].unit,
            level,
        )
        for name in names
    )


IMAGES = (
    Column(
        "uid",
        "uint64",
        "Key of the image: 64 bits of a hash of dataset, part folder and the layout's raw named groups.",
    ),
    Column("dataset", "level", "Dataset the image belongs to."),
    Column("path", "string", "Path relative to the dataset's root, POSIX."),
    Column("identity", "level", "Person, as the manifest names it; null for junk without one."),
    *_attribute_columns(["camera", "viewpoint_deg"], "image"),
    Column("frame", "int64", "Frame number in a video or sequence."),
    *_attribute_columns(["weather", "illumination", "background"], "image"),
    Column("weather_code", "level", "The raw token that weather was decoded from."),
    Column("camera_code", "level", "The raw token that camera was decoded from."),
    Column("identity_token", "level", "The raw token that identity was decoded from."),
    Column("role", "level", "Role the dataset itself gives the image: train, val, query or gallery."),
    Column(
        "is_junk",
        "bool",
        "Leaves every ranking and every training set (such as a detector's half box, or the second take of a pass).",
    ),
    Column("is_distractor", "bool", "Is ranked and matches nobody."),
    Column("width_px", "int32", "Width.", "pixel"),
    Column("height_px", "int32", "Height.", "pixel"),
    Column("format", "level", "Image format sniffed from the bytes, never from the extension."),
    Column("size_bytes", "int64", "File size.", "byte"),
    Column("digest", "string", "XXH3-128 of the bytes, hex; null unless read whole."),
)
IDENTITIES = (
    Column("dataset", "level", "Dataset the person belongs to.", level="identity"),
    Column("identity", "level", "Person.", level="identity"),
    Column("images", "int64", "How many images of the person the manifest has.", level="identity"),
    *_attribute_columns(identity_attributes(), "identity"),
)
REJECTED = (
    Column("dataset", "level", "Dataset the file was found in."),
    Column("path", "string", "Path relative to the dataset's root, POSIX."),
    Column("reason", "level", "Why it is not in the manifest, one word or two."),
    Column("detail", "string", "The same as a sentence."),
)
SCAN = (
    Column("dataset", "level", "Dataset the file was found in."),
    Column("path", "string", "Path relative to the dataset's root, POSIX."),
    Column("size_bytes", "int64", "File size when it was read.", "byte"),
    Column("mtime_ns", "int64", "Modification time when it was read.", "nanosecond"),
)
MEMBERS = (
    Column("arm", "level", "Training set the row belongs to; null for test rows, which stand once."),
    Column("role", "level", "train, query or gallery."),
    Column("uid", "uint64", "Key of the image."),
    Column("dataset", "level", "Dataset the image belongs to."),
    Column("path", "string", "Path relative to the dataset's root, POSIX."),
    Column("identity", "level", "Person."),
    *_attribute_columns(["camera", "viewpoint_deg", "weather", "illumination", "background"], "image"),
    *_attribute_columns(identity_attributes(), "identity"),
    Column("weight", "float64", "How often training draws the image, against a mean of 1; null where all count alike."),
)
EXCLUDED = (
    Column("protocol", "level", "Protocol under which nothing in the gallery answers the query."),
    Column("uid", "uint64", "Key of the image."),
    Column("dataset", "level", "Dataset the image belongs to."),
    Column("path", "string", "Path relative to the dataset's root, POSIX."),
    Column("identity", "level", "Person."),
    Column("reason", "level", "Why, in words."),
)
TESTS = (
    Column("group", "level", "Rows that stand together; split.json says which groups make up a test."),
    Column("role", "level", "query, gallery or removed."),
    Column("uid", "uint64", "Key of the image, one of the test rows of members."),
    Column("of", "uint64", "Of a removed row, the query whose ranking it leaves; else null."),
)
QUERIES = (
    Column("target", "level", "What was searched."),
    Column("uid", "uint64", "Key of the query image."),
    Column("identity", "level", "Person looked for: the unit that intervals resample."),
    Column(
        "level",
        "level",
        "The query's own level of the split's attribute; null where the target does not know it.",
    ),
    Column("valid", "bool", "Whether the query has a true match to be found."),
    Column("AP", "float64", "Average precision, 0-1; null when not valid."),
    Column("first_match_rank", "int32", "Rank of the first true match, from 1; null when not valid."),
    Column(
        "inp",
        "float64",
        "Inverse negative penalty: true matches over the rank of the last one; null when not valid.",
    ),
)
RESULTS = (
    Column("split", "string", "Split.", level="run"),
    Column("recipe", "string", "Recipe.", level="run"),
    Column("backbone", "string", "Network.", level="run"),
    Column("weights", "string", "Where its first weights came from.", level="run"),
    Column("arm", "string", "Training set; `untrained` is the network before training.", level="run"),
    Column("target", "string", "What was searched; `self` is the split's own test set.", level="run"),
    Column("protocol", "string", "Which gallery rows count.", level="run"),
    Column("seed", "int64", "Seed.", level="run"),
    Column("mAP", "float64", "Mean average precision over valid queries, 0-1.", level="run"),
    Column("rank1", "float64", "CMC at rank 1, 0-1.", level="run"),
    Column("rank5", "float64", "CMC at rank 5, 0-1.", level="run"),
    Column("rank10", "float64", "CMC at rank 10, 0-1.", level="run"),
    Column("mINP", "float64", "Mean inverse negative penalty, 0-1.", level="run"),
    Column("queries", "int64", "Valid queries.", level="run"),
    Column("train_identities", "int64", "Persons trained on.", level="run"),
    Column("train_images", "int64", "Images trained on.", level="run"),
    Column("images_seen", "int64", "Images that went through training, repeats included.", level="run"),
    Column("steps", "int64", "Optimiser steps.", level="run"),
    Column("seconds", "float64", "Training time.", "second", level="run"),
    Column("images_per_second", "float64", "Training speed.", "1/second", level="run"),
    Column("device", "string", "What it ran on.", level="run"),
    Column("train_digest", "string", "Fingerprint of the training set: equal ones are trained once.", level="run"),
)
SUMMARY = (
    Column("split", "string", "Split.", level="arm"),
    Column("recipe", "string", "Recipe.", level="arm"),
    Column("backbone", "string", "Network.", level="arm"),
    Column("weights", "string", "Where its first weights came from.", level="arm"),
    Column("arm", "string", "Training set.", level="arm"),
    Column("target", "string", "What was searched.", level="arm"),
    Column("protocol", "string", "Which gallery rows count.", level="arm"),
    Column("reference", "string", "The arm that differences are taken to.", level="arm"),
    Column("seeds", "int64", "Seeds averaged.", level="arm"),
    Column("queries", "int64", "Valid queries.", level="arm"),
    Column("query_identities", "int64", "Persons among them: what the interval resamples.", level="arm"),
    Column("train_identities", "int64", "Persons trained on.", level="arm"),
    Column("train_images", "int64", "Images trained on.", level="arm"),
    *(
        column
        for metric in ("mAP", "rank1")
        for column in (
            Column(metric, "float64", f"Mean {metric} over seeds, 0-1.", level="arm"),
            Column(f"{metric}_low", "float64", "Lower end of its 95% interval.", level="arm"),
            Column(f"{metric}_high", "float64", "Upper end of its 95% interval.", level="arm"),
            Column(
                f"{metric}_difference",
                "float64",
                f"Paired difference of {metric} to the reference arm.",
                level="arm",
            ),
            Column(f"{metric}_difference_low", "float64", "Lower end of its 95% interval.", level="arm"),
            Column(f"{metric}_difference_high", "float64", "Upper end of its 95% interval.", level="arm"),
        )
    ),
    Column("mAP_sd", "float64", "Standard deviation of mAP over seeds.", level="arm"),
    Column("rank5", "float64", "Mean CMC at rank 5.", level="arm"),
    Column("rank10", "float64", "Mean CMC at rank 10.", level="arm"),
    Column("mINP", "float64", "Mean mINP.", level="arm"),
    Column("seconds", "float64", "Mean training time.", "second", level="arm"),
)
DISTANCES = (
    Column("target", "string", "What the level is compared with.", level="level"),
    Column("attribute", "string", "Attribute the level belongs to.", level="level"),
    Column("value", "string", "The level, as text.", level="level"),
    Column("features", "string", "Which features are compared: all of them, or one kind alone.", level="level"),
    Column("measure", "string", "energy, mmd2, mmd2_narrow, mmd2_wide or kid.", level="level"),
    Column(
        "distance",
        "float64",
        "Debiased distance of the level's images to the target's; may fall below 0.",
        level="level",
    ),
    Column("low", "float64", "Lower end of its 95% interval over identities.", level="level"),
    Column("high", "float64", "Upper end of its 95% interval over identities.", level="level"),
    Column("null_low", "float64", "Lower end of the 95% range of the distance with shuffled levels.", level="level"),
    Column("null_high", "float64", "Upper end of the 95% range of the distance with shuffled levels.", level="level"),
    Column("images", "int64", "Images of the level that were compared.", level="level"),
    Column("identities", "int64", "Persons among them: what the interval resamples.", level="level"),
)

TABLES = {
    "images": IMAGES,
    "identities": IDENTITIES,
    "rejected": REJECTED,
    "scan": SCAN,
    "members": MEMBERS,
    "excluded": EXCLUDED,
    "tests": TESTS,
    "queries": QUERIES,
    "results": RESULTS,
    "summary": SUMMARY,
    "distances": DISTANCES,
}


def arrow_schema(columns: Sequence[Column]) -> "pa.Schema":
    """The Arrow schema of a table; units and sentences ride along as field metadata."""
    import pyarrow as pa

    types = {"level": pa.dictionary(pa.int32(), pa.string()), "bool": pa.bool_(), "string": pa.string()}
    return pa.schema(
        [
            pa.field(
                column.name,
                types.get(column.type) or pa.type_for_alias(column.type),
                metadata={"unit": column.unit, "level": column.level, "sentence": column.sentence},
            )
            for column in columns
        ]
    )


def conform(table: "pa.Table", columns: Sequence[Column]) -> "pa.Table":
    """The table with exactly these columns, in this order and of these types; absent ones become nulls."""
    import pyarrow as pa

    schema = arrow_schema(columns)
    arrays = []
    for field in schema:
        if field.name not in table.column_names:
            arrays.append(pa.chunked_array([pa.nulls(table.num_rows, field.type)]))
            continue
        column = table.column(field.name)
        arrays.append(column if column.type == field.type else column.cast(field.type))
    return pa.table(arrays, schema=schema)


def require(
    present: Sequence[str], wanted: Sequence[str], where: str, error: type[GprplusError] = ManifestError
) -> None:
    """Raise when a table lacks columns, naming them."""
    absent = [name for name in wanted if name not in present]
    if absent:
        raise error(f"{where} lacks the column(s) {', '.join(absent)}; it has {', '.join(present)}.")
