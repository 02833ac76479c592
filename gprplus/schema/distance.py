"""The table of an analysis."""

from gprplus.schema.column import Column

DISTANCES = (
    Column("target", "string", "What the level is compared with.", level="level"),
    Column("attribute", "string", "Attribute the level belongs to.", level="level"),
    Column("value", "string", "The level, as text.", level="level"),
    Column(
        "features",
        "string",
        "Which features are compared: all of them, or one kind alone.",
        level="level",
    ),
    Column("measure", "string", "energy, mmd2, mmd2_narrow, mmd2_wide or kid.", level="level"),
    Column(
        "distance",
        "float64",
        "Debiased distance of the level's images to the target's; may fall below 0.",
        level="level",
    ),
    Column("low", "float64", "Lower end of its 95% interval over identities.", level="level"),
    Column("high", "float64", "Upper end of its 95% interval over identities.", level="level"),
    Column(
        "null_low",
        "float64",
        "Lower end of the 95% range of the distance with shuffled levels.",
        level="level",
    ),
    Column(
        "null_high",
        "float64",
        "Upper end of the 95% range of the distance with shuffled levels.",
        level="level",
    ),
    Column("images", "int64", "Images of the level that were compared.", level="level"),
    Column(
        "identities",
        "int64",
        "Identities among them: the unit of resampling for the interval.",
        level="level",
    ),
)
