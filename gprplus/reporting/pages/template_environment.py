"""The jinja environment of the pages: escaped names, filters for numbers, and the inline script."""

import base64
import hashlib
from functools import cache
from typing import TYPE_CHECKING

from gprplus.core.errors import escape
from gprplus.reporting import formatting
from gprplus.reporting.findings import outcome_of

if TYPE_CHECKING:
    import jinja2


@cache
def template_environment() -> "jinja2.Environment":
    """Return the environment of the templates.

    The script is the only text that is not escaped; the content security policy of a page names its
    digest, so that a browser runs nothing else.
    """
    import jinja2

    def printable(value: object) -> object:
        """Text of a file with control and direction characters as escapes; lines stay lines."""
        if type(value) is not str or value.isprintable():
            return value
        return "\n".join(map(escape, value.split("\n")))

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("gprplus.reporting.pages"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=printable,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    script = environment.get_template("page.js").render()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    environment.globals["script"] = environment.filters["safe"](script)
    environment.globals["script_digest"] = f"sha256-{digest}"
    environment.globals["outcome"] = outcome_of
    environment.filters["points"] = formatting.format_points
    environment.filters["signed"] = formatting.signed_points
    environment.filters["whole"] = formatting.format_count
    environment.filters["tick"] = formatting.axis_label
    environment.filters["interval"] = formatting.format_interval
    environment.filters["signed_interval"] = formatting.signed_interval
    return environment
