"""How do the documents look? Twelve templates, each filled twice: the same words in Markdown and in HTML."""

import re
from collections.abc import Iterator
from functools import cache

import jinja2
from markupsafe import Markup, escape

from reports.documents.sourced import in_html, in_markdown
from reports.documents.told import SourcedRun, spanned
from reports.render.site import environment

TECHNICAL = (
    "hero_configurations_spec", "performance_gains_analysis", "sla_compliance_verification", "pool_audit_results",
    "attestation_chain_documentation",
)  # fmt: skip
PROMOTION = (
    "hero_promotion_summary", "performance_improvement_highlights", "sla_safety_verification", "trade_off_analysis",
    "safety_rail_documentation",
)  # fmt: skip
#: In the order in which they are read.
DOCUMENTS = (
    "HERO_PROMOTION_EXECUTION_SUMMARY", "hero_promotion_comprehensive_report", *PROMOTION, *TECHNICAL,
)  # fmt: skip
_DIALECTS = {"md": in_markdown, "html": in_html}


def filled(run: SourcedRun) -> Iterator[tuple[str, str]]:
    """Each document of a run: name of its file, and text. Raises Unsourced where a template would make a number up."""
    for dialect in _DIALECTS:
        pages = _environment(dialect)
        for name in DOCUMENTS:
            said = {"run": run, "name": name, "PROMOTION": PROMOTION, "TECHNICAL": TECHNICAL}
            blocks = pages.get_template(f"documents/blocks.{dialect}.j2").make_module(said)
            sections = pages.get_template("documents/sections.j2").make_module({**said, "b": blocks})
            text = pages.get_template(f"documents/{name}.j2").render(said, b=blocks, s=sections)
            yield f"{name}.{dialect}", re.sub(r"\n\s*\n", "\n\n", text).strip() + "\n"


@cache
def _environment(dialect: str) -> jinja2.Environment:
    """What fills the templates of a dialect: each is compiled once."""
    pages = environment().overlay(autoescape=True, finalize=_DIALECTS[dialect], extensions=["jinja2.ext.do"])
    pages.filters.update(spanned=spanned, flow=_flow, verbatim=escape)
    return pages


def _flow(text: Markup) -> Markup:
    """A paragraph on one line, however its template is laid out."""
    return Markup(" ".join(text.split()))
