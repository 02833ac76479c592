"""Read a JSON file that may come from anywhere, with one sentence for each way in which it is
none."""

import json
import re
from pathlib import Path
from typing import Any

from gprplus import archives
from gprplus.core.errors import GprplusError
from gprplus.core.storage.failures import StorageError

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


REMAKE = "If it is damaged, make the folder again with --force."


def load_object(path: Path, error: type[GprplusError], what: str) -> dict[str, Any]:
    """Return the JSON object in a file, which may be in an archive.

    `what` names the expected object, such as "a split". Raises `error` if the file is missing,
    unreadable, not JSON, nested too deeply, or not an object, and StorageError.
    """
    value = load_json(path, error, what, REMAKE)
    if not isinstance(value, dict):
        raise error(f"{path} is not {what}: a JSON object was expected.")
    return value


def load_json(path: Path, error: type[GprplusError], what: str, remedy: str) -> Any:
    """Return the JSON value in a file, as `load_object`; `remedy` ends the sentence about damage."""
    try:
        text = archives.read_file(path).decode()
        value = json.loads(text)
        if _SURROGATE.search(text):
            json.dumps(
                value, ensure_ascii=False
            ).encode()  # a lone half of a pair is no character, and cannot be written
    except FileNotFoundError:
        raise error(f"{path.parent} is not {what}: it has no {path.name}.") from None
    except NotADirectoryError:
        raise error(f"{path.parent} is not {what}: it is a file, not a folder.") from None
    except StorageError:
        raise
    except RecursionError:
        raise error(f"{path} cannot be read as {what}: its values are nested too deeply.") from None
    except (OSError, ValueError) as problem:
        raise error(f"{path} cannot be read as {what}: {problem}. {remedy}") from problem
    return value
