"""The columns that checks add: to images.parquet what was measured and each check's score and flag,
and looks.parquet.

Light on purpose: the command line, the filters of splits and the documentation read these records.
"""

from collections.abc import Iterable

from gprplus.core.errors import ManifestError, did_you_mean
from gprplus.schema import Column

# What was measured, which is in images.parquet as soon as one check is that looks at files.
MEASURED = (
    Column(
        "brightness",
        "float32",
        "Mean grey, 0 (black) to 1 (white); null where the file does not decode.",
    ),
    Column(
        "contrast",
        "float32",
        "Standard deviation of grey, 0 to 0.5, where half is black and half white.",
    ),
    Column(
        "sharpness",
        "float32",
        "Standard deviation of the edges of the image at about 64 pixels.",
        "grey level",
    ),
    Column(
        "dhash",
        "uint64",
        "Difference hash: bit 63 - (8 y + x) is set if gray decreases from x to x + 1 of 9 x 8.",
    ),
)
# check -> (its flag, meaning of the flag, meaning of the score). The score is called <check>_score:
# 1 is good.
CHECKS = {
    "decode": (
        "is_undecodable",
        "Is not a whole image.",
        (
            "1 where the file decodes whole, 0.5 where its decoder had to make up damaged data,"
            " else 0."
        ),
    ),
    "dark": ("is_dark", "Is too dark.", "Grey that only 1% of the pixels exceed, 0-1."),
    "light": (
        "is_light",
        "Is too bright.",
        "One less the grey that only 5% of the pixels fall below.",
    ),
    "contrast": (
        "is_low_contrast",
        "Is nearly of one grey.",
        "Contrast as a share of the greatest, 0.5.",
    ),
    "sharpness": (
        "is_blurry",
        "Is blurred.",
        "Strength of the edges, as an exponential of sharpness.",
    ),
    "information": (
        "is_low_information",
        "Shows hardly anything.",
        "Entropy of grey over its greatest, 8 bits.",
    ),
    "odd-size": (
        "is_odd_size",
        "Is far larger or smaller than its dataset.",
        "Distance from the middle of the sizes.",
    ),
    "odd-aspect": (
        "is_odd_aspect",
        "Is very long or very wide.",
        "The shorter side over the longer.",
    ),
    "exact-duplicate": (
        "is_exact_duplicate",
        "Has a copy, byte for byte; all copies do.",
        "One over the number of copies.",
    ),
    "near-duplicate": (
        "is_near_duplicate",
        "Has a look-alike.",
        "Bits from the nearest other dhash over radius + 1.",
    ),
    "cross-identity": (
        "is_cross_identity",
        "Is a copy of an image of another identity, or similar to one.",
        (
            "Like near-duplicate, but only among images of other identities and within 2 bits; a"
            " copy has distance 0."
        ),
    ),
    "identity-outlier": (
        "is_identity_outlier",
        "Is less similar to the other images of its identity than expected by chance.",
        (
            "Correlation with the other images of the identity, without the effect of conditions,"
            " from -1..1 to 0..1."
        ),
    ),
}


# A word of filters, computed from looks.parquet: images with the bytes of an earlier one.
EXTRA_COPY = "is_extra_copy"

# Words for several checks at once.
GROUPS = {
    "all": tuple(CHECKS),
    "brightness": ("dark", "light"),
    "size": ("odd-size", "odd-aspect"),
    "duplicates": ("exact-duplicate", "near-duplicate"),
    "identity": ("cross-identity", "identity-outlier"),
}


def parse_check_names(words: Iterable[str]) -> list[str]:
    """Return the checks for some names, in the order of CHECKS; none for the one name "none".

    Raises ManifestError for an unknown word.

    >>> parse_check_names(["sharpness", "brightness"])
    ['dark', 'light', 'sharpness']
    """
    words = list(words)
    for word in words:
        if word not in CHECKS and word not in GROUPS and words != ["none"]:
            raise ManifestError(
                f"There is no check '{word}'. {did_you_mean(word, [*CHECKS, *GROUPS])}"
            )
    names = {name for word in words for name in GROUPS.get(word, (word,))}
    return [name for name in CHECKS if name in names]


def score_column(check: str) -> str:
    """The column that keeps a check's score.

    >>> score_column("odd-size")
    'odd_size_score'
    """
    return f"{check.replace('-', '_')}_score"


def checks_overview() -> list[tuple[str, str, str]]:
    """Return each check with the columns of its score and its flag.

    >>> checks_overview()[4]
    ('sharpness', 'sharpness_score', 'is_blurry')
    """
    return [(check, score_column(check), flag) for check, (flag, _, _) in CHECKS.items()]


CHECKED = (
    *MEASURED,
    *(
        column
        for check, (flag, sentence, score) in CHECKS.items()
        for column in (
            Column(score_column(check), "float32", score),
            Column(flag, "bool", sentence),
        )
    ),
)
LOOKS = (
    Column("uid", "uint64", "Key of the image."),
    Column("size_bytes", "int64", "File size at the time of measurement.", "byte"),
    Column("mtime_ns", "int64", "Modification time at the time of measurement.", "nanosecond"),
    Column("content", "binary", "XXH3-128 of the bytes."),
    Column(
        "decoded", "bool", "Whether it is a whole image; nothing below is known where it is not."
    ),
    Column(
        "damaged",
        "bool",
        "Whether its decoder complained of the data, and made up what it could not read.",
    ),
    Column("dark", "float32", "99th percentile of grey, 0-1."),
    Column("light", "float32", "5th percentile of grey, 0-1."),
    Column("brightness", "float32", "Mean grey, 0-1."),
    Column("contrast", "float32", "Standard deviation of grey, 0-0.5."),
    Column(
        "sharpness", "float32", "Standard deviation of the edges at about 64 pixels.", "grey level"
    ),
    Column("entropy", "float32", "Entropy of grey, 0-8.", "bit"),
    Column("dhash", "uint64", "Difference hash."),
    Column("thumbnail", "binary", "Grey at 4 x 8, row by row."),
)
