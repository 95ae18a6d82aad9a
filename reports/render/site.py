"""How is a template of reports/site filled? With every value there, and every text escaped in HTML."""

from pathlib import Path

import jinja2

from reports.escaping import clean, markdown, typed


def environment() -> jinja2.Environment:
    """What templates are read and filled by; whoever asks adds words of its own."""
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parents[1] / "site"),
        autoescape=lambda name: name is None or name.endswith("html.j2"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    found.filters.update(clean=clean, markdown=markdown, typed=typed)
    return found
