"""Do the documents of a release say what is on record and nothing else, whatever became of its heroes?"""

import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from gates.errors import GateError
from gates.verdicts import Decision
from reports.attestation import chain, statements
from reports.attestation.documents import documents_statement
from reports.attestation.signing import make_key
from reports.attestation.trust import read_trust
from reports.attestation.verify import verify
from reports.documents import record, writing
from reports.documents.__main__ import main
from reports.documents.sourced import Sourced, Unsourced, in_html, in_markdown
from reports.documents.told import SourcedRun, told_hero
from reports.documents.writing import DOCUMENTS, PROMOTION, TECHNICAL, filled, write_documents
from reports.model.pictures import Picture
from reports.promotion.change import promote, roll_back
from reports.promotion.conditions import Wanted
from reports.render import figures
from tests.edits import append
from tests.reports.finished_run import call, canary, problems
from tests.reports.read_documents import as_html, read, unsourced, wrong_links

OUT, CONFIGS = Path("reports/out"), Path("configs")
Asked = Callable[..., Wanted]


@pytest.fixture(autouse=True)
def drawn(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Picture], bytes]:
    """What draws a picture, of which there are two dozen a run: two thirds of the time, so one test alone lets it."""
    real = figures.picture_png
    monkeypatch.setattr(figures, "picture_png", lambda whose, picture: f"{whose}: {picture.name}".encode())
    return real


def written() -> Path:
    """Write the documents of the run here; where they lie."""
    write_documents(OUT, CONFIGS, read_trust(Path("trusted.json")), datetime.now(UTC))
    return OUT / "documents"


def first_lines(folder: Path, names: tuple[str, ...] = DOCUMENTS) -> set[str]:
    """How the documents begin, without links."""
    return {
        re.sub(r"\]\([^)]*\)|[#\[]", "", (folder / f"{n}.md").read_text().partition("\n")[0]).strip() for n in names
    }


def audited(content: str, counts: str = "system,suite,pooled_judgments,coverage_percent\n") -> None:
    """Leave a pool audit on record."""
    folder = OUT / "weekly"
    folder.mkdir()
    (folder / "pool.json").write_text(content)
    (folder / "pool_counts_by_system.csv").write_text(counts)


def audit_cell(**said: Any) -> dict[str, Any]:
    """A finding of the pool audit."""
    text = dict.fromkeys(
        ("ci_lower", "ci_upper", "e_green", "e_green_needed", "e_red", "e_red_needed", "ended", "headroom"), ""
    )
    return {
        **text, "check": "contribution", "hero": "equal", "kind": "job", "limit": "0.3", "n": 31831, "windows": 0,
        "note": "30,000 of 31,831 pooled documents", "on_red": "alert", "required": "not_red", "step": 0,
        "unit": "share of the pool, at least", "verdict": "GREEN", "observed": "0.942477", **said,
    }  # fmt: skip


def test_no_number_is_without_its_source_and_no_link_is_dead(promoted: Wanted) -> None:
    audited(json.dumps({"at": "2026-11-29T10:16:05+00:00", "cells": [audit_cell()]}),
            "system,suite,pooled_judgments,coverage_percent\nequal,all,30000,94.2477\n")  # fmt: skip
    folder, linked = written(), 0
    for name in DOCUMENTS:
        for suffix in ("md", "html"):
            document = read(folder / f"{name}.{suffix}")
            assert unsourced(document) == [], f"{name}.{suffix}"
            assert [*wrong_links(document, folder)] == [], f"{name}.{suffix}"
            linked += len(document.links)
        page, shown = read(folder / f"{name}.html"), as_html(folder / f"{name}.md")
        assert [link.target.replace(".md", ".html") for link in shown.links] == [link.target for link in page.links]
        assert [link.text for link in shown.links] == [link.text for link in page.links]
    assert (len(DOCUMENTS), len(TECHNICAL), len(PROMOTION)) == (12, 5, 5)
    assert linked > 10_000


def test_the_reader_of_these_tests_finds_what_it_looks_for(here: Wanted) -> None:
    folder = written()
    path = folder / "hero_promotion_summary.md"
    good = path.read_text()
    path.write_text(
        f"{good}\n7 points, [none](../nobody/attestation.json#/n), [99.9](../equal/attestation.json#/gains/0).\n"
    )
    document = read(path)
    assert unsourced(document) == ["7"]
    assert [line.partition(":")[0] for line in wrong_links(document, folder)] == [
        "dead",
        'says {"baseline"',
    ]


def test_those_of_a_mixed_release_are_whole_and_say_who_may_ship_and_what_is_not_on_record(here: Wanted) -> None:
    folder = written()
    told = "equal, rival earned a promotion, not made yet; not promoted: unsure held; worse rolled back"
    assert first_lines(folder, ("trade_off_analysis",)) == {f"Trade-off of performance and quality: {told}"}
    criteria, report, audit, rails = (
        (folder / f"{name}.md").read_text()
        for name in (*DOCUMENTS[:2], "pool_audit_results", "safety_rail_documentation")
    )
    assert re.search(r"\| heroes decided PROMOTE \| \[4\]\(\S+\) \| \[2\]\(\S+\) \| NOT met \|", criteria)
    assert len([line for line in report.splitlines() if line.strip()]) >= 400
    for words in ("Gates at each step", "Window by window", "Each planned test", "The whole policy", "Pool audit"):
        assert words in report
    assert "Not on record: no pool audit lies in this folder. Run `make weekly`, then `make documents`." in audit
    assert "they were not simulated for this policy and these sources. Run `make characteristics`." in rails
    assert not (folder / "sources" / "pool_audit.json").exists()


@pytest.mark.parametrize(
    ("hero", "technical", "told"),
    [
        (
            "worse",
            "SLA compliance, verified: worse rolled back",
            "Not promoted: worse rolled back. SLA safety, verified",
        ),
        ("unsure", "SLA compliance, verified: unsure held", "Not promoted: unsure held. SLA safety, verified"),
    ],
)
def test_the_first_line_says_that_a_hero_fell_or_was_held(here: Wanted, hero: str, technical: str, told: str) -> None:
    assert canary(Path.cwd(), hero=hero).returncode in (10, 20)
    folder = written()
    assert first_lines(folder, ("sla_compliance_verification",)) == {technical}
    assert first_lines(folder, ("sla_safety_verification",)) == {told}
    assert all(line.startswith(f"Not promoted: {hero} ") for line in first_lines(folder, PROMOTION))
    for name in DOCUMENTS:
        page = (folder / f"{name}.html").read_text()
        assert technical.partition(": ")[2].split(" ", 1)[1] in page[page.index("<h1>") : page.index("</h1>")]
        assert unsourced(read(folder / f"{name}.md")) == []
    report = (folder / "hero_promotion_comprehensive_report.md").read_text()
    assert "earned a promotion" not in report
    criteria = (folder / "HERO_PROMOTION_EXECUTION_SUMMARY.md").read_text()
    assert "| NOT met |" in criteria
    assert "| criterion | target | achieved | met |" in criteria
    said = json.loads((OUT / hero / "attestation.json").read_text())
    broken = [i for i, cell in enumerate(said["cells"]) if cell["verdict"] == "RED"]
    assert all(f"/cells/{i}/observed" in criteria for i in broken), "what was shown broken is among the criteria"
    assert ".The decision" not in report
    assert ".The decision" not in (folder / "hero_promotion_comprehensive_report.html").read_text()


def test_the_first_line_follows_what_became_of_a_promotion(here: Wanted) -> None:
    assert canary(Path.cwd(), hero="rival", HERO_GATE_SIGNER=f"file2:{Path('key.pem').resolve()}").returncode == 0
    for then, told in (
        (lambda: None, "Promotion summary: rival earned a promotion, not made yet"),
        (lambda: promote(replace(here, now=datetime.now(UTC)), "rival"), "Promotion summary: rival promoted"),
        (lambda: roll_back(here), "Not promoted: rival promoted, then rolled back. Promotion summary"),
    ):
        then()
        assert first_lines(written(), ("hero_promotion_summary",)) == {told}
        assert problems() == ()
    summary = (OUT / "documents" / "hero_promotion_summary.md").read_text()
    assert "by [R. Manager](sources/changes.json#/1/statement/predicate/by)" in summary


def test_a_hero_that_never_climbed_and_one_that_nothing_enforces_are_told_as_well(here: Wanted) -> None:
    attested = verify(OUT, here.root).heroes["rival"].attestation
    assert attested.constants is not None
    nothing = {"constants": None, "machine": None, "lock_material": {}, "release_fingerprint": "", "evidence": (),
               "cells": (), "gains": (), "artefacts": (), "decision": Decision.HOLD}  # fmt: skip
    unlocked = {"constants": attested.constants.model_copy(update={"lock": None}), "mode": "warn"}
    release = Sourced(json.loads((OUT / "attestation.json").read_text()), "attestation.json")
    for changed, told in ((nothing, "rival held"), (unlocked, "rival judged PROMOTE in a mode that promotes nothing")):
        hero = told_hero(attested.model_copy(update=changed), {}, ())
        run = SourcedRun(
            release=release, heroes=(hero,), chain=Sourced([], "x.json"), audit=None, audited=(), counts=None
        )
        texts = dict(filled(run))
        assert len(texts) == 24
        first = texts["hero_promotion_summary.md"].partition("\n")[0]
        assert first == f"# Not promoted: {told}. Promotion summary".replace(
            "rival", "[rival](../rival/attestation.json#/hero)"
        )
        unmeasured = "Nothing is on record of the machine" in texts["safety_rail_documentation.md"]
        assert unmeasured is (changed is nothing)


def test_two_run_files_have_documents_too(here: Wanted) -> None:
    files = ("configs/equal.run", "configs/rival.run", "--qrels", "configs/qrels.txt", "--artifacts=compared")
    done = call(Path.cwd(), "hero_gate", "compare", *files)
    assert done.returncode in (0, 10), done.stderr
    compared = Path("compared")
    write_documents(compared, CONFIGS, here.root, datetime.now(UTC))
    assert verify(compared, here.root).problems == ()
    for name in DOCUMENTS:
        document = read(compared / "documents" / f"{name}.html")
        assert (unsourced(document), [*wrong_links(document, compared / "documents")]) == ([], [])
    assert all("Not promoted: rival " in line for line in first_lines(compared / "documents", PROMOTION))


def test_what_is_told_of_a_pool_audit_says_that_nobody_signed_it(here: Wanted) -> None:
    audited(json.dumps({"at": "2026-11-29T10:16:05+00:00", "cells": [audit_cell()]}))
    told = (written() / "pool_audit_results.md").read_text()
    assert "What jobs leave is signed by nobody: it was copied as it lay there" in told
    assert "[0.942477](sources/pool_audit.json#/cells/0/observed)" in told
    (OUT / "weekly" / "pool.json").write_text("{}")  # the next audit changes nothing of what was signed
    assert problems() == ()


def test_each_shows_the_pictures_that_fit_it_with_their_numbers_in_words(
    here: Wanted, drawn: Callable[[str, Picture], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "picture_png", cache(drawn))
    counts = "system,suite,pooled_judgments,coverage_percent\nequal,all,30000,94.2477\nrival,all,9000,28.2743\n"
    audited(json.dumps({"at": "2026-11-29T10:16:05+00:00", "cells": []}), counts)
    folder = written()

    def pictures(name: str) -> set[str]:
        found = {link.target for link in read(folder / f"{name}.md").links if link.target.endswith(".png")}
        assert found == {link.target for link in read(folder / f"{name}.html").links if link.target.endswith(".png")}
        return found

    files = {path.name for path in folder.glob("*.png")}
    assert all((folder / name).read_bytes().startswith(b"\x89PNG") for name in files)
    assert pictures("hero_promotion_comprehensive_report") == files
    assert "rival-differences.png" in pictures("performance_gains_analysis")
    assert "rival-latency.png" in pictures("sla_compliance_verification")
    assert {"pool_audit.png", "rival-pool.png"} <= pictures("pool_audit_results")
    assert not {name for name in files if name.startswith("unsure-latency")}
    sla = (folder / "sla_compliance_verification.md").read_text()
    lacks = "[How long do answers take?](../unsure/plots/plots.json#/1/title) [not evidenced: latency is not given"
    assert lacks in sla
    assert "](../rival/plots/plots.json#/1/words)" in sla
    assert problems() == ()
    append(folder / "rival-latency.png", "x")
    (found,) = problems()
    assert re.fullmatch(r"documents/rival-latency\.png: sha256 .* is attested; make documents writes it anew", found)
    written()
    assert problems() == ()


def test_without_what_draws_they_say_so_in_the_pictures_places(here: Wanted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "lacking", lambda *_: "matplotlib: not installed; pip install it")
    folder = written()
    assert not [*folder.glob("*.png")]
    said = (folder / "performance_gains_analysis.md").read_text()
    assert "What changes for users? Not drawn: matplotlib: not installed; pip install it." in said
    assert "](../rival/plots/plots.json#/0/words)" in said
    assert problems() == ()


def test_what_says_to_be_pictures_and_is_none_is_told_in_a_line(here: Wanted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "FILE", "queries.html")  # signed as the others are
    with pytest.raises(GateError, match=r"reports/out: cannot be told \("):
        written()


def test_they_are_signed_and_whatever_is_changed_is_named(here: Wanted) -> None:
    folder = written()
    assert problems() == ()
    added = chain.read(OUT).statements[-1]
    assert (added.kind, added.file) == ("documents", "000008-documents.sigstore.json")
    path = folder / "trade_off_analysis.html"
    good = path.read_bytes()
    append(path, "<p>better</p>")
    (found,) = problems()
    assert re.fullmatch(
        r"documents/trade_off_analysis\.html: sha256 .* is attested; make documents writes it anew", found
    )
    path.unlink()
    assert "documents/trade_off_analysis.html: cannot be read" in problems()[0]
    (folder / "more.md").write_text("# PROMOTE")
    assert "documents/more.md: not attested; take it away" in problems()
    (folder / "more.md").unlink()
    written()
    assert (problems(), path.read_bytes()) == ((), good)
    assert chain.length(OUT) == 8  # they are what was signed: nothing is signed again


def test_whoever_is_killed_between_signing_and_writing_says_it_again(
    here: Wanted, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(path: Path, content: bytes) -> None:
        if path.name == "hero_promotion_summary.md":
            raise KeyboardInterrupt
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)

    with monkeypatch.context() as killing:
        killing.setattr(writing, "write_whole", killed)
        with pytest.raises(KeyboardInterrupt):
            written()
    assert problems()
    written()
    assert (problems(), chain.length(OUT)) == ((), 8)


@pytest.mark.parametrize(
    "name", ["attestation.json", "equal/attestation.json", "equal/hero_span_v22.csv", "worse/agg.parquet"]
)
@pytest.mark.parametrize("how", ["missing", "changed"])
def test_of_what_does_not_verify_nothing_is_written(
    here: Wanted, name: str, how: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if how == "missing":
        (OUT / name).unlink()
    else:
        append(OUT / name, " ")
    before = chain.length(OUT)
    assert main(["--trust=trusted.json"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert re.fullmatch(rf"reports/out: {re.escape(name)}: .*\n", said.err)
    assert "run the canary first" not in said.err
    assert (chain.length(OUT), (OUT / "documents").exists()) == (before, False)


def test_each_other_mistake_is_a_line_as_well(here: Wanted, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--artifacts=nowhere", "--trust=trusted.json"]) == 1
    assert capsys.readouterr().err.startswith("nowhere: cannot be written")
    assert main(["--configs=nowhere", "--trust=trusted.json"]) == 1
    assert capsys.readouterr().err.startswith("nowhere/policy.yaml: no such file")
    for bad in ("{", "[]", '{"cells": [3]}', json.dumps({"at": "x", "cells": [audit_cell(verdict="FINE")]})):
        shutil.rmtree(OUT / "weekly", ignore_errors=True)
        audited(bad)
        assert main(["--trust=trusted.json"]) == 1
        assert "weekly/pool.json: no pool audit that can be read" in capsys.readouterr().err
    assert not (OUT / "documents").exists()


def test_what_a_stranger_signs_as_documents_is_named_and_nothing_is_removed_for_it(here: Wanted) -> None:
    written()
    stranger = make_key("ed25519")[0]
    run = chain.read(OUT).last("run")
    assert run is not None
    victim = {"digest": {"sha256": "0" * 64}}
    for subject in (
        [{"name": "index.html", **victim}],
        [{"name": "documents/../index.html", **victim}],
        [{"name": "documents/x.md", **victim}, {"name": "/etc/hostname", **victim}],
        "everything",
        [],
    ):
        made = {**documents_statement(run.run_id, run.digest, (), datetime.now(UTC)), "subject": subject}
        chain.append(OUT, "documents", "", made, stranger, "by key, trusted")
        last = chain.read(OUT).statements[-1].file
        told = f"documents/: bundles/{last} names no documents of ours; make documents writes it anew"
        assert told in problems()
        assert "documents/hero_promotion_summary.md: not attested; take it away" in problems()
        written()  # signed by a key that counts, the newest statement counts
        assert problems() == ()
        assert (OUT / "index.html").exists()
    of_another = documents_statement(run.run_id, "0" * 64, (), datetime.now(UTC))
    chain.append(OUT, "documents", "", of_another, stranger)  # counts for nothing
    assert problems() == ()


def test_what_a_stranger_signed_is_signed_again_by_a_key_that_counts(
    here: Wanted, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    key = os.environ["HERO_GATE_SIGNER"]
    monkeypatch.delenv("HERO_GATE_SIGNER")
    for signer, statements_there, told in (
        ("", 8, "signed     with a key made for this run: UNTRUSTED, nobody vouches for it"),
        ("", 8, "UNTRUSTED, nobody vouches for it; nothing has changed since"),
        (key, 9, "signed     by key (key "),
        ("", 9, "trusted; nothing has changed since"),
    ):
        if signer:
            monkeypatch.setenv("HERO_GATE_SIGNER", signer)
        assert main(["--trust=trusted.json"]) == 0
        assert (told in capsys.readouterr().out, chain.length(OUT)) == (True, statements_there)
        monkeypatch.delenv("HERO_GATE_SIGNER", raising=False)


def test_what_is_thought_of_a_key_is_asked_anew_and_a_statement_that_cannot_be_told_is_a_line(
    here: Wanted, capsys: pytest.CaptureFixture[str]
) -> None:
    stranger, decision = make_key("ed25519")[0], chain.read(OUT).last("decision", "rival")
    assert decision is not None
    said = {"by": "Ann", "until": "2099-01-01T00:00:00+00:00", "decision": {"sha256": decision.digest}}
    word = statements.said_statement("approval", "rival", said)
    chain.append(OUT, "approval", "rival", word, stranger, "by key, trusted")
    signed = (written() / "attestation_chain_documentation.md").read_text()
    (row,) = [line for line in signed.splitlines() if "-approval-rival" in line]
    assert "UNTRUSTED, nobody vouches for it" in row
    change = statements.said_statement("promotion", "rival", {"decision": {"sha256": decision.digest}})
    chain.append(CONFIGS / "state", "promotion", "rival", change, stranger)
    before = chain.length(OUT)
    assert main(["--trust=trusted.json"]) == 1
    assert re.fullmatch(
        r"reports/out: cannot be told \(.*'by'\); see ./hero-gate log reports/out\n", capsys.readouterr().err
    )
    assert chain.length(OUT) == before


def test_only_what_knows_its_place_brings_a_number_into_a_text() -> None:
    value = Sourced({"a b": [{"n": 3, "kind": "gate"}, {"n": 4, "kind": "guard"}]}, "equal/attestation.json")
    listed = value["a b"]
    assert in_markdown(listed[1]["n"]) == "[4](../equal/attestation.json#/a%20b/1/n)"
    assert in_html(listed.count(kind="gate")) == '<a href="../equal/attestation.json#/a%20b;kind=gate">1</a>'
    assert [one["n"].value for one in listed.where(kind="guard")] == [4]
    assert [(key.text, leaf.value) for key, leaf in value.leaves()][2:] == [("a b.1.n", 4), ("a b.1.kind", "guard")]
    assert in_markdown("nDCG@10 at p95") == "nDCG@10 at p95"
    for made_up in (3, 0.5, None, "about 3 points", listed.value):
        with pytest.raises(Unsourced, match="comes from no record"):
            in_markdown(made_up)
    with pytest.raises(Unsourced, match="printed alone"):
        f"{listed}"
    with pytest.raises(GateError):
        in_html(7)


def test_no_text_of_the_record_becomes_markup() -> None:
    bad = Sourced({"claim": "](javascript:x) <script>alert(1)</script> | `x` @all\n# h"}, "e/attestation.json")["claim"]
    assert in_markdown(bad).count("](") == 2
    assert "\\]\\(" not in in_markdown(bad)
    assert "\\](javascript" in in_markdown(bad)
    assert "<script" not in in_markdown(bad).replace("\\<", "")
    assert "\n" not in in_markdown(bad)
    assert in_html(bad).count("<") == 2
