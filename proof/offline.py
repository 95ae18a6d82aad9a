"""Command: how often does mode `offline` err, beside the usual tests? Simulates it and writes its page.

    python -m proof.offline

One process, some minutes.
"""

import datetime
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from evidence.digests import file_digest
from evidence.files import write_whole
from gates.place import HERE
from proof.pages.page import rendered
from proof.simulate import offline
from proof.simulate.offline import ALPHAS, MARGINS, QUESTIONS, RULES, OfflineQuestion, World, Yes
from proof.simulate.recording import ROOT
from proof.simulate.summary import bounds

SEED = 13
PAGE = "offline-characteristics.md"
#: What the rates depend on: a change makes the page stale.
SOURCES = ("gates/statistics/gaffke.py", "proof/simulate/offline.py")
HEAD = ("queries", "μ, points", "world", *(f"{rule} {alpha:.2f}" for rule in RULES for alpha in ALPHAS))


def main(docs: Path = ROOT / "docs", heroes: int = 10_000, resampled: int = 2_000) -> None:
    """Simulate so many heroes of each world, fewer for rules that draw themselves, and write the page."""
    found = []
    for i, question in enumerate(QUESTIONS):
        tried = [
            (n, world, offline.try_world(question, world, n, heroes, resampled, (SEED, i, n, j)))
            for n in MARGINS
            for j, world in enumerate(offline.WORLDS)
            if question.loss == 1 or not world.at_least_margin
        ]
        found.append((question, list(_lines(question, tried))))
        print(f"{time.process_time():5.0f} s CPU  {question.title}", flush=True)
    text = rendered(
        Path(__file__).with_name("pages") / f"{PAGE}.j2",
        heroes=heroes, resampled=resampled, flips=offline.FLIPS, resamples=offline.RESAMPLES,
        head=HEAD, found=found, commit=HERE.commit, seed=SEED, date=datetime.datetime.now(datetime.UTC).date(),
        seconds=time.process_time(), digests={source: file_digest(ROOT / source) for source in SOURCES},
    )  # fmt: skip
    write_whole(docs / PAGE, text)
    print(f"wrote {docs / PAGE}")


def _lines(question: OfflineQuestion, tried: list[tuple[int, World, Yes]]) -> Iterator[list[str]]:
    """What each rule does in its worst world by number of queries (most errors, least power), and then in each."""
    worst = max if question.error else min
    for n in MARGINS:
        seen = [yes for of, _, yes in tried if of == n]
        yield [
            f"**{n:,}**",
            "",
            "**worst**",
            *_told(question, {key: worst(yes[key] for yes in seen) for key in seen[0]}),
        ]
    for n, world, yes in tried:
        yield [f"{n:,}", f"{100 * world.margin(n):.2g}", world.what, *_told(question, yes)]


def _told(question: OfflineQuestion, yes: Yes) -> list[str]:
    tell = _error if question.error else _power
    return [tell(*yes[rule, alpha], alpha) for rule in RULES for alpha in ALPHAS]


@cache
def _error(k: int, heroes: int, alpha: float) -> str:
    lower, upper = bounds(k, heroes, 0.9)
    told, is_above = f"{100 * k / heroes:.2f} (≤ {100 * upper:.2f})", lower > alpha
    return f"**{told}**" if is_above else told


@cache
def _power(k: int, heroes: int, _: float) -> str:
    return f"{100 * k / heroes:.1f} (≥ {100 * bounds(k, heroes, 0.9)[0]:.1f})"


if __name__ == "__main__":
    main()
