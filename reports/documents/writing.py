"""How do the documents of a run come to lie beside it? Read what verifies, fill the templates, sign, then write.

Twelve templates are filled twice each: the same words in Markdown and in HTML.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

import jinja2
from markupsafe import Markup, escape

from evidence.files import write_whole
from gates.attestation import Artefact
from gates.errors import GateError
from gates.place import HERE
from reports.attestation import chain, trust
from reports.attestation.chain import Chain
from reports.attestation.documents import FOLDER, KIND, covered_by, documents_statement, newest_statement
from reports.attestation.people import weighed
from reports.attestation.signing import open_signer
from reports.attestation.statements import MALFORMED
from reports.attestation.trust import TrustRoot
from reports.attestation.verify import verify
from reports.documents.record import RunRecord, read_record
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


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenDocuments:
    """The documents of a run as they now lie there."""

    run_id: str
    files: tuple[str, ...]  # they, the copies that they cite, and the files of the run that they cite
    signed: str  # by whom, and whether anybody vouches for it


def write_documents(folder: Path, configs: Path, root: TrustRoot, now: datetime) -> WrittenDocuments:
    """Write the documents of the run in a folder of results, signed into its chain.

    Raises GateError with one line, and writes nothing, where the folder does not verify.
    """
    with chain.owned(folder):
        verified = verify(folder, root)
        wrong = [problem for problem in verified.problems if not problem.startswith(f"{FOLDER}/")]
        if wrong:
            raise GateError(f"{folder}: {wrong[0]}; nothing is written of what does not verify")
        if not verified.heroes:
            raise GateError(f"{folder}: nothing was decided there; run the canary first")
        try:
            record = read_record(folder, configs, verified, root)
            files = {f"{FOLDER}/{name}": text.encode() for name, text in filled(record.told)} | record.copies
            files |= _drawn(record)
        except (*MALFORMED, jinja2.UndefinedError) as error:  # what somebody signed need not say what ours do
            look = HERE.typed(f"./hero-gate log {folder}")
            raise GateError(f"{folder}: cannot be told ({error}); see {look}") from None
        described = tuple(Artefact(name=name, sha256=chain.digest(content)) for name, content in sorted(files.items()))
        run_id = record.told.release["run_id"].value
        before, signed = _signed(folder, verified.chain, run_id, described, root, now)
        for name in {one.name for one in before} - files.keys():
            (folder / name).unlink(missing_ok=True)
        for name, content in files.items():
            write_whole(folder / name, content)
    return WrittenDocuments(run_id=run_id, files=(*files, *record.cited), signed=signed)


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


def _drawn(record: RunRecord) -> dict[str, bytes]:
    """The pictures of the documents; none where they cannot be drawn, which the documents say."""
    if record.told.undrawn or not record.pictures:
        return {}
    from reports.render.figures import picture_png  # brings matplotlib, which takes half a second

    return {f"{FOLDER}/{file}": picture_png(whose, shown) for file, (whose, shown) in record.pictures.items()}


def _signed(
    folder: Path, whole: Chain, run_id: str, described: tuple[Artefact, ...], root: TrustRoot, now: datetime
) -> tuple[tuple[Artefact, ...], str]:
    """Sign what will lie there, unless it was, by a key as good: what was signed before, and who signed.

    Whoever is killed before it lies there says it again.
    """
    opened, last = open_signer(), newest_statement(whole, run_id)
    vouched = trust.weigh(root, opened.keyid, "decide", now, ephemeral=opened.ephemeral)
    before = covered_by(last)
    if last and described == before and (weighed(last, root).trusted or not vouched.trusted):
        return before, f"{weighed(last, root).words}; nothing has changed since"
    run = next(s.digest for s in whole.of_run(run_id) if s.kind == "run")
    chain.append(folder, KIND, "", documents_statement(run_id, run, described, now), opened, vouched.words)
    return before, vouched.words
