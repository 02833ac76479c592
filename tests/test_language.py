"""The words of docs, docstrings, comments and messages: technical terms instead of a private
dialect."""

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
LIMIT = 0.2  # occurrences per 1,000 words, the highest rate among comparable projects

# Verbs of speech and posture used for programs and data, and vague nouns.
MANNERED = re.compile(
    r"\b(say|says|said|saying|tell|tells|told|telling|stand|stands|stood|standing|beside|nobody|anybody|somebody"
    r"|everybody|lie|lies|lay|lying|judge|judges|judged|judging|settle|settles|settled|ask|asks|asked|asking|knows"
    r"|strangers?)\b",
    re.IGNORECASE,
)
# An identity is a label; a person is a 3D body of the engine or a body in a frame.
LABELS = re.compile(
    r"(?<![-\w])(?<!walking )(person|persons|people)\b(?! re-ID| re-identification)", re.IGNORECASE
)
BODIES = (
    "docs/engine.md",
    "docs/engines.md",
    "docs/frames.md",
    "gprplus/engine/",
    "gprplus/cropping/",
)
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]*`|\]\([^)]*\)|\{%.*?%\}|\{\{.*?\}\}|<[^<>]*>", re.DOTALL)

PAGES = [
    "README.md",
    "CHANGELOG.md",
    *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")),
]


def page_texts(path: Path) -> Iterator[str]:
    """Yield the text of a page or template."""
    yield path.read_text(encoding="utf-8")


def source_texts(path: Path) -> Iterator[str]:
    """Yield the docstrings, comments, help texts and messages of a Python file: all literals with a
    space."""
    source = path.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield node.value
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.string


def check(paths: list[Path], texts: Callable[[Path], Iterator[str]]) -> None:
    """Fail if the mannered words of the files exceed the limit, and list them."""
    words, found = 0, []
    for path in paths:
        name = path.relative_to(ROOT).as_posix()
        patterns = [MANNERED] if name.startswith(BODIES) else [MANNERED, LABELS]
        for text in texts(path):
            prose = CODE.sub(" ", FENCED.sub(" ", text))
            words += len(re.findall(r"[A-Za-z']+", prose))
            matches = (match for pattern in patterns for match in pattern.finditer(prose))
            found += [
                f"{name}: ...{prose[max(0, m.start() - 30) : m.end() + 30]!r}" for m in matches
            ]
    rate = 1000 * len(found) / words
    assert rate <= LIMIT, f"{rate:.2f} mannered words per 1,000 (limit {LIMIT}):\n" + "\n".join(
        found
    )


def test_the_patterns_find_mannered_words_only() -> None:
    assert MANNERED.findall("It says who stands beside; layout, an essay") == [
        "says",
        "stands",
        "beside",
    ]
    assert LABELS.findall("walking people, person re-ID, two people") == ["people"]
    assert CODE.sub("", "a `said` b") == "a  b"


def test_docs_use_plain_words() -> None:
    check([ROOT / page for page in PAGES], page_texts)


def test_texts_of_the_package_use_plain_words() -> None:
    check(sorted((ROOT / "gprplus").rglob("*.py")), source_texts)


def test_pages_of_reports_use_plain_words() -> None:
    check(sorted((ROOT / "gprplus").rglob("*.j2")), page_texts)
