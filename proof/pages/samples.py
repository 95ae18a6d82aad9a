"""Do README and docs show what canaries of one commit printed? `make readme` copies it, no hand does."""

import re
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from evidence.files import write_whole
from gates.attestation import ATTESTATION, Attestation, AttestedGain
from gates.documents import read_yaml
from gates.errors import GateError
from gates.verdicts import Decision
from reports.escaping import markdown
from reports.model.labels import metric_name

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("README.md", "docs/reading.md", "docs/heroes.md", "docs/red-run.md")
#: What stands between these is written here.
REGION = re.compile(r"(<!-- sample: (\w+) -->\n).*?(?=<!-- end -->)", re.DOTALL)
SCREEN = re.compile(r"^(PROMOTE|HOLD|ROLLBACK)  .*?(?=\n+=+ |\Z)", re.DOTALL | re.MULTILINE)
#: What pytest tells of each test that failed, and what `make demo` tells of each hero.
ROWS = re.compile(r"(?<== FAILURES ={35}\n).*?(?=\n=+ )", re.DOTALL)
CARD = re.compile(r"^\d\. .*\n {3}(\w+)  (\w+) (?:.*\n)+?(?=\n)", re.MULTILINE)
COMMIT = re.compile(r"  commit (\w.*?)(?=  |$)", re.MULTILINE)
#: A line of a screen, with those that go on; and how those begin that the README shows.
PART = re.compile(r"^ {0,2}\S.*(?:\n {6,}.*)*", re.MULTILINE)
WIDE = 112
GATES = ("gate  ", "calibrator", "calibration error  ", "confidence", "SLA-Recall@50 lost")
OF_PROMOTE = ("PROMOTE", "ladder", *GATES, "what", "nDCG@10", "SLA-Recall@50", "p95 latency", "CPU")
OF_ROLLBACK = ("ROLLBACK", "ladder", "gate  ", "why", "by intent")  # and the row with "<- rolled back here"
#: Rows of the tables: measure and intent.
INTENTS = ("identifier", "docstring", "error")
FIRST = tuple((metric, "") for metric in ("ndcg_at_10", "sla_recall_at_50", "p95_latency_ms", "cpu_ms"))
MORE = (*(("ndcg_at_10", intent) for intent in INTENTS), ("p95_net_ms", ""), *(("ece", i) for i in ("", *INTENTS)))


def screen(path: Path, expected: Decision) -> str:
    """What a canary of one hero told at its end, out of all that it printed. Raises GateError, OSError."""
    found = SCREEN.search(path.read_text(encoding="utf-8"))
    if found is None or found[1] != expected:
        ended = found[1] if found else "no decision"
        raise GateError(f"{path}: {ended}, but {expected} is to be shown; make readme again on a quiet machine")
    return "\n".join(line.rstrip() for line in found[0].splitlines())


def failed(path: Path) -> str:
    """What pytest printed of the tests that failed, no line wider than a screen. Raises GateError, OSError."""
    found = ROWS.search(path.read_text(encoding="utf-8"))
    if found is None:
        raise GateError(f"{path}: no test failed, but the rows of a rollback are to be shown; make readme again")
    return "\n".join(textwrap.fill(line, WIDE, subsequent_indent="    ") for line in found[0].splitlines())


def of_demo(path: Path, results: Path) -> tuple[dict[str, str], list[Attestation]]:
    """By decision: what the demo told, and the first reason that was signed; and what was signed of each hero.

    Raises GateError, OSError.
    """
    told, heroes = {}, []
    for card in CARD.finditer(path.read_text(encoding="utf-8")):
        hero = Attestation.read_file(results / card[2] / ATTESTATION)
        reasons = textwrap.fill("".join(hero.reasons[:1]), WIDE, subsequent_indent="    ")
        told[f"demo_{card[1].lower()}"] = f"{card[0].rstrip()}\n\n{reasons}"
        heroes.append(hero)
    if not {"demo_rollback", "demo_hold"} <= {*told}:
        ended = " and ".join(hero.decision for hero in heroes) or "no decision"
        raise GateError(f"{path}: {ended}, but ROLLBACK and HOLD are to be shown; make readme again")
    return told, heroes


def only(text: str, beginnings: tuple[str, ...]) -> str:
    """The parts of a screen that begin so, and what decided, paragraph by paragraph; the first line with the second."""
    paragraphs = (
        [part for part in PART.findall(paragraph) if part.lstrip().startswith(beginnings) or "<- " in part]
        for paragraph in text.split("\n\n")
    )
    first, *others = ("\n".join(parts) for parts in paragraphs if parts)
    return ("\n\n" if "\n" in first else "\n").join((first, "\n\n".join(others)))


def samples(
    promote: str, rollback: str, heroes: Sequence[Attestation], also: Mapping[str, str], made_up: Sequence[Attestation]
) -> dict[str, str]:
    """What belongs between the marks of each name. Raises GateError where it is not all of one clean commit."""
    attested = (hero.commit for hero in (*heroes, *made_up))
    commits = {*COMMIT.findall(promote), *COMMIT.findall(rollback), *attested}
    if len(commits) > 1 or not heroes[0].commit.endswith(" clean"):
        told = " and ".join(sorted(commits))
        raise GateError(f"runs of {told}: samples are of one clean commit; commit, then make readme")
    screens = {
        "promote": only(promote, OF_PROMOTE),
        "promote_whole": promote,
        "rollback": only(rollback, OF_ROLLBACK),
        "rollback_whole": rollback,
        **also,
    }
    return {name: f"```\n{text}\n```\n" for name, text in screens.items()} | {
        name: "".join(f"| {' | '.join(cells)} |\n" for cells in _table(heroes, rows))
        for name, rows in {"heroes": FIRST, "heroes_more": MORE}.items()
    }


def filled(page: str, found: Mapping[str, str]) -> str:
    """The page with these samples between its marks. Raises KeyError for marks of no sample."""
    return REGION.sub(lambda mark: f"{mark[1]}{found[mark[2]]}", page)


def _table(heroes: Sequence[Attestation], rows: Iterable[tuple[str, str]]) -> Iterator[list[str]]:
    """The cells of each line, a column each hero."""
    gains = [{(gain.metric, gain.intent): gain for gain in hero.gains} for hero in heroes]
    yield [f"commit {heroes[0].commit.split()[0]}, difference [95 %]", *(hero.hero for hero in heroes)]
    yield ["---"] * (len(heroes) + 1)
    yield ["decision", *(f"**{hero.decision}**" for hero in heroes)]
    yield ["pairs", *(f"{max((gain.n for gain in hero.gains), default=0):,}" for hero in heroes)]
    for metric, intent in rows:
        head = f"{metric_name(metric).head}{': hero (baseline)' if metric == 'ece' else ''}"
        yield [f"{head}, {intent}" if intent else head, *(_told(of.get((metric, intent))) for of in gains)]
    if rows is MORE:
        yield ["why", *(markdown(hero.card.reason) for hero in heroes)]


def _told(gain: AttestedGain | None) -> str:
    if gain is None:
        return ""
    name = metric_name(gain.metric)
    if gain.metric == "ece":
        return f"{name.show(gain.hero)} ({name.show(gain.baseline)})"
    finer = replace(name, digits=2)
    return f"{finer.show(gain.difference, signed=True)} {finer.range(gain.ci_lower, gain.ci_upper, signed=True)}"


def main(promote: Path, rollback: Path, artifacts: Path, demo: Path, results: Path) -> None:
    """Fill PAGES from what two canaries and the demo printed, and from two folders. Raises GateError, OSError."""
    names = read_yaml(ROOT / "configs" / "policy.yaml")["heroes"]
    heroes = [Attestation.read_file(artifacts / name / ATTESTATION) for name in names]
    also, made_up = of_demo(demo, results)
    also["rollback_rows"] = failed(rollback)
    found = samples(screen(promote, Decision.PROMOTE), screen(rollback, Decision.ROLLBACK), heroes, also, made_up)
    for page in (ROOT / name for name in PAGES):
        write_whole(page, filled(page.read_text(encoding="utf-8"), found))


if __name__ == "__main__":
    try:
        main(*map(Path, sys.argv[1:]))
    except (GateError, OSError) as error:
        sys.exit(str(error))
