"""The tables of a render plan."""

from gprplus.core.declarations import identity_attributes
from gprplus.schema.column import Column, attribute_columns

PLAN_CELLS = (
    Column("cell", "int64", "Number of the row, from 1.", level="cell"),
    Column(
        "viewpoint_deg",
        "int32",
        "Whole degrees from 0 to 359: 90 is the front, 180 the right profile.",
        "degree",
        level="cell",
    ),
    Column(
        "camera_height_m",
        "float64",
        "Height of the camera; null: that of the domain.",
        "metre",
        level="cell",
    ),
    Column("weather", "level", "Level of weather.", level="cell"),
    Column(
        "illumination",
        "level",
        "Hour, or two neighbouring hours such as afternoon-dusk for the light half way.",
        level="cell",
    ),
    Column("background", "level", "Place; null: the first one of the domain.", level="cell"),
    Column(
        "identities",
        "list<string>",
        "Identities to draw, one image each; in CSV as numbers such as 1-4 7.",
        level="cell",
    ),
    Column("images", "int64", "Number of images: that of the identities.", level="cell"),
    Column("weight", "float64", "Share of the cell that the method chose.", level="cell"),
    Column("is_new", "bool", "Whether no image of the cell existed before.", level="cell"),
    Column("reason", "string", "Why the cell is in the plan.", level="cell"),
)
PLAN_IDENTITIES = (
    Column("identity", "string", "Identity, as in the column identities.", level="identity"),
    *attribute_columns(identity_attributes(), "identity"),
    Column("reason", "string", "Why the identity is in the plan.", level="identity"),
)
