"""Settings of the client library in the environment: checked before it reads them, and passed on to
the nodes of a cluster."""

import os
import re

from gprplus.core.errors import GprplusError

ENDPOINTS = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT")
_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
_REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")
_AWS = (*ENDPOINTS, *_KEYS, *_REGIONS)  # others, such as roles of a container, are of one machine
_OTHERS = {"gs": "GOOGLE_", "az": "AZURE_"}
_ENDPOINT = re.compile(r"https?://[^\s/@?#]+(?:/[^\s@?#]*)?", re.IGNORECASE)


def check_settings(scheme: str) -> None:
    """Raise GprplusError for a setting that the library cannot use. Values are not repeated."""
    for name in setting_names(scheme):
        value = os.environ[name]
        if name in ENDPOINTS and not _ENDPOINT.fullmatch(value):
            raise GprplusError(
                f"{name} is no address of a server: expected http://HOST:PORT or https://HOST."
                " Correct it, or unset it."
            )
        if value != value.strip() or not value.isprintable():
            raise GprplusError(
                f"{name} begins or ends with a space, or has a line break or another character that"
                " cannot be printed. Set it again without it."
            )


def setting_names(scheme: str) -> list[str]:
    """The settings of a scheme that are in the environment."""
    if scheme == "s3":
        return [name for name in _AWS if name in os.environ]
    return sorted(name for name in os.environ if name.startswith(_OTHERS[scheme]))


def allows_http() -> bool:
    """Return True if an S3 server is given by an address without encryption."""
    values = (os.environ.get(name, "") for name in ENDPOINTS)
    return any(value.lower().startswith("http://") for value in values)


def settings_to_pass_on() -> dict[str, str | None]:
    """The settings of all schemes, for a task on another machine; None for keys that are to be
    removed there, because they belong to other ones."""
    found = {name: os.environ[name] for one in ("s3", *_OTHERS) for name in setting_names(one)}
    pairs = dict.fromkeys(_KEYS) if _KEYS[0] in found else {}
    return {**pairs, **found}
