"""How is a template of reports/site filled? With every value there, and every text escaped in HTML."""

import base64
import hashlib
from pathlib import Path

import jinja2
from markupsafe import Markup

from reports.escaping import clean, markdown, typed

_SITE = Path(__file__).parents[1] / "site"


def environment(script: str = "") -> jinja2.Environment:
    """What templates are read and filled by, with the one script that may run; whoever asks adds words of its own."""
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_SITE),
        autoescape=lambda name: name is None or name.endswith("html.j2"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    found.filters.update(clean=clean, markdown=markdown, typed=typed)
    if script:
        text = (_SITE / script).read_text(encoding="utf-8")
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()  # no other script can run
        found.globals.update(SCRIPT=Markup(text), SCRIPT_DIGEST=f"sha256-{digest}")
    return found
