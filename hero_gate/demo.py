"""Does the gate tell a better search from a broken one, and from one of which too little is known? (`make demo`)

Seeded answers of a made-up code search are written into a folder of their own, one real canary judges three heroes by
the limits that are shipped, and what it decided is read from what it attested.
"""

import argparse
import random
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from fixtures.lock import lock_material, shown, write_lock
from fixtures.packs import load_hero
from gates.archive import take
from gates.attestation import ATTESTATION, Attestation
from gates.documents import read_yaml
from gates.errors import GateError
from gates.offline import TEMPLATES
from gates.place import HERE

FOLDER = HERE.home / "reports" / "out" / "demo"
QUERIES, FEW = 16_400, 5_000  # judged ones: four in five are the canary's, and the shipped ladder asks 12,800
INTENTS = {"names": 0.62, "questions": 0.3, "messages": 0.08}  # what people look for, and how often
DOUBTFUL = 0.65  # confidence below the median

PACK = """\
# Written by {demo}. docs/recorded-runs.md says how to write such a pack, and its run files, of your own engine.
schema: hero-gate/pack/v1
name: {name}
owner: Search Team
claim: {{text: "{claim}"}}
selected: {{system: recorded, run: {name}.run, qrels: {judged}.qrels, queries: {judged}.tsv}}
"""
OWN_BASELINE = "baseline: {{system: recorded, run: today.run, qrels: {judged}.qrels, queries: {judged}.tsv}}\n"
LEFT_OUT = """\
policy:
  left_out: # the limits that are shipped ask these of a live engine
    calibrator_p99: a recorded run calls no calibrator
    spend: a recorded run does not say what a router spent
    index_integrity: a recorded run has no index
    oracle_queries: nobody can ask a recorded run anything else
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeUpHero:
    """What is made up of a hero, and with which decision its answers deserve to end."""

    name: str
    claim: str
    shows: str
    deserves: str
    changes: Mapping[str, float]  # intent -> which part of what was doubtful it mends, or, below 0, of all it spoils
    queries: int = QUERIES


HEROES = (
    MadeUpHero(
        name="better",
        claim="questions are understood",
        shows="1. Answers to questions get better, and nothing else changes.",
        deserves="PROMOTE",
        changes={"questions": 0.8},
    ),
    MadeUpHero(
        name="better_on_average",
        claim="names and questions are understood",
        shows="2. More gets better, the average too; but pasted error messages, 8 queries in 100, get worse.",
        deserves="ROLLBACK",
        changes={"names": 0.8, "questions": 0.8, "messages": -0.25},
    ),
    MadeUpHero(
        name="hardly_tried",
        claim="questions are understood",
        shows=f"3. The first one again, where only {FEW:,} queries have been judged: too few to be sure.",
        deserves="HOLD",
        changes={"questions": 0.8},
        queries=FEW,
    ),
)


def judge(heroes: Sequence[MadeUpHero], folder: Path) -> int:
    """0 where each hero ended as its answers deserve; else 1, and a line that says which did not."""
    print("Three made-up changes to a made-up code search. The answers are invented, gate and limits are real.")
    print("Judging them takes some ten to twenty seconds.", flush=True)
    wrong, results = list[str](), folder / "results"
    try:
        _canary(write_configs(folder, heroes), results)
        wrong.extend(told(heroes, results))
    except (OSError, GateError) as error:
        wrong.append(str(error))
    page = results / "index.html"
    if page.exists():
        print(f"\nThe page of all this, to open in a browser: {shown(page)}")
    print("; ".join(wrong) or "Each ended as its answers deserve.", file=sys.stderr if wrong else sys.stdout)
    return 1 if wrong else 0


def _canary(configs: Path, results: Path) -> None:
    where = f"--configs={configs}", f"--artifacts={results}"
    command = HERE.argv("python", "-m", "pytest", "-m", "canary", *where, "-n", "2")
    done = subprocess.run(command, cwd=HERE.home, capture_output=True, text=True)
    if not (results / ATTESTATION).exists():
        raise GateError(f"the canary ended with {done.returncode}: {done.stderr.strip() or done.stdout[-2000:]}")


def told(heroes: Sequence[MadeUpHero], results: Path) -> Iterator[str]:
    """Print the card of each; those that ended otherwise than their answers deserve."""
    for hero in heroes:
        said = Attestation.read_file(results / hero.name / ATTESTATION)
        print("", *card(hero, said), sep="\n")
        if said.decision != hero.deserves:
            yield f"{hero.name} ended with {said.decision}, but its answers deserve {hero.deserves}"


def card(hero: MadeUpHero, said: Attestation) -> Iterator[str]:
    """What a hero is, and what the gate said of it."""
    yield hero.shows
    yield f"   {said.decision}  {said.hero}    {said.card.serves}"
    points = [
        f"{100 * float(number):+.1f}"
        for gain in said.gains
        if (gain.metric, gain.intent) == ("ndcg_at_10", "")
        for number in (gain.difference, gain.ci_lower, gain.ci_upper)
    ]
    told = {
        "why": said.card.reason,
        "gain": "on average {} points of nDCG@10 [{}, {}]".format(*points) if points else "not measured",
        "next": said.card.next,
    }
    for head, words in told.items():
        yield textwrap.fill(
            words, 100, initial_indent=f"     {head:6}", subsequent_indent=" " * 11, break_on_hyphens=False
        )


def write_configs(folder: Path, heroes: Sequence[MadeUpHero]) -> Path:
    """A folder of policy, packs, run files and locks, in place of the last demo. Raises GateError for a stranger's."""
    take(folder.parent)  # results that others leave there later are then known to be ours
    shutil.rmtree(folder, ignore_errors=True)
    configs = folder / "configs"
    configs.mkdir(parents=True)
    files = {"today.run": draw_run({}, QUERIES), "baseline.yaml": [_pack("today", "what serves today", QUERIES)]}
    for judged in {QUERIES, *(hero.queries for hero in heroes)}:
        files[f"{judged}.qrels"] = (f"{query} 0 {place(query, 0)} 1\n" for query, _ in draw_queries(judged))
        files[f"{judged}.tsv"] = (f"{query}\t{query}, made up\t{intent}\n" for query, intent in draw_queries(judged))
    for hero in heroes:
        own = OWN_BASELINE.format(judged=hero.queries) if hero.queries != QUERIES else ""
        files[f"{hero.name}.run"] = draw_run(hero.changes, hero.queries)
        files[f"{hero.name}.yaml"] = [_pack(hero.name, hero.claim, hero.queries), own, LEFT_OUT]
    files["policy.yaml"] = [yaml.safe_dump(_policy(heroes), sort_keys=False)]
    for name, lines in files.items():
        (configs / name).write_text("".join(lines), encoding="utf-8")
    for hero in heroes:
        loaded = load_hero(hero.name, configs)
        write_lock(loaded, lock_material(loaded, loaded.baseline_kind.open_collection(lambda _: None), HERE.house))
    return configs


def _pack(name: str, claim: str, judged: int) -> str:
    return PACK.format(name=name, claim=claim, judged=judged, demo=HERE.typed("make demo"))


def _policy(heroes: Sequence[MadeUpHero]) -> dict[str, Any]:
    """The shipped one, with its ladder and limits, for these heroes and intents."""
    policy = {**read_yaml(TEMPLATES / "canary.yaml"), "based_on": "canary"}
    policy["heroes"] = {hero.name: f"{hero.name}.yaml" for hero in heroes}
    del policy["characteristics"]  # simulated where all checks are asked, some of which a recorded run cannot answer
    slices = {
        key: {k: v for k, v in of.items() if k != "tolerated_loss"}
        for key, of in policy["slices"].items()
        if key != "intents"
    }
    policy["slices"] = {"intents": list(INTENTS), **slices}  # no loss of an intent is tolerated
    return policy


def draw_queries(count: int) -> Iterator[tuple[str, str]]:
    """Queries and their intents: the first ones of always the same sequence."""
    draw = random.Random(1)
    for number in range(count):
        yield f"q{number}", draw.choices(list(INTENTS), list(INTENTS.values()))[0]


def draw_run(changes: Mapping[str, float], count: int) -> Iterator[str]:
    """Lines of a run file: of three hits the right one comes first, as often as the confidence says, or else last."""
    draw = random.Random(2)  # the same for every run: they differ by the changes alone
    for query, intent in draw_queries(count):
        confidence, luck, milliseconds = draw.betavariate(3, 1.5), draw.random(), draw.gammavariate(9, 3)
        change = changes.get(intent, 0.0)
        # what is mended is what was doubtful, so that the median confidence stays: a gate looks at it
        confidence += change * (max(DOUBTFUL - confidence, 0) if change > 0 else confidence)
        of_answer = f"made_up {milliseconds:.2f} {confidence:.4f}"
        for rank in range(3):
            right = rank == (0 if luck < confidence else 2)
            yield f"{query} Q0 {place(query, 0 if right else 1 + rank)} {rank} {9 - rank} {of_answer}\n"


def place(query: str, number: int) -> str:
    """Lines of a made-up file as an id: those of file 0 are the answer to the query."""
    return f"made/up/{query}_{number}.py:1-20"


def main(arguments: Sequence[str]) -> int:
    """Of the demo, which takes no options."""
    argparse.ArgumentParser(prog="hero-gate demo", description=__doc__).parse_args(arguments)
    return judge(HEROES, FOLDER)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
