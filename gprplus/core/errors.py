"""All errors that a user can fix, as one family of classes.

Every message states what went wrong, where, what was expected, what was found and what to do next.
The command line prints it and exits with 1; a library user catches `GprplusError`, or the builtin
that each class also inherits.
"""

import errno
import os
import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

# Parts of the names of system libraries that opencv-python needs and opencv-python-headless does
# not.
_DISPLAY = ("libGL", "libgthread", "libglib", "libSM", "libX", "libxcb", "cv2")


class GprplusError(Exception):
    """A problem the user can fix; its text is meant to be read."""


class DeclarationError(GprplusError, ValueError):
    """A TOML declaration (layout, recipe, study, attributes) is invalid."""


class RenderError(GprplusError, ValueError):
    """The requested design cannot be rendered by the engine."""


class PlanError(GprplusError, ValueError):
    """A render plan is missing, incomplete, or cannot be drawn by the engine."""


class FramesError(GprplusError, ValueError):
    """Frames and annotations that cannot become crops, or do not belong together."""


class LayoutError(GprplusError, ValueError):
    """A folder's names fit no layout, or more than one."""


class ManifestError(GprplusError, ValueError):
    """A manifest is missing, incomplete, of another schema, or lacks requested data."""


class SplitError(GprplusError, ValueError):
    """An experiment that cannot be answered with the images at hand."""


class FilterError(GprplusError, ValueError):
    """A --where expression does not parse, or uses unknown names."""


class RequestChanged(GprplusError, FileExistsError):
    """A folder holds the outcome of another request."""


class DeviceError(GprplusError, RuntimeError):
    """The requested device is missing or has too little memory."""


class ExecutorError(GprplusError, RuntimeError):
    """A cluster cannot be reached, or its nodes do not fit."""


class RecipeError(GprplusError, ValueError):
    """A recipe, backbone or weights file does not fit."""


class TrainingError(GprplusError, RuntimeError):
    """A training cannot start or had to stop."""


class ScoreError(GprplusError, ValueError):
    """Features, identities and cameras do not belong together."""


class AnalysisError(GprplusError, ValueError):
    """A distance that cannot be measured on the images at hand."""


class ArchiveError(GprplusError, OSError):
    """A member of an archive that cannot be read."""


class ExportError(GprplusError, ValueError):
    """Images that an export format cannot represent, or an output folder in use."""


class ReportError(GprplusError, ValueError):
    """The input of a report is missing or incomplete."""


class StorageWarning(UserWarning):
    """Object storage did not deliver an image that a page or a sheet shows."""


class TrackingWarning(UserWarning):
    """An experiment tracker failed; trainings go on without it."""


class BrowseError(GprplusError, ValueError):
    """The page of `gprplus browse` cannot show what was requested."""


def closest(word: str, choices: Iterable[str]) -> str | None:
    """The choice that is all but the word; None where none is.

    >>> closest("kamera", ["identity", "camera"]), closest("rain", ["snow"])
    ('camera', None)
    """
    close = get_close_matches(
        str(word).lower(), sorted({str(choice) for choice in choices}), n=1, cutoff=0.6
    )
    return close[0] if close else None


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """A sentence naming the nearest choice, else all of them (at most twelve).

    >>> did_you_mean("wether", ["weather", "illumination"])
    "Did you mean 'weather'?"
    >>> did_you_mean("qqq", ["b", "a"])
    'Known: a, b.'
    """
    known = sorted({str(choice) for choice in choices})
    close = closest(word, known)
    if close:
        return f"Did you mean '{close}'?"
    if not known:
        return "There is none to choose from."
    more = f", and {len(known) - 12} more" if len(known) > 12 else ""
    return f"Known: {', '.join(known[:12])}{more}."


def first_few(items: Sequence[object], limit: int = 3) -> str:
    """The first few items, and how many more there are.

    >>> first_few(["a", "b", "c", "d", "e"])
    'a, b, c and 2 more'
    >>> first_few(["a"])
    'a'
    """
    shown = ", ".join(escape(str(item)) for item in items[:limit])
    rest = len(items) - limit
    return f"{shown} and {rest:,} more" if rest > 0 else shown


def escape(text: str) -> str:
    """The text with whatever a terminal would obey, not show, as escapes: names of files may hold
    anything.

    >>> print(escape("a\\nb.jpg"), escape("märz.jpg"))
    a\\nb.jpg märz.jpg
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escape(c) for c in text)


def _escape(character: str) -> str:
    if "\udc80" <= character <= "\udcff":  # a byte of a file name that is not UTF-8
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()


def first_line(error: BaseException) -> str:
    """Return the first line of an error message without its full stop; the class of the error if it
    has no message.

    >>> first_line(ValueError("too short.\\nand more")), first_line(EOFError())
    ('too short', 'EOFError')
    """
    lines = str(error).strip().splitlines()
    return escape(lines[0].rstrip(".")) if lines else type(error).__name__


def out_of_memory(error: BaseException) -> bool:
    """Return True if an error means insufficient memory, in the messages of Python, the system,
    torch or OpenCV.

    >>> out_of_memory(MemoryError()), out_of_memory(OSError(12, "Cannot allocate memory")), out_of_memory(OSError())
    (True, True, False)
    """
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    if isinstance(error, GprplusError):
        return False
    if isinstance(error, ImportError):  # libraries that do not load
        return "failed to map segment" in str(error) or "cannot allocate memory" in str(error)
    text = (
        "can't allocate memory",
        "not enough memory",
        "Insufficient memory",
        "can't start new thread",
        "bad_alloc",
    )
    return isinstance(error, MemoryError) or any(words in str(error) for words in text)


def import_failure(error: ImportError) -> str:
    """Return the advice for a package that is missing or lacks a system library.

    >>> import_failure(ImportError("libGL.so.1: cannot open shared object file"))[:58]
    'OpenCV does not load (libGL.so.1: cannot open shared objec'
    >>> import_failure(ImportError("libx.so: cannot open shared object file", name="pyarrow.lib"))
    "The package 'pyarrow' does not load (libx.so: cannot open shared object file). Install it again with pip."
    """
    text, name = str(error), (error.name or "").partition(".")[0]
    if name == "cv2" or any(library in text for library in _DISPLAY):
        return (
            f"OpenCV does not load ({text}). On a machine without a display, put"
            " opencv-python-headless in its place: pip uninstall opencv-python && pip install"
            " opencv-python-headless"
        )
    which = f"The package '{name}'" if name else "A package"
    return f"{which} does not load ({text}). Install it again with pip."


def system_error(error: BaseException) -> OSError | None:
    """The refusal of the system that an error is, also where a library made a text of it; None for
    any other error.

    >>> system_error(RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)")).errno
    28
    """
    if isinstance(error, OSError):
        return error
    number = re.search(r"\bos error (\d+)|\b[Ee]rrno (\d+)", str(error))
    code = int(number[1] or number[2]) if number else None
    if code is None and "No space left on device" in str(error):
        code = errno.ENOSPC
    return (
        None
        if code is None or isinstance(error, GprplusError)
        else OSError(code, os.strerror(code))
    )


def next_step(error: OSError) -> str:
    """Return the advice for an error of the file system; "" if there is none.

    >>> next_step(PermissionError(13, "Permission denied"))
    'Make it readable and writable for you, or give another place with -o or --work.'
    """
    if error.errno in (errno.EACCES, errno.EPERM):
        return "Make it readable and writable for you, or give another place with -o or --work."
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "Free some space on the disk, or give another place with -o or --work."
    if error.errno == errno.EROFS:
        return "The disk can only be read: give another place with -o or --work."
    return ""


def format_bytes(size_bytes: int) -> str:
    """An amount of disk in the unit that shows it.

    >>> format_bytes(4_600_000), format_bytes(12_345_000_000), format_bytes(900)
    ('4.6 MB', '12.3 GB', '900 bytes')
    """
    for unit, name in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if size_bytes >= unit:
            return f"{size_bytes / unit:.1f} {name}"
    return f"{size_bytes} bytes"
