"""The columns of the tables of an analysis except distances.parquet (schema.DISTANCES)."""

from gprplus.schema import Column

_OF = (
    Column("target", "string", "What is compared with.", level="row"),
    Column("features", "string", "Which features are compared.", level="row"),
)
EFFECTS = (
    *_OF,
    Column(
        "score",
        "string",
        "debiased (distance to the target minus that to renders of other identities) or raw (to the"
        " target alone).",
        level="row",
    ),
    Column(
        "effect",
        "string",
        "A factor, or several joined by ' x '; `identity` is the identity.",
        level="row",
    ),
    Column("order", "int64", "Number of factors in the effect, including identity.", level="row"),
    Column(
        "share", "float64", "Part of the variance (S), without bias; may fall below 0.", level="row"
    ),
    Column("low", "float64", "Lower end of its 95% interval over identities.", level="row"),
    Column("high", "float64", "Upper end of its 95% interval over identities.", level="row"),
    Column(
        "total",
        "float64",
        "Part of the variance with everything a factor takes part in (S_T).",
        level="row",
    ),
    Column("total_low", "float64", "Lower end of its 95% interval.", level="row"),
    Column("total_high", "float64", "Upper end of its 95% interval.", level="row"),
    Column(
        "null_high",
        "float64",
        "97.5% point of the share when the factor's levels are shuffled.",
        level="row",
    ),
)
IMPORTANCE = (
    *_OF,
    Column("attribute", "string", "The factor whose column is shuffled.", level="row"),
    Column("drop", "float64", "Decrease of R^2 on held-out identities.", level="row"),
    Column("low", "float64", "Lower end of its 95% interval over identities.", level="row"),
    Column("high", "float64", "Upper end of its 95% interval over identities.", level="row"),
    Column(
        "null_low",
        "float64",
        "Lower end of the range of the factor's shuffled copies.",
        level="row",
    ),
    Column(
        "null_high",
        "float64",
        "Upper end of the range of the factor's shuffled copies.",
        level="row",
    ),
)
LOSSES = (
    Column("target", "string", "What the level is compared with.", level="level"),
    Column("attribute", "string", "Attribute the level belongs to.", level="level"),
    Column("value", "string", "The level, as text.", level="level"),
    Column("content", "float64", "Mean content loss over random pairs (VGG-19).", level="level"),
    Column("style", "float64", "Mean style loss over the same pairs.", level="level"),
    Column(
        "total", "float64", "alpha x style + beta x content: what the paper plots.", level="level"
    ),
    Column(
        "low", "float64", "Lower end of the total's 95% interval over identities.", level="level"
    ),
    Column(
        "high", "float64", "Upper end of the total's 95% interval over identities.", level="level"
    ),
    Column(
        "content_debiased",
        "float64",
        "Content loss less half of that within each side.",
        level="level",
    ),
    Column(
        "style_debiased", "float64", "Style loss less half of that within each side.", level="level"
    ),
    Column("total_debiased", "float64", "The same sum of the debiased terms.", level="level"),
    Column(
        "kept",
        "bool",
        "Whether the cut rule keeps the level; null outside of paper mode.",
        level="level",
    ),
    Column("images", "int64", "Images of the level.", level="level"),
    Column("identities", "int64", "Number of identities among them.", level="level"),
)
COUNTS = (
    Column("target", "string", "What is compared with.", level="row"),
    Column(
        "attribute",
        "string",
        "A column the trees may split on; identity is one of them, as in the paper.",
        level="row",
    ),
    Column("levels", "int64", "How many values it has.", level="row"),
    Column(
        "splits", "int64", "How often the trees split on it (importance type weight).", level="row"
    ),
    Column("share", "float64", "The same as a part of all splits.", level="row"),
    Column(
        "null_share",
        "float64",
        "That part when the losses are shuffled: what cardinality alone gives.",
        level="row",
    ),
    Column(
        "gain_share",
        "float64",
        "Part of the total gain, which cardinality inflates less.",
        level="row",
    ),
)
ARMS = (
    Column("target", "string", "What the arms were scored on.", level="row"),
    Column("split", "string", "Split the arm belongs to.", level="row"),
    Column("arm", "string", "The training set.", level="row"),
    Column("features", "string", "Which features are compared.", level="row"),
    Column(
        "distance",
        "float64",
        "Debiased energy distance of its images to the target's.",
        level="row",
    ),
    Column(
        "luminance", "float64", "The same on light alone; null without histograms.", level="row"
    ),
    Column("images", "int64", "Training images of the arm.", level="row"),
    Column("mAP", "float64", "Mean mAP over seeds.", level="row"),
)
CELLS = (
    Column("target", "string", "What the subset is near to.", level="row"),
    Column(
        "cell",
        "string",
        "Levels of the crossed factors, as ATTR=LEVEL joined by spaces.",
        level="row",
    ),
    Column(
        "weight", "float64", "Weight of the cell in the chosen mixture; they sum to 1.", level="row"
    ),
    Column("low", "float64", "Lower end of its 95% range over resampled identities.", level="row"),
    Column("high", "float64", "Upper end of its 95% range over resampled identities.", level="row"),
    Column("images", "int64", "Images of the cell in the subset.", level="row"),
)
BASELINES = (
    Column("target", "string", "What the subset is near to.", level="row"),
    Column("method", "string", "How the subset was chosen.", level="row"),
    Column(
        "fitted",
        "float64",
        "Squared discrepancy to the half of the target it was chosen on, unbiased.",
        level="row",
    ),
    Column("held_out", "float64", "The same to the other half.", level="row"),
    Column(
        "low",
        "float64",
        "Lower end of the held-out 95% interval over target identities.",
        level="row",
    ),
    Column(
        "high",
        "float64",
        "Upper end of the held-out 95% interval over target identities.",
        level="row",
    ),
    Column("cells", "int64", "Cells that are in the subset.", level="row"),
    Column("images", "int64", "Images that are in the subset.", level="row"),
)

TABLES = {
    "effects": EFFECTS,
    "importance": IMPORTANCE,
    "losses": LOSSES,
    "counts": COUNTS,
    "arms": ARMS,
    "cells": CELLS,
    "rivals": BASELINES,
}
