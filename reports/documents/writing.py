"""How do the documents of a run come to lie beside it? Read what verifies, fill the templates, sign, then write."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from jinja2 import UndefinedError

from evidence.files import write_whole
from gates.attestation import Artefact
from gates.errors import GateError
from gates.place import HERE
from reports.attestation import chain, trust
from reports.attestation.chain import Chain
from reports.attestation.documents import FOLDER, KIND, covered_by, documents_statement, newest_statement
from reports.attestation.people import judged
from reports.attestation.signing import open_signer
from reports.attestation.statements import MALFORMED
from reports.attestation.trust import TrustRoot
from reports.attestation.verify import verify
from reports.documents.pages import filled
from reports.documents.record import RunRecord, read_record


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
        except (*MALFORMED, UndefinedError) as error:  # what somebody signed need not say what ours do
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
    judgement = trust.judge(root, opened.keyid, "decide", now, ephemeral=opened.ephemeral)
    before = covered_by(last)
    if last and described == before and (judged(last, root).trusted or not judgement.trusted):
        return before, f"{judged(last, root).words}; nothing has changed since"
    run = next(s.digest for s in whole.of_run(run_id) if s.kind == "run")
    chain.append(folder, KIND, "", documents_statement(run_id, run, described, now), opened, judgement.words)
    return before, judgement.words
