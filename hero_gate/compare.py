"""Is one run file better than another? `compare A.run B.run --qrels Q` decides by one look, in mode `offline`.

A is what serves, B the candidate; there is no YAML, no pack and no lock. It is a canary all the same: pytest asks one
item a measure, and page, attestation, verify and replay are those of any release.
"""

import argparse
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from fixtures.foreseen import differences_of
from fixtures.judged import BUILT_IN, JudgedPair, judged_pair, kinds_of
from fixtures.pack_file import FOLDERS
from fixtures.packs import Hero, config_hash
from fixtures.systems.recorded import RecordedKind
from gates import archive
from gates.checks.known_answers import KnownAnswers
from gates.checks.measures import measure_named
from gates.checks.ndcg import Ndcg
from gates.documents import checked
from gates.errors import ConfigError, GateError
from gates.offline import completed
from gates.place import HERE
from gates.policy import Policy
from gates.release import Subject
from gates.rule.compared import attainable
from gates.rule.offline import rates_of, require_attainable
from gates.status import EXIT, FAILED, MISTAKE, Ending, tell_uncaught
from hero_gate.in_process import judge_one
from reports.escaping import clean, typed
from reports.model.labels import CLAIMED
from reports.render.compared import terminal_lines

FOLDER = "hero-gate-compare"
MEASURES = ("nDCG@10",)
MOST_LOST = 0.5  # of a measure: a larger margin is none
LONGEST = 60  # letters of a name
#: Names that are folders of results, files of configs, or no text to YAML.
TAKEN = {*FOLDERS, "policy", "baseline", "all", "null", "true", "false", "yes", "no", "on", "off", "y", "n"}


class FilesParser(argparse.ArgumentParser):
    """One whose mistakes are a line, and end with 4."""

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {message}; --help lists all", file=sys.stderr)
        sys.exit(MISTAKE)


def main(arguments: Sequence[str]) -> int:
    """0 PROMOTE, 10 HOLD, 20 ROLLBACK once it is signed; 4 with a line for a mistake, 3 where something else failed."""
    asked, ending = _parser().parse_args(arguments), Ending("")
    with ending.watching():
        try:
            returned = compare_files(asked, shlex.join(arguments), ending)
        except GateError as error:
            print(clean(f"hero-gate compare: {str(error).splitlines()[0]}"), file=sys.stderr)
            return MISTAKE
        except Exception as error:
            ending.failed(error)
            returned = FAILED
    return ending.status(returned)


def compare_files(asked: argparse.Namespace, typed_so: str, ending: Ending) -> int:
    """Read, have pytest decide and sign, and only then tell. Raises GateError with a line."""
    kinds = kinds_of(asked.baseline, asked.hero, asked.qrels, asked.queries)
    pair = judged_pair(*kinds, asked.measures)
    hero = hero_of(asked, kinds, policy_of(pair, asked), typed_so)
    archive.require_ours(asked.artifacts)
    if asked.junit:
        require_free(asked.junit, asked.artifacts)
    status, told, printed = judge_one(hero, asked.artifacts.absolute(), asked.junit and asked.junit.absolute())
    place = typed(asked.artifacts)
    if told is not None:
        ending.stands = f"{told.stories[0].outcome.decision} is signed and stands: {place}"
    if told is None or status not in EXIT.values():
        print(printed, file=sys.stderr)
        return status
    story, signed = told.stories[0], clean(told.seal.words)
    ending.signed(status, ending.stands)
    keys = {measure: measure_named(measure).key for measure in asked.measures}
    measures = {measure: CLAIMED.get(key, key) for measure, key in keys.items()}  # nothing is late here
    for line in terminal_lines(story, pair.queries, (str(asked.baseline), str(asked.hero)), measures):
        print(line)
    if len(pair.unjudged):
        print(f"  {'judge first':11} {place}/{story.hero}/judge-first.csv")
    print(f"  {'page':11} {place}/index.html")
    check = HERE.typed(f"python -m hero_gate verify {shlex.quote(place)}")
    print(f"  {'signed':11} {signed}; check: {check}, and the same with replay")
    return status


def require_free(junit: Path, artifacts: Path) -> None:
    """Raises ConfigError, a line, where JUnit XML would take the place of something else."""
    if junit.resolve().is_relative_to(artifacts.resolve()):
        raise ConfigError([f"--junit={junit}: within the results, which are signed; name another place"])
    if junit.exists() and not (junit.is_file() and b"<testsuite" in junit.read_bytes()[:1000]):
        raise ConfigError([f"--junit={junit}: is there, and is no JUnit XML; name another file"])


def policy_of(pair: JudgedPair, asked: argparse.Namespace) -> Policy:
    """A loss of each measure that is asked, with the margin that is asked or the one that these queries can carry.

    Raises ConfigError, a line, where no hero whatsoever could be shown to keep it.
    """
    differences = differences_of(pair)
    rates = rates_of(len(differences), k=1)
    if asked.margin is None:
        mus = [margin.mu for margin in attainable(differences, rates)]
    else:
        mus = [asked.margin] * len(differences)
        for of, mu in zip(differences, mus, strict=True):
            require_attainable(of.check, mu, len(of.judged), rates.green)
    losses = losses_of(dict(zip((of.check for of in differences), mus, strict=True)))
    if too_much := [of for of, mu in zip(differences, mus, strict=True) if mu > MOST_LOST]:
        n, measure = len(too_much[0].judged), too_much[0].check
        raise ConfigError([f"{n:,} judged queries: no margin below half of {measure}; judge more"])
    document = completed(
        {
            "schema": "hero-gate/policy/v1", "mode": "offline", "promotes": True, "baseline": "", "heroes": {"b": ""},
            "promotion": {"valid_days": 7, "approvals": 0}, "keep_runs": 0, **losses,
            "offline": {"unjudged": asked.unjudged, "counted": False},
        }
    )  # fmt: skip
    document["offline"] |= {"asks": [KnownAnswers.key, *losses["guards"]], "chosen_after_looking": asked.margin is None}
    return checked(document, Policy, "hero-gate compare")


def losses_of(margins: Mapping[str, float]) -> dict[str, dict[str, Any]]:
    """The blocks of a policy that ask for a loss of each measure, with its margin."""
    losses: dict[str, dict[str, Any]] = {"guards": {}, "checks": {}}
    for measure, mu in margins.items():
        if measure == "nDCG@10":
            losses["guards"][Ndcg.key] = {"margin": mu}
        else:
            key = re.sub(r"\W", "_", measure.lower().replace("@", "_at_"))
            losses["checks"][key] = {"form": "loss", "measure": measure, "margin": mu}
    return losses


def hero_of(asked: argparse.Namespace, kinds: tuple[RecordedKind, RecordedKind], policy: Policy, typed_so: str) -> Hero:
    """The candidate's run against the one of what serves."""
    baseline, hero = kinds
    names = names_of(asked.baseline, asked.hero)
    subject = Subject(
        command=HERE.typed(f"python -m hero_gate compare {typed_so}"),
        packs=HERE.typed(f"python -m hero_gate init {_files(asked)}"),
        name=names[1], source=str(asked.hero), owner="whoever compares", claim="", claim_intent="",
        config_hash=config_hash(hero.content()), baseline_name=names[0],
        baseline_config_hash=config_hash(baseline.content()), differs=(), policy=policy, windows=1, max_windows=1,
    )  # fmt: skip
    return Hero(
        subject=subject, system_kind=hero, baseline_kind=baseline, grid=(), stack=(), fault=None,
        lock_file=Path(), left_out=frozenset(), policy_content=policy.content(), known=None, serves=False,
    )  # fmt: skip


def _files(asked: argparse.Namespace) -> str:
    """Which files were meant and what was asked of them, as typed again."""
    words = [asked.baseline, asked.hero, "--qrels", asked.qrels]
    words += ["--queries", asked.queries] if asked.queries else []
    words += [f"--measures={','.join(asked.measures)}"] if asked.measures != MEASURES else []
    words += [f"--unjudged={asked.unjudged}"] if asked.unjudged != "bounded" else []
    words += [f"--margin={100 * asked.margin:.10g}"] if asked.margin else []
    return shlex.join(map(str, words))


def names_of(*files: Path) -> list[str]:
    """What both systems are called: as their files, in what a hero may be called."""
    names = []
    for path in files:
        name = re.sub(r"\W+", "_", path.stem.lower(), flags=re.ASCII).strip("_")[:LONGEST]
        names.append(name if re.match("[a-z]", name) and name not in TAKEN else f"run_{name}".rstrip("_"))
    return names if names[0] != names[1] else [names[0], f"{names[1]}_candidate"]


def about_files(prog: str, description: str | None) -> FilesParser:
    """The options that say which files are meant, and what is asked of them."""
    parser = FilesParser(prog=prog, description=description, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("baseline", type=Path, metavar="A.run", help="run file of what serves")
    parser.add_argument("hero", type=Path, metavar="B.run", help="run file of the candidate")
    parser.add_argument("--qrels", type=Path, required=True, help="judgements: a file, a BEIR folder, or irds:NAME")
    parser.add_argument("--queries", type=Path, help="texts of the queries, and perhaps their intents")
    parser.add_argument(
        "--measures",
        type=_measures,
        default=MEASURES,
        help=f"of {','.join(BUILT_IN)}, and ir-measures'; each must hold",
    )
    parser.add_argument(
        "--unjudged", choices=("bounded", "not-relevant"), default="bounded",
        help="may a hit that nobody judged be relevant? bounded: HOLD where the decision hangs on it",
    )  # fmt: skip
    return parser


def _parser() -> FilesParser:
    parser = about_files("hero-gate compare", __doc__)
    parser.add_argument(
        "--margin", type=margin, help="points that may be lost; without it, what these queries can carry"
    )
    parser.add_argument(
        "--artifacts", type=archive.folder, default=Path(FOLDER), metavar="DIR", help=f"results (default {FOLDER})"
    )
    parser.add_argument("--junit", type=Path, metavar="FILE", help="the items as JUnit XML")
    return parser


def _measures(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    if len(set(names)) < len(names):
        raise argparse.ArgumentTypeError("a measure is named twice")
    return names


def margin(text: str) -> float:
    """Points as a share."""
    value = float(text) / 100 if re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,12})?", text, re.ASCII) else 0.0
    if not 0 < value <= MOST_LOST:
        raise argparse.ArgumentTypeError(f"{text!r} should be points above 0 and up to 50, such as 2.5")
    return round(value, 12)  # as it would be written: 2.2 points are .022


if __name__ == "__main__":
    sys.excepthook = tell_uncaught
    sys.exit(main(sys.argv[1:]))
