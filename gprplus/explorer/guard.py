"""Who may read the page: requests to this address, from this page, with the token of this server.

A page of another origin that the same browser shows can send requests to 127.0.0.1. It fails three
times: its requests carry a foreign Origin, the cookie is SameSite=Strict, and a name that was
rebound to this machine is a foreign Host.
"""

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

TOKEN = "token"  # of the address that the command prints
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src"
        " 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


@dataclass(frozen=True)
class Guard:
    """The rules of one server on 127.0.0.1 at `port`."""

    port: int
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))

    @property
    def address(self) -> str:
        """Return the address to open, with the token."""
        return f"http://127.0.0.1:{self.port}/?{TOKEN}={self.token}"

    @property
    def cookie(self) -> str:
        """Return the name of the cookie: browsers send cookies of one host to all its ports."""
        return f"gprplus_{self.port}"

    def refusal(self, method: str, headers: Mapping[str, str]) -> str | None:
        """Return why a request is refused whoever sends it; None where it is not."""
        hosts = (f"127.0.0.1:{self.port}", f"localhost:{self.port}")
        host = headers.get("host", "")
        if host not in hosts:
            return "The Host of the request is not this server."
        origin = headers.get("origin")
        if origin is not None and origin != f"http://{host}":
            return "The request comes from another page."
        if method not in ("GET", "HEAD"):
            if origin is None or headers.get("content-type") != "application/json":
                return "A change needs JSON from this page."
        elif headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            return "The request comes from another page."
        return None

    def holds(self, given: str | None) -> bool:
        """Return True if the token is that of this server."""
        return hmac.compare_digest((given or "").encode(), self.token.encode())
