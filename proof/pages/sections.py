"""The tables of docs/operating-characteristics.md, one function a section, each from the JSON alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gates.checks.aa_dispersion import AaDispersion
from proof.pages.markdown import both, needs, pairs, percent, rate, table, top, where

Row = dict[str, Any]

#: docs/decision-rule.md, section 5: "5 λ above" and section 1 (simulated before the project): median, 99 %.
RULE = {"RED -1 at 1,200": (3000, 7700), "RED -2 at 1,200": (900, 2000), "GREEN margin 1": (1850, 5600)}
BOTH = (
    "models: promoted | rolled back | pairs to RED: median / 99 % | real pairs: promoted | rolled back | pairs to RED"
)


def _section(text: str, head: str, lines: Sequence[Sequence[str]]) -> str:
    """A section; nothing where its table has no line."""
    return f"{text}\n{table(head, lines)}" if lines else ""


def _group(rows: dict[str, Row], name: str) -> list[Row]:
    return [row for row in rows.values() if row["group"] == name]


def equal(rows: dict[str, Row]) -> str:
    """Equal heroes."""
    keys = ("model-aa", "real-aa", "real-itself", "model-noisy", "model-alike", "model-low")
    text = """## Equal heroes

What holds an equal hero: checks still undecided when the budget ended, and alarms of the instruments (1 % each by
design).
"""
    head = "hero | releases | rolled back (bound) | heroes promoted | held: undecided | stopped by | pairs to promotion"
    lines = [
        [
            where(row), f"{row['releases']:,}",
            f"{row['releases_rolled_back']} (≤ {percent(row['releases_rolled_back_upper'])})",
            rate(row, "promoted"), top(row["undecided"]), top(row["stopped_by"]), pairs(row["pairs_to_promotion"]),
        ]
        for row in (rows[k] for k in keys if k in rows)
    ]  # fmt: skip
    per_hero = rows.get("real-aa", {}).get("promoted_of", {})
    more = ", ".join(f"{name} {percent(k / n)}" for name, (k, n) in per_hero.items())
    churn = f"\nOf the equal heroes on real pairs, promoted with the churn of: {more}.\n" if more else ""
    return f"{_section(text, head, lines)}{churn}"


def skewed(rows: dict[str, Row]) -> str:
    """Differences that are rare and large on one side, common and small on the other."""
    text = """## Skewed differences and churn

Nobody here is worse. A rule that estimates a standard deviation rolls the first of them back in 99 of 100
canaries (docs/adr/0016-no-second-trigger.md). Where many whole answers churn, some equal heroes are held.
"""
    return _section(text, f"hero | {BOTH.replace(': median / 99 %', '')}", both(rows, ("skewed", "churn")))


def one_intent(rows: dict[str, Row]) -> str:
    """Calibration on one kind of query."""
    text = """## One kind of query

Equal heroes on real pairs, their order, confidence or first hits changed on error messages (one query in fifteen).
Answers gained at equal confidence are never charged; what keeps its confidence and loses answers is a matter of recall
and nDCG.
"""
    lines = [
        [row["what"], rate(row, "promoted"), rate(row, "rolled_back"), top(row["stopped_by"])]
        for row in _group(rows, "one intent")
    ]
    return _section(text, "hero | promoted | rolled back | stopped by", lines)


def losses(rows: dict[str, Row]) -> str:
    """Losses from the start and late ones."""
    after = "\nWhat appears within the last two windows of the canary is mostly not seen: watch on after promotion.\n"
    return _section("## Losses\n", f"loss | {BOTH}", both(rows, ("loss", "late loss"))) + after


def calibration(rows: dict[str, Row]) -> str:
    """Calibration error."""
    text = """## Calibration error

The true error is known because answers are right as often as a stretch of the stated confidence around its median says.
A true error above .015 is held by `ece`, above .025 rolled back by the gate; GREEN at the last step excludes .035.
"""
    return _section(text, f"true error | {BOTH}", both(rows, ("calibration",)))


def slower(rows: dict[str, Row]) -> str:
    """Slower heroes."""
    text = """## Slower heroes

In the models p95 is 91 ms, so the guard's 5 ms are 5.5 %; the embedded system's p95 is a few milliseconds, so there
half of it counts. How many pairs GREEN needs depends on how alike two latencies of one query are (.8 here).
"""
    lines = [
        [row["what"], rate(row, "promoted"), rate(row, "rolled_back"), pairs(row["pairs_to_rollback"])]
        for row in _group(rows, "slower")
    ]
    return _section(text, "hero | promoted | rolled back | pairs to RED: median / 99 %", lines)


def breaks(rows: dict[str, Row]) -> str:
    """The regimes in which the bound does not hold."""
    text = """## Where the bound does not hold

The proof needs a fair game: given all earlier pairs, the next one loses nothing on average. In replay the order of
queries is a keyed hash, so it holds by construction. In live traffic it may not:

- *Shared shocks*: something moves all hero answers of a window against the baseline's. The 1 % is used up at about .2
  points and breaks from .5 points on, without a margin for live traffic, which this policy does not have. The A/A
  dispersion alarm sees such shocks where they also come between the baseline's own two answers, and holds the release;
  it cannot see shocks that hit heroes only.
- *Autocorrelation* of losses beyond about .4: losses come in runs, and a run looks like a loss. Nothing detects it.
"""
    head = "equal heroes, models | releases rolled back | within 1 % | heroes held by the A/A alarm | heroes promoted"
    lines = []
    for row in _group(rows, "dependence"):
        share = row["releases_rolled_back"] / row["releases"]
        bound = f"({percent(share)}, ≤ {percent(row['releases_rolled_back_upper'])})"
        rolled = f"{row['releases_rolled_back']} of {row['releases']:,} {bound}"
        held = percent(row["stopped_by"].get(AaDispersion.key, 0) / row["n"])
        lines.append([row["what"], rolled, "yes" if share <= 0.01 else "**NO**", held, rate(row, "promoted")])
    return _section(text, head, lines)


def recorded(rows: dict[str, Row]) -> str:
    """The policy's heroes as they are."""
    lines = [
        [row["what"], rate(row, "promoted"), rate(row, "rolled_back"), top(row["stopped_by"]), top(row["undecided"])]
        for row in _group(rows, "as recorded")
    ]
    title = "## The present heroes, over resampled orders\n"
    return _section(title, "hero | promoted | rolled back | stopped by | held: undecided", lines)


def seeds(seeds: dict[str, Any]) -> str:
    """good/ and bad/ over many orders."""
    text = """## Seeded heroes, over 100 orders of the queries

The gate's own judge, ladder and decision over the recorded pairs, in the orders of 100 made-up fingerprints. A HOLD
is a false alarm of an instrument (1 % each by design) before anything else was shown. What the sanity battery stops is
rolled back here by another check: simulated releases have no battery.
"""
    lines = [
        [
            f"{kind}/{hero}", *_decisions(seen), seen["check"] or "", str(seen["red"].get(seen["check"], "")),
            top(seen["red"]), pairs(seen["pairs"]),
        ]
        for kind, heroes in seeds.items()
        for hero, seen in heroes.items()
    ]  # fmt: skip
    head = "hero | PROMOTE | ROLLBACK | HOLD | check it names | RED for it | RED in all | pairs: median / 99 %"
    return _section(text, head, lines)


def _decisions(seen: dict[str, Any]) -> list[str]:
    return [str(seen["decisions"].get(d, 0)) for d in ("PROMOTE", "ROLLBACK", "HOLD")]


def busy(found: dict[str, Any]) -> str:
    """A busy machine."""
    text = """## A busy machine

The recorded answers with waiting put on every clock (proof/simulate/busy.py): on a busy machine one answer in fifty
waits, on a very busy one every second, 4 ms on average, where answers take less than one. RED is judged on time net of
that, GREEN on time as measured; 100 orders each.
"""
    lines = [
        [load, hero, *_decisions(seen), top(seen["red"])]
        for load, heroes in found.items()
        for hero, seen in heroes.items()
    ]
    return _section(text, "machine | hero | PROMOTE | ROLLBACK | HOLD | RED in all", lines)


def letter(found: dict[str, Any]) -> str:
    """Mode letter."""
    text = """## Mode `letter`

Equal heroes judged by the original contract's point thresholds and two red windows in a row.
"""
    lines = [
        [world, str(sum(c.values())), *(str(c.get(d, 0)) for d in ("ROLLBACK", "HOLD", "PROMOTE"))]
        for world, c in found["letter"].items()
    ]
    return _section(text, "equal heroes of | heroes | ROLLBACK | HOLD | PROMOTE", lines)


def needed(found: dict[str, Any]) -> str:
    """Pairs to find a loss, beside docs/decision-rule.md."""
    text = """## Pairs to find a loss

Recall alone, the plain process (no start mixture), models; looks every 100 pairs.
"""
    lines = [
        [name, needs(seen), " / ".join(f"{v:,}" for v in RULE[name]) if name in RULE else "", percent(seen["never"])]
        for name, seen in found["pairs_needed"].items()
    ]
    return _section(text, "question | pairs: median / 99 % | docs/decision-rule.md | not within 12,800", lines)


def variants(variants: dict[str, Any]) -> str:
    """Control variate and drawing without replacement."""
    text = """## What two refinements would save

Measured on the recorded pairs (equal heroes with the churn of two real ones, losses put on). Not adopted: a step needs
at least 3,200 pairs whatever they save; the control variate needs the baseline's answers to all 22,000 queries
beforehand; and a null mean for what is left blurs which window a loss appeared in.
"""
    names = ("as it is", "control variate", "without replacement", "both")
    lines = [
        [question, *(needs(seen[name]) for name in names)] for question, seen in variants.items() if question != "pairs"
    ]
    return _section(text, " | ".join(["recall, median / 99 % of pairs", *names]), lines)
