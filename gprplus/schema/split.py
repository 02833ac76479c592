"""The tables of a split."""

from gprplus.core.declarations import Attributes, identity_attributes
from gprplus.schema.column import Column, attribute_columns, own_columns

MEMBERS = (
    Column("arm", "level", "Training set of the row; null for test rows, which occur once."),
    Column("role", "level", "train, query or gallery."),
    Column("uid", "uint64", "Key of the image."),
    Column("dataset", "level", "Dataset the image belongs to."),
    Column("path", "string", "Path relative to the dataset's root, POSIX."),
    Column("identity", "level", "Identity."),
    *attribute_columns(
        ["camera", "viewpoint_deg", "weather", "illumination", "background"], "image"
    ),
    *attribute_columns(identity_attributes(), "identity"),
    Column(
        "weight",
        "float64",
        "How often training draws the image, against a mean of 1; null where all count alike.",
    ),
    Column(
        "deal",
        "int32",
        "Deal of the arm: training seed k trains on deal k. Null where the arm has one deal.",
    ),
)


def member_columns(own: Attributes) -> tuple[Column, ...]:
    """Return the columns of the members of a split that has attributes of its manifest's own."""
    return (*MEMBERS, *own_columns(own, "image"), *own_columns(own, "identity"))


EXCLUDED = (
    Column("protocol", "level", "Protocol under which nothing in the gallery answers the query."),
    Column("uid", "uint64", "Key of the image."),
    Column("dataset", "level", "Dataset the image belongs to."),
    Column("path", "string", "Path relative to the dataset's root, POSIX."),
    Column("identity", "level", "Identity."),
    Column("reason", "level", "Why, in words."),
)
TESTS = (
    Column("group", "level", "Rows used together; split.json lists the groups of each test."),
    Column("role", "level", "query, gallery or removed."),
    Column("uid", "uint64", "Key of the image, one of the test rows of members."),
    Column("of", "uint64", "Of a removed row, the query whose ranking it leaves; else null."),
)
