"""The tables of runs: queries, and what is collected of scores."""

from gprplus.schema.column import Column
from gprplus.schema.split import MEMBERS

QUERIES = (
    Column("target", "level", "What was searched."),
    Column("uid", "uint64", "Key of the query image."),
    Column("identity", "level", "Identity of the query: the unit of replication of intervals."),
    Column(
        "level",
        "level",
        "The query's own level of the split's attribute; null where the target does not know it.",
    ),
    Column("valid", "bool", "Whether the query has a true match to be found."),
    Column("AP", "float64", "Average precision, 0-1; null when not valid."),
    Column(
        "first_match_rank", "int32", "Rank of the first true match, from 1; null when not valid."
    ),
    Column(
        "inp",
        "float64",
        "Inverse negative penalty: true matches over the rank of the last one; null when not"
        " valid.",
    ),
)
RANKED_IMAGE = (
    "uid",
    "dataset",
    "path",
    "identity",
    "camera",
    "viewpoint_deg",
    "weather",
    "illumination",
)
RANKED = (
    Column("target", "level", "What was searched."),
    Column(
        "rule",
        "level",
        "Why the query is kept: best, median or worst of the run, or random (by hash).",
    ),
    Column("query", "uint64", "Key of the query image."),
    Column("AP", "float64", "Average precision of the query, 0-1."),
    Column("rank", "int32", "Rank of the image, from 1; 0 is the query itself."),
    Column("match", "bool", "Whether it shows the identity of the query; null for the query."),
    Column("similarity", "float64", "Cosine of the two features; null for the query."),
    *(column for column in MEMBERS if column.name in RANKED_IMAGE),
)
RESULTS = (
    Column("split", "string", "Split.", level="run"),
    Column("recipe", "string", "Recipe.", level="run"),
    Column("backbone", "string", "Network.", level="run"),
    Column("weights", "string", "Where its first weights came from.", level="run"),
    Column(
        "arm", "string", "Training set; `untrained` is the network before training.", level="run"
    ),
    Column(
        "target", "string", "What was searched; `self` is the split's own test set.", level="run"
    ),
    Column("protocol", "string", "Which gallery rows count.", level="run"),
    Column("seed", "int64", "Seed.", level="run"),
    Column("mAP", "float64", "Mean average precision over valid queries, 0-1.", level="run"),
    Column("rank1", "float64", "CMC at rank 1, 0-1.", level="run"),
    Column("rank5", "float64", "CMC at rank 5, 0-1.", level="run"),
    Column("rank10", "float64", "CMC at rank 10, 0-1.", level="run"),
    Column("mINP", "float64", "Mean inverse negative penalty, 0-1.", level="run"),
    Column("queries", "int64", "Valid queries.", level="run"),
    Column("train_identities", "int64", "Number of training identities.", level="run"),
    Column("train_images", "int64", "Images trained on.", level="run"),
    Column(
        "images_seen", "int64", "Images that went through training, repeats included.", level="run"
    ),
    Column("steps", "int64", "Optimiser steps.", level="run"),
    Column("seconds", "float64", "Training time.", "second", level="run"),
    Column("images_per_second", "float64", "Training speed.", "1/second", level="run"),
    Column("device", "string", "What it ran on.", level="run"),
    Column(
        "train_digest",
        "string",
        "Fingerprint of the training set: equal ones are trained once.",
        level="run",
    ),
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
    Column("query_identities", "int64", "Query identities: the unit of replication.", level="arm"),
    Column("train_identities", "int64", "Number of training identities.", level="arm"),
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
            Column(
                f"{metric}_difference_low", "float64", "Lower end of its 95% interval.", level="arm"
            ),
            Column(
                f"{metric}_difference_high",
                "float64",
                "Upper end of its 95% interval.",
                level="arm",
            ),
        )
    ),
    Column("mAP_sd", "float64", "Standard deviation of mAP over seeds.", level="arm"),
    Column("rank5", "float64", "Mean CMC at rank 5.", level="arm"),
    Column("rank10", "float64", "Mean CMC at rank 10.", level="arm"),
    Column("mINP", "float64", "Mean mINP.", level="arm"),
    Column("seconds", "float64", "Mean training time.", "second", level="arm"),
)
