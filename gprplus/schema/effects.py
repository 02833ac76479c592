"""The tables of what runs are worth together: effects, noise, growth."""

from gprplus.schema.column import Column

CONTRASTS = (
    Column("split", "string", "Split.", level="contrast"),
    Column("recipe", "string", "Recipe.", level="contrast"),
    Column("target", "string", "What was searched.", level="contrast"),
    Column("metric", "string", "mAP or rank1.", level="contrast"),
    Column(
        "family",
        "string",
        "Contrasts that were declared together, and are adjusted together.",
        level="contrast",
    ),
    Column("contrast", "string", "Which of the family.", level="contrast"),
    Column("formula", "string", "Formula in terms of scores S.", level="contrast"),
    Column(
        "aliases",
        "string",
        "Effects of up to two factors that are aliased with it; null: none.",
        level="contrast",
    ),
    Column("value", "float64", "The effect, of scores 0-1.", level="contrast"),
    Column("low", "float64", "Lower end of the single 95% interval.", level="contrast"),
    Column("high", "float64", "Upper end of the single 95% interval.", level="contrast"),
    Column("error", "float64", "Standard error.", level="contrast"),
    Column(
        "freedom", "float64", "Degrees of freedom of the error; 0 with one seed.", level="contrast"
    ),
    Column(
        "p",
        "float64",
        "Two-sided probability of as large a value without an effect.",
        level="contrast",
    ),
    Column(
        "p_holm", "float64", "The same, adjusted for the family by Holm's steps.", level="contrast"
    ),
    Column(
        "p_max", "float64", "The same, adjusted by the largest |t| of the family.", level="contrast"
    ),
    Column(
        "family_low",
        "float64",
        "Lower end of the interval that holds for the whole family.",
        level="contrast",
    ),
    Column(
        "family_high",
        "float64",
        "Upper end of the interval that holds for the whole family.",
        level="contrast",
    ),
    Column(
        "d_z",
        "float64",
        "Mean over standard deviation of the values of each seed.",
        level="contrast",
    ),
    Column(
        "omega2", "float64", "Partial omega squared of a factorial effect, 0-1.", level="contrast"
    ),
    Column("margin", "float64", "What counts as no difference, of scores 0-1.", level="contrast"),
    Column(
        "p_equivalence",
        "float64",
        "Probability of two one-sided tests against the margin.",
        level="contrast",
    ),
    Column(
        "verdict",
        "string",
        "Verdict of the family's interval: higher or lower (it excludes 0), equivalent (within the"
        " margin), else undecided; unknown without a second seed.",
        level="contrast",
    ),
    Column(
        "draws",
        "int64",
        "Draws of the random control it is taken against: of each arm one a seed, up to its deals;"
        " 0: none.",
        level="contrast",
    ),
    Column("seeds", "int64", "Seeds.", level="contrast"),
    Column("query_identities", "int64", "Number of query identities.", level="contrast"),
)
COMPONENTS = (
    Column("split", "string", "Split.", level="component"),
    Column("recipe", "string", "Recipe.", level="component"),
    Column("target", "string", "What was searched.", level="component"),
    Column("metric", "string", "mAP or rank1.", level="component"),
    Column(
        "component",
        "string",
        "`person`, `seed`, `arm x person`, `arm x seed`, `seed x person`, `residual`, or `subset"
        " draw`.",
        level="component",
    ),
    Column("variance", "float64", "Variance of one unit, of scores 0-1.", level="component"),
    Column("low", "float64", "Lower end of its 95% interval.", level="component"),
    Column("high", "float64", "Upper end of its 95% interval.", level="component"),
    Column("arms", "int64", "Trained arms it was estimated from.", level="component"),
    Column("seeds", "int64", "Seeds.", level="component"),
    Column("query_identities", "int64", "Number of query identities.", level="component"),
    Column(
        "effective_identities",
        "float64",
        "Number of identities with equal numbers of queries that would give the same precision.",
        level="component",
    ),
)
CURVES = (
    Column("split", "string", "Split.", level="curve"),
    Column("recipe", "string", "Recipe.", level="curve"),
    Column("target", "string", "What was searched.", level="curve"),
    Column("metric", "string", "mAP or rank1.", level="curve"),
    Column("curve", "string", "The arms of the curve.", level="curve"),
    Column("budgets", "int64", "Numbers of images it was fitted to.", level="curve"),
    Column("smallest_images", "int64", "The smallest of them.", level="curve"),
    Column("largest_images", "int64", "The largest of them.", level="curve"),
    *(
        column
        for name, sentence in (
            ("ceiling", "c of S(N) = c - b N^-p, of scores 0-1."),
            ("scale", "b of the same."),
            ("power", "p of the same; null where the score does not grow."),
        )
        for column in (
            Column(name, "float64", sentence, level="curve"),
            Column(f"{name}_low", "float64", "Lower end of its 95% interval.", level="curve"),
            Column(f"{name}_high", "float64", "Upper end of its 95% interval.", level="curve"),
        )
    ),
    Column(
        "rmse", "float64", "Root mean square of what the fit leaves, of scores 0-1.", level="curve"
    ),
    Column("goal", "string", "The arm whose score is to be reached.", level="curve"),
    Column("margin", "float64", "By how much less will do, of scores 0-1.", level="curve"),
    Column(
        "reach", "float64", "Images at which the curve reaches that; null: never.", level="curve"
    ),
    Column("reach_low", "float64", "Lower end of its 95% interval.", level="curve"),
    Column(
        "reach_high", "float64", "Upper end of its 95% interval; null: no bound.", level="curve"
    ),
    Column(
        "unreached", "float64", "Share of the resampled curves that never reach it.", level="curve"
    ),
)
POOLED = (
    Column("split", "string", "Split.", level="contrast"),
    Column("recipe", "string", "Recipe.", level="contrast"),
    Column("metric", "string", "mAP or rank1.", level="contrast"),
    Column("family", "string", "As in contrasts.", level="contrast"),
    Column("contrast", "string", "As in contrasts.", level="contrast"),
    Column("targets", "int64", "Targets pooled; never the split's own test set.", level="contrast"),
    Column(
        "value",
        "float64",
        "Random-effects mean of the effect over targets, of scores 0-1.",
        level="contrast",
    ),
    Column("low", "float64", "Lower end of its 95% interval.", level="contrast"),
    Column("high", "float64", "Upper end of its 95% interval.", level="contrast"),
    Column(
        "tau", "float64", "Standard deviation of the true effect over targets.", level="contrast"
    ),
    Column(
        "expected_low",
        "float64",
        "Lower end of where the effect on another target is expected.",
        level="contrast",
    ),
    Column(
        "expected_high",
        "float64",
        "Upper end of the same; null with fewer than three targets.",
        level="contrast",
    ),
)
LEFT_OUT = (
    Column("split", "string", "Split.", level="contrast"),
    Column("recipe", "string", "Recipe.", level="contrast"),
    Column("metric", "string", "mAP or rank1.", level="contrast"),
    Column("family", "string", "As in contrasts.", level="contrast"),
    Column("contrast", "string", "As in contrasts.", level="contrast"),
    Column("without", "string", "The target that was left out.", level="contrast"),
    Column(
        "targets",
        "int64",
        "Targets that are left; with one, the values are those of that target alone.",
        level="contrast",
    ),
    Column("value", "float64", "The pooled effect without it, of scores 0-1.", level="contrast"),
    Column("low", "float64", "Lower end of its 95% interval.", level="contrast"),
    Column("high", "float64", "Upper end of its 95% interval.", level="contrast"),
    Column("verdict", "string", "Verdict of that interval, as in contrasts.", level="contrast"),
    Column(
        "verdict_of_all",
        "string",
        "Verdict of the interval over all targets, of `pooled`.",
        level="contrast",
    ),
)
LOGIT = (
    Column("split", "string", "Split.", level="contrast"),
    Column("recipe", "string", "Recipe.", level="contrast"),
    Column("target", "string", "What was searched.", level="contrast"),
    Column("metric", "string", "mAP or rank1.", level="contrast"),
    Column("family", "string", "As in contrasts.", level="contrast"),
    Column("contrast", "string", "As in contrasts.", level="contrast"),
    Column(
        "value",
        "float64",
        "The contrast of the logits log(S / (1 - S)) of the arms' scores.",
        level="contrast",
    ),
    Column("error", "float64", "Its standard error, by the delta method.", level="contrast"),
    Column(
        "family_low",
        "float64",
        "Lower end of the interval that holds for the whole family.",
        level="contrast",
    ),
    Column(
        "family_high",
        "float64",
        "Upper end of the interval that holds for the whole family.",
        level="contrast",
    ),
    Column(
        "verdict",
        "string",
        "Verdict of that interval: higher, lower or undecided; unknown without a second seed.",
        level="contrast",
    ),
    Column(
        "holds",
        "bool",
        "Whether sign and significance agree with the contrast of the scores; null: unknown.",
        level="contrast",
    ),
)
DOSE = (
    Column("split", "string", "Split.", level="arm"),
    Column("recipe", "string", "Recipe.", level="arm"),
    Column("target", "string", "What was searched.", level="arm"),
    Column("metric", "string", "mAP or rank1.", level="arm"),
    Column("arm", "string", "Arm of the path.", level="arm"),
    Column("share", "float64", "Share of the path's second level or set, 0-1.", level="arm"),
    Column("value", "float64", "Mean score over seeds, 0-1.", level="arm"),
    Column("low", "float64", "Lower end of the single 95% interval.", level="arm"),
    Column("high", "float64", "Upper end of the single 95% interval.", level="arm"),
    Column("best", "bool", "Whether its score is the highest of the path.", level="arm"),
    Column(
        "may_be_best",
        "bool",
        "Whether no other share is shown to be better: the 95% set of the best share; null without"
        " a second seed.",
        level="arm",
    ),
    Column("seeds", "int64", "Seeds.", level="arm"),
    Column("query_identities", "int64", "Number of query identities.", level="arm"),
)
LEVELS = (
    Column("split", "string", "Split.", level="level"),
    Column("recipe", "string", "Recipe.", level="level"),
    Column("metric", "string", "mAP or rank1.", level="level"),
    Column("arm", "string", "Arm.", level="level"),
    Column("level", "string", "Level of the queries and of the gallery, alone.", level="level"),
    Column(
        "trained_on", "bool", "Whether the arm was trained on it; null: not known.", level="level"
    ),
    Column("value", "float64", "Mean score over seeds, 0-1.", level="level"),
    Column("low", "float64", "Lower end of the single 95% interval.", level="level"),
    Column("high", "float64", "Upper end of the single 95% interval.", level="level"),
    Column(
        "difference",
        "float64",
        "Paired difference to the reference arm on the level, or to the mixture of the arm's size.",
        level="level",
    ),
    Column(
        "family_low",
        "float64",
        "Lower end of its interval, simultaneous over the matrix.",
        level="level",
    ),
    Column(
        "family_high",
        "float64",
        "Upper end of its interval, simultaneous over the matrix.",
        level="level",
    ),
    Column("verdict", "string", "Verdict of that interval; null for the reference.", level="level"),
    Column("queries", "int64", "Queries of the level.", level="level"),
    Column("seeds", "int64", "Seeds.", level="level"),
    Column("query_identities", "int64", "Identities of the queries.", level="level"),
)
SENSITIVITY = (
    Column("split", "string", "Split.", level="contrast"),
    Column("recipe", "string", "Recipe.", level="contrast"),
    Column("variant", "string", "The setting of the recipe that was changed.", level="contrast"),
    Column("target", "string", "What was searched.", level="contrast"),
    Column("metric", "string", "mAP or rank1.", level="contrast"),
    Column("family", "string", "Family of the contrast, as in contrasts.", level="contrast"),
    Column("arm", "string", "The arm with the widest difference.", level="contrast"),
    Column("reference", "string", "The arm it is compared with.", level="contrast"),
    Column(
        "base",
        "float64",
        "The difference with the recipe as it is, of scores 0-1.",
        level="contrast",
    ),
    Column("base_low", "float64", "Lower end of the single 95% interval.", level="contrast"),
    Column("base_high", "float64", "Upper end of the single 95% interval.", level="contrast"),
    Column("value", "float64", "The difference with the changed setting.", level="contrast"),
    Column("low", "float64", "Lower end of the single 95% interval.", level="contrast"),
    Column("high", "float64", "Upper end of the single 95% interval.", level="contrast"),
    Column("sign_holds", "bool", "Whether both differences have one sign.", level="contrast"),
    Column("seeds", "int64", "Seeds.", level="contrast"),
)
