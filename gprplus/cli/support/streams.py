"""Standard streams that can always be written to: closed ones, and terminals that lack a
character."""

import codecs
import os
import sys

PLAIN = "gprplus-plain"  # an error handler of encodings
# What tables and sentences are set with, for terminals of few characters. A minus sign must not
# become a question mark.
_PLAINLY = {
    "−": "-",
    "–": "-",
    "—": "-",
    "─": "-",
    "━": "-",
    "╸": "-",
    "╺": "-",
    "│": "|",
    "·": ".",
    "…": "...",
    "×": "x",
    "°": " deg",
    "²": "2",
}


def prepare_streams() -> None:
    """Open what is closed of the three standard streams on the null device, and let no character
    stop a line."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:  # left closed, the next file that is opened would take its place
            os.open(os.devnull, os.O_RDWR)
    sys.stdin = sys.stdin or open(0, closefd=False)  # noqa: SIM115  for as long as the process runs
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115
    codecs.register_error(PLAIN, replace_unencodable)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=PLAIN)


def replace_unencodable(error: UnicodeError) -> tuple[str, int]:
    """Return the replacement of a character that an encoding lacks, and the next position; bytes of
    names as escapes.

    >>> codecs.register_error(PLAIN, replace_unencodable)
    >>> "−0.9 – 90° é \\udcff 人".encode("ascii", PLAIN)
    b'-0.9 - 90 deg ? \\\\xff ?'
    """
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(map(_replacement, text)), error.end


def _replacement(character: str) -> str:
    if 0xDC80 <= ord(character) <= 0xDCFF:
        return f"\\x{ord(character) - 0xDC00:02x}"
    return _PLAINLY.get(character, "?")


def flush_streams() -> None:
    """Write out what is held back, so that what keeps it from being written is seen here and not at
    the very end."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()


def abandon_streams() -> None:
    """Let nothing more be written, for readers that have gone."""
    null = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        os.dup2(null, descriptor)
