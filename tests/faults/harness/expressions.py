"""Random `--where` expressions and file names."""

from random import Random

COLUMNS = (
    "weather",
    "illumination",
    "camera",
    "viewpoint_deg",
    "identity",
    "gender",
    "uid",
    "path",
    "is_junk",
    "frame",
)
COLUMNS += (
    "size_bytes",
    "dataset",
    "role",
    "digest",
    "is_exact_duplicate",
    "brightness",
    "nothing",
    "wether",
    "is_blurry",
)
VALUES = (
    "sunny",
    "foggy",
    "'sunny'",
    '"a b"',
    "1",
    "90",
    "-1",
    "1.5",
    "1e400",
    "9" * 400,
    "18446744073709551615",
)
VALUES += (
    "9223372036854775808",
    "nan",
    "inf",
    "-inf",
    "true",
    "null",
    "1e-400",
    "''",
    "0001",
    "0x10",
    "1_000",
    "٣",
    "12.0",
)
OPERATORS = ("=", "==", "!=", "<", "<=", ">", ">=")


def where(rng: Random) -> str:
    """An expression of the grammar, now and then with a piece lost, doubled or out of place."""
    text = _any(rng, rng.randint(0, 4))
    chance = rng.random()
    if chance < 0.05:
        return "(" * 3000 + text + ")" * 3000
    if chance < 0.1:
        return "not " * 3000 + text
    if chance < 0.13:
        return " or ".join([text] * 2000)
    if chance < 0.3:
        pieces = text.split(" ")
        at = rng.randrange(len(pieces))
        pieces[at] = rng.choice(
            ["", "(", ")", ",", "in", "not", "\x00", "\x1b[31m", "{", "__import__", pieces[at] * 2]
        )
        return " ".join(pieces)
    return text


def _any(rng: Random, depth: int) -> str:
    if depth == 0:
        return _test(rng)
    return rng.choice(
        [
            lambda: f"not {_any(rng, depth - 1)}",
            lambda: f"({_any(rng, depth - 1)})",
            lambda: f"{_any(rng, depth - 1)} and {_any(rng, depth - 1)}",
            lambda: f"{_any(rng, depth - 1)} or {_any(rng, depth - 1)}",
        ]
    )()


def _test(rng: Random) -> str:
    column, value, other = rng.choice(COLUMNS), rng.choice(VALUES), rng.choice(VALUES)
    return rng.choice(
        [
            f"{column} {rng.choice(OPERATORS)} {value}",
            f"{value} {rng.choice(OPERATORS)} {column}",
            f"{value} <= {column} < {other}",
            f"{column} {rng.choice(OPERATORS)} {rng.choice(COLUMNS)}",
            f"{column} in ({value}, {other})",
            f"{column} not in ({value}, {other}, {column})",
            f"{column} is null",
            f"{column} is not null",
            column,
        ]
    )


NAMES = (
    "0009",
    "_0009",
    ".0009",
    "..0009",
    "a b",
    "ünï",
    "café",
    "-1",
    "0" * 30,
    "9" * 250,
    "a\nb",
    "\x1b[31m",
    "０００１",
    "'; rm",
    "%s",
)


def file_name(rng: Random) -> str:
    """A file name near to those of the engine, or far from them."""
    identity = rng.choice(["0001", "0009", "1", "", "9" * 25, "-1", "０００１", "000x"])
    camera = rng.choice(["01", "1", "99", "9" * 30, "-1", "", "²"])
    weather = rng.choice(["01", "04", "00", "77", "9" * 20])
    name = f"{identity}_c{camera}_w{weather}_l{rng.choice(['04', '4', '99'])}"
    ending = rng.choice(
        [
            ".jpg",
            ".jpg",
            ".jpg",
            ".JPG",
            ".png",
            ".jpeg",
            ".jpg.jpg",
            "",
            ".jpg ",
            ".tar",
            ".zip",
            ".txt",
        ]
    )
    before = rng.choice(["", "", "", "", "_", ".", " ", "~", "\n", "\x1b[31m", "a", "\udcff"])
    return before + name + ending
