"""Does a whole gate leave what people and machines read, in one process or several, whatever goes wrong?"""

import csv
import json
import shutil
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from gates.archive import take
from gates.attestation import Attestation, ReleaseAttestation
from gates.policy import load_policy
from gates.verdicts import Kind
from reports.model.pictured import SEVEN
from reports.render.allure_page import TOLD
from reports.render.terminal import WIDTH
from tests.once import made_once
from tests.recorded_release import HEROES, Checkout
from tests.reports.finished_run import UNDRAWN, canary, leave_told

DECISION = {"equal": "PROMOTE", "worse": "ROLLBACK", "unsure": "HOLD"}
STATUS = {"equal": "passed", "worse": "failed", "unsure": "broken"}
FILES = {
    "attestation.json", "agg.parquet", "hits.parquet", "hero_span_v22.csv", "pool_counts_by_system.csv",
    "queries.html", "plots/plots.json", *(f"plots/{one.name}.svg" for one in SEVEN),
}  # fmt: skip


def allure(checkout: Checkout) -> list[dict[str, Any]]:
    results = (checkout.out / "allure-results").glob("*-result.json")
    return [json.loads(path.read_text(encoding="utf-8")) for path in results]


def labels(result: dict[str, Any]) -> dict[str, str]:
    return {label["name"]: label["value"] for label in result["labels"]}


def parameters(result: dict[str, Any]) -> dict[str, str]:
    return {parameter["name"]: parameter["value"].strip("'") for parameter in result["parameters"]}


def test_three_heroes_in_two_processes(in_two_processes: Path) -> None:
    checkout = Checkout(in_two_processes)
    junit = ElementTree.parse(checkout.folder / "junit.xml").getroot()
    said = {found.attrib["name"]: found.attrib["value"] for found in junit.iter("property")}
    for hero in HEROES:
        folder = checkout.out / hero
        assert checkout.decision(hero) == DECISION[hero]
        assert {path.relative_to(folder).as_posix() for path in folder.rglob("*.*")} == FILES
        card = Attestation.read_file(folder / "attestation.json").card.model_dump()
        assert {"decision": DECISION[hero], **card} == {name: said[f"{hero}.{name}"] for name in ("decision", *card)}
    assert all((checkout.out / name).stat().st_size > 500 for name in ("index.html", "summary.md"))

    results = allure(checkout)
    decided = {r["name"]: r["status"] for r in results if labels(r)["story"] == "decision"}
    assert decided == {f"① Promotion decision: {DECISION[hero]} {hero}": STATUS[hero] for hero in HEROES}

    gates = {tuple(parameters(r).values()): r for r in results if "check" in parameters(r)}
    gate, instrument = gates["equal", "50", "aece_tau"], gates["equal", "preflight"]
    assert gate["name"] == "calibration error at 50 %"
    wanted = {
        "epic": "Release gate", "feature": "equal", "story": "50 % of traffic", "owner": "Search Engineering",
        "severity": "critical", "answer": "shown to hold",
    }  # fmt: skip
    assert wanted.items() <= labels(gate).items()
    assert labels(instrument)["severity"] == "normal"
    of_intent = gates["equal", "recall_all"]
    assert of_intent["name"] == "recall lost, intent all"
    assert {"story": "intent all", "suite": "intent all", "severity": "critical"}.items() <= labels(of_intent).items()
    (verdict,) = (a for a in gate["attachments"] if a["name"] == "verdict")
    table = (checkout.out / "allure-results" / verdict["source"]).read_text(encoding="utf-8")
    assert dict(csv.reader(table.splitlines()))["verdict"] == "GREEN"

    said_last = (in_two_processes.parent / "stdout").read_text(encoding="utf-8").splitlines()
    start = next(i for i, line in enumerate(said_last) if line.startswith("ROLLBACK  worse"))
    ending = said_last[start:]
    assert not any("short test summary" in line for line in ending)
    assert max(map(len, ending[:-1])) <= WIDTH


def test_what_allure_shows_first_is_staged_by_the_run_and_attested(in_two_processes: Path) -> None:
    out = Checkout(in_two_processes).out
    staged = out / "allure-results" / TOLD
    shown = json.loads(staged.read_text(encoding="utf-8"))
    assert shown["name"] == "ROLLBACK worse, HOLD unsure, PROMOTE equal"
    assert next(iter(shown["environments"].values())) == "① Promotion decision"
    assert (
        set(shown["environments"]) == {"decision", *shown["gates"]} == {"decision", *(f"hero-{one}" for one in HEROES)}
    )
    titles = [title for title in shown["variables"] if title != "Which may ship"]
    assert titles == shown["name"].split(", ")
    assert shown["answers"] == [
        "shown broken",
        "not evidenced",
        "not shown",
        "not shown broken (enough here)",
        "not reached",
    ]
    whole = ReleaseAttestation.read_file(out / "attestation.json")
    assert f"allure-results/{TOLD}" in {artefact.name for artefact in whole.artefacts}


def test_old_results_do_not_linger_and_what_never_came_back_is_in_allure(whole_checkout: Checkout) -> None:
    old = take(whole_checkout.out) / "allure-results" / "old-result.json"
    old.parent.mkdir()
    old.write_text('{"labels": [{"name": "feature", "value": "worse"}]}')
    run = whole_checkout.gate(*UNDRAWN, "--deselect=suites/canary/test_guards.py", hero="equal")
    assert run.ret == 10
    results = allure(whole_checkout)
    assert {labels(result)["feature"] for result in results} == {"equal"}
    (decided,) = (r for r in results if labels(r)["story"] == "decision")
    missing = [line for line in decided["statusDetails"]["message"].splitlines() if line.startswith("no result: ")]
    assert any(line.endswith("[equal-ndcg_at_10]") for line in missing)
    assert len(missing) == len(load_policy(whole_checkout.folder / "configs" / "policy.yaml").asked(Kind.GUARD))


def test_a_report_that_breaks_leaves_hold_and_no_page(whole_checkout: Checkout) -> None:
    (whole_checkout.folder / "breaks.py").write_text(
        "from reports.render import allure\n"
        "def broken(*_):\n"
        "    raise OSError('disk full')\n"
        "allure.AllureFileLogger = broken  # when the page is written already\n"
    )
    run = whole_checkout.gate(*UNDRAWN, "-p", "breaks", hero="equal")
    assert run.ret == 3
    assert whole_checkout.decision() == whole_checkout.decision("equal") == "HOLD"
    assert not (whole_checkout.out / "index.html").exists()
    assert run.errlines == [
        "exit status 3: OSError: disk full (breaks.py:3); nothing was decided: reports/out says HOLD"
    ]


def test_only_a_canary_writes_results(whole_checkout: Checkout) -> None:
    whole_checkout.gate("--collect-only")
    assert not whole_checkout.out.exists()


LOOKS = """
from pathlib import Path
READ = ("index.html", "summary.md")
def pytest_configure():
    from reports import plugin
    write = plugin.write_attestations
    def looking(release, attested, *signed):
        there = all((release.artifacts / name).exists() for name in READ)
        with Path("order.txt").open("a") as file:
            print(release.decision, there, file=file)
        write(release, attested, *signed)
    plugin.write_attestations = looking
"""
BOARD = """
import json
def pytest_gate_told(told):
    cards = {story.hero: story.card for story in told.stories}
    told.staged.mkdir(parents=True, exist_ok=True)
    said = {hero: [card.reason, card.serves] for hero, card in cards.items()}
    (told.staged / "board.json").write_text(json.dumps(said))
def pytest_gate_signed(told, configs):
    assert (told.release.artifacts / "board.json").exists()
    return f"the board does not answer ({configs.name})"
"""


@pytest.fixture(scope="session")
def watched(tmp_path_factory: pytest.TempPathFactory, release_template: Path) -> Checkout:
    """A run of `equal` at which a plugin looks, and to which another adds a report."""

    def watch(home: Path) -> None:
        folder = Path(shutil.copytree(release_template, home / "checkout"))
        (folder / "looks.py").write_text(LOOKS)
        (folder / "board.py").write_text(BOARD)
        done = canary(folder, "-p", "looks", "-p", "board", hero="equal", complete=True)
        assert done.returncode == 0, done.stdout + done.stderr
        leave_told(done, home)

    return Checkout(made_once(tmp_path_factory, "watched", watch) / "checkout")


def test_the_attestation_is_written_last(watched: Checkout) -> None:
    order = (watched.folder / "order.txt").read_text(encoding="utf-8").splitlines()
    assert order == ["HOLD False", "PROMOTE True"]
    (decision,) = (r for r in allure(watched) if labels(r)["story"] == "decision")
    (attached,) = (a for a in decision["attachments"] if a["name"] == "attestation.json")
    content = (watched.out / "allure-results" / attached["source"]).read_bytes()
    assert content == (watched.out / "equal" / "attestation.json").read_bytes()


def test_a_report_of_ones_own_gets_what_ours_get(watched: Checkout) -> None:
    ((reason, serves),) = json.loads((watched.out / "board.json").read_text(encoding="utf-8")).values()
    assert reason in (watched.out / "index.html").read_text(encoding="utf-8")
    assert serves == "incumbent"
    assert "the board does not answer (configs)" in (watched.folder.parent / "stdout").read_text(encoding="utf-8")
