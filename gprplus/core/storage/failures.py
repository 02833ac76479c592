"""What the client library raises, as errors that a caller can handle.

Nothing of the library's text is repeated but keys and codes: it may hold addresses with signatures.
"""

import errno
import re

from gprplus.core.errors import GprplusError, escape
from gprplus.core.storage.address import SCHEMES, split_address

_ENVIRONMENT = {
    "s3": "AWS_*",
    "gs": "GOOGLE_*",
    "az": "AZURE_*",
}
_NEEDED = {
    "s3": "AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS",
    "az": "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
}
_STATUS = re.compile(r"status code: (\d{3}) ?([A-Za-z ]*)")
_CODE = re.compile(r"<Code>([A-Za-z]{1,60})</Code>")
_KEY = re.compile(r'Path "(.*?)"(?: contained|:)', re.DOTALL)


class StorageError(GprplusError, OSError):
    """Object storage refused a request, or did not answer; `strerror` is a clause, `refused` is
    whether it answered that this place may not be read."""

    def __init__(self, what: str, place: str, refused: bool = False) -> None:
        super().__init__(errno.EIO, what, place)
        self.refused = refused

    def __str__(self) -> str:
        return f"{self.filename} cannot be reached: {self.strerror}."

    def __reduce__(self) -> tuple[type["StorageError"], tuple[str, str, bool]]:
        return StorageError, (self.strerror or "", str(self.filename), self.refused)


def status_of(error: BaseException) -> str:
    """The status of an answer, such as "503 Service Unavailable"; "" where there was none."""
    found = _STATUS.search(str(error))
    return f"{found[1]} {found[2]}".strip() if found else ""


def is_cut(error: BaseException) -> bool:
    """Return True if an answer ended too early."""
    return not status_of(error) and ("response body" in str(error) or "decoding" in str(error))


def explained(error: BaseException, place: str) -> BaseException:
    """The error that a caller can handle; an interrupt stays what it is."""
    panic = type(error).__name__ == "PanicException"  # of the library: an error of no class
    if isinstance(error, GprplusError) or not (panic or isinstance(error, Exception)):
        return error
    status, text, scheme = status_of(error), str(error), split_address(place)[0]
    if isinstance(error, FileNotFoundError) or status.startswith("404"):
        return (
            StorageError("there is no such bucket", place)
            if "NoSuchBucket" in text
            else FileNotFoundError(errno.ENOENT, "No such object", place)
        )
    refused = status.startswith(("401", "403"))
    return StorageError(_reason(error, status, text, scheme), place, refused)


def replaced(place: str) -> StorageError:
    """The error for an object that was replaced while it was read."""
    return StorageError(
        "the object was replaced while it was read; build the manifest again, or run the command"
        " again",
        place,
    )


def _reason(error: BaseException, status: str, text: str, scheme: str) -> str:
    """What happened, as a clause."""
    code = _CODE.search(text)
    answer = ", ".join(filter(None, (status, code[1] if code else "")))
    if "redirect without LOCATION" in text or "AuthorizationHeaderMalformed" in text:
        return f"{SCHEMES[scheme]} has the bucket in another region; set AWS_REGION to it"
    if status.startswith(("401", "403")) or "credential" in text.lower():
        what = f"{SCHEMES[scheme]} refused access" + (f" ({answer})" if answer else "")
        return f"{what}; set credentials in the environment ({_ENVIRONMENT[scheme]})"
    if status:
        return f"{SCHEMES[scheme]} answered {answer}"
    if is_cut(error):
        return "the answer was cut off, also when it was requested again"
    if "invalid path" in text or "parse path" in text:
        return _no_path(text)
    return f"{SCHEMES[scheme]} did not answer; check the network, the region and the endpoint"


def _no_path(text: str) -> str:
    """The clause about a key that is no path, with the key where the library names it."""
    key = _KEY.search(text)
    named = f"the key '{escape(key[1])[:200]}'" if key else "a key"
    return (
        f"{named} has an empty part, '.', '..' or a control character, which is no path; rename or"
        " remove the object, or give a folder without it"
    )


def settings_error(place: str) -> GprplusError:
    """The error for settings of which the library makes no client."""
    scheme = split_address(place)[0]
    return GprplusError(
        f"{place} cannot be reached: the settings of {SCHEMES[scheme]} in the environment"
        f" ({_ENVIRONMENT[scheme]}) are incomplete or malformed. Set {_NEEDED[scheme]}."
    )
