"""What stands on each tile of the dashboard, and since when? What cannot be read is told by its own tile alone."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import islice
from typing import NamedTuple

from evidence import history
from gates import names
from gates.archive import is_put_away
from gates.attestation import ATTESTATION, Attestation, AttestationError
from gates.errors import ConfigError, EvidenceError
from gates.place import HERE
from gates.verdicts import WARN, Cell, Verdict
from reports.alerts.decisions import stands
from reports.alerts.log import LOG, Log, read_log
from reports.attestation.chain import Statement
from reports.attestation.statements import made_at
from reports.escaping import clean, cut, typed
from reports.model.dashboard import Dashboard, Line, Standing, Tile, read_standing
from reports.model.labels import metric_name
from reports.promotion.conditions import Wanted
from reports.promotion.serving import Serving, has_ended, of_exception, served
from rollout.jobs.check import WARNING
from rollout.jobs.findings import read_findings
from rollout.jobs.job import METRICS

#: What is looked up whenever the page is written is too old after this long: a tick writes it every minute.
FRESH = timedelta(minutes=15)
#: What a job has measured, where no schedule says when it is measured again.
WEEKLY, HOURLY = timedelta(days=7.5), timedelta(hours=1)
_DECISIONS, _TROUBLE, _SEEN = 10, 240, timedelta(days=180)
_URGENT, _ORDER = ("P0", "P1"), ("x", "?", "!", "", "+")
WIDTH, HEIGHT = 100, 20  # of a sparkline


class Part(NamedTuple):
    """What a tile shows. Without `at` it was looked up now."""

    lines: list[Line]
    trouble: str = ""
    at: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Sight:
    """What several tiles look at, read once."""

    asked: Wanted

    @cached_property
    def served(self) -> Serving:
        """What serves."""
        return served(self.asked)

    @cached_property
    def since(self) -> datetime | None:
        """When what serves was changed last; what was measured before says nothing of it."""
        try:
            last = self.served.last
        except Exception:  # the tile of what serves tells it
            return None
        return made_at(last.content) if last else None

    @cached_property
    def log(self) -> Log:
        """The alerts. Raises EvidenceError where none was ever told: that nothing fires is then not known."""
        path = self.asked.artifacts / LOG
        if not path.exists():
            raise EvidenceError(f"{typed(path)}: not there; a canary or a tick begins it")
        return read_log(self.asked.artifacts)

    @cached_property
    def standing(self) -> Standing:
        """What the last tick left."""
        try:
            return read_standing(self.asked.state)
        except FileNotFoundError:
            raise EvidenceError(f"no tick was completed here; {HERE.typed('./hero-gate jobs status')}") from None

    def until(self, marker: str, at: datetime, age: timedelta) -> datetime:
        """When what a job measured then is too old: once the run after it must have ended."""
        try:
            job = self.standing.of_marker(marker)
        except Exception:  # the tile of the jobs tells it
            job = None
        if job is None or job.due is None or job.ends is None:
            return at + age
        return at + (job.ends - job.due) if at >= job.due else job.due


def told_now(asked: Wanted, by: str) -> Dashboard:
    """Every tile, whatever can be read."""
    sight, now = Sight(asked=asked), asked.now
    tiles = tuple(_tile(sight, *row) for row in TILES)
    try:
        serves = sight.served.name
    except Exception:  # its tile says why
        serves = "not evidenced"
    return Dashboard(
        serves=serves, by=by, at=now, until=now + FRESH, configs=typed(asked.configs), artifacts=typed(asked.artifacts),
        tiles=tiles,
    )  # fmt: skip


def _tile(sight: Sight, key: str, title: str, none: str, fill: Callable[[Sight], Part]) -> Tile:
    now = sight.asked.now
    try:
        part = fill(sight)
    except Exception as error:  # whatever a torn or a foreign file makes a reader raise
        part = Part([], why(error))
    at = part.at or now
    until = part.until or at + FRESH
    lines = tuple(part.lines)
    return Tile(key=key, title=title, at=at, until=until, lines=lines, trouble=part.trouble, none=none)


def why(error: Exception) -> str:
    """An error in one line."""
    said = error.mistakes[0] if isinstance(error, ConfigError) else str(error)
    if isinstance(error, OSError) and error.filename:
        said = f"{typed(error.filename)}: {error.strerror}"
    return cut(said.partition("\n")[0], _TROUBLE) or type(error).__name__


def _serving(sight: Sight) -> Part:
    now, lines = sight.served, list[Line]()
    if now.begun:
        lines.append(Line("x", "interrupted", now.interrupted))
    if now.last is None:
        by_hand = "nothing in the chain let it serve: it was put there by hand"
        unknown = "not known: the changes on record cannot be read" if now.whole.problems else "before any change"
        lines.append(Line("!", "since", by_hand) if now.whole.statements else Line("", "since", unknown))
    else:
        lines.append(Line("", "since", _change(now.last), made_at(now.last.content)))
    if now.by:
        lines.append(Line("", "by", now.by))
    lines.append(Line("", "owner", now.baseline.owner))
    return Part(lines, _first(now.whole.problems))


def _change(made: Statement) -> str:
    """Who changed what serves, and why."""
    by, reason = (clean(str(made.predicate.get(key, ""))) for key in ("by", "why"))
    return f"{made.kind} of {made.hero or 'the baseline'} by {by}{f': {reason}' if reason else ''}"


def _stack(sight: Sight) -> Part:
    brought = reversed(sight.served.baseline.stack)
    return Part([Line("", one.hero, clean(str(one)).partition(": ")[2]) for one in brought])


def _exceptions(sight: Sight) -> Part:
    made, now = sight.served.made, sight.asked.now
    if made is None or made.kind != "exception":
        return Part([])
    return Part([Line("x" if has_ended(made, now) else "!", made.hero, of_exception(made, now))])


def _alerts(sight: Sight) -> Part:
    log, now, lines = sight.log, sight.asked.now, list[Line]()
    for alert in sorted(log.open, key=lambda one: (one.severity, one.act_by)):
        by, what = datetime.fromisoformat(alert.act_by), f"{alert.severity} {alert.kind.replace('_', ' ')}, act by"
        mark = "x" if alert.severity in _URGENT or by <= now else "!"
        lines.append(Line(mark, what, f"{alert.title} ({alert.owner})", by))
    return Part(lines, _first(log.trouble))


def _reviews(sight: Sight) -> Part:
    log, now, lines = sight.log, sight.asked.now, list[Line]()
    for alert in (one for one in log.promoted if not log.reviewed(one)):
        due, told = datetime.fromisoformat(alert.review_due), f"decided PROMOTE by run {alert.run_id}, {alert.owner}"
        lines.append(Line("x" if due <= now else "", f"{alert.hero}, look again by", told, due))
    return Part(sorted(lines, key=lambda line: line.at or now), _first(log.trouble))


def _jobs(sight: Sight) -> Part:
    told = sight.standing
    lines = [Line(line.mark, job.job, line.words) for job in told.jobs for line in job.lines]
    lines.sort(key=lambda line: _ORDER.index(line.mark))
    untold = [Line("!", "alerts", line) for line in told.untold[:3]]
    return Part([Line(told.heartbeat.mark, "heartbeat", told.heartbeat.words), *lines, *untold], at=told.at)


def _found(family: str, job: str, age: timedelta) -> Callable[[Sight], Part]:
    """What fills a tile from the findings of one job."""

    def fill(sight: Sight) -> Part:
        found = read_findings(sight.asked.artifacts / family / f"{job}.json")
        lines = [Line("x", "could not be asked", one) for one in found.broken]
        lines = sorted([*lines, *map(_cell, found.cells)], key=lambda line: _ORDER.index(line.mark))
        if not lines:
            raise EvidenceError(f"{family}/{job}.json: nothing was asked")
        trouble = ""
        if sight.since and found.at < sight.since:
            trouble = "what serves has changed since; this is of what served before"
            lines = [line._replace(mark="") for line in lines]
        return Part(lines, trouble, at=found.at, until=sight.until(job, found.at, age))

    return fill


def _cell(cell: Cell) -> Line:
    """What a job found of one check: in full where it is not well."""
    numbers = (names.told(cell.check, n) if n and not cell.unit else n for n in (cell.observed, cell.limit))
    observed, limit = numbers
    words, label = ", limit ".join(filter(None, (observed, limit))), cell.check.replace("_", " ")
    words = f"{cell.unit}: {words}" if cell.unit and words else words
    if cell.verdict is Verdict.GREEN and not cell.note.startswith(WARNING):
        return Line("+", label, words or cell.note)
    mark = {Verdict.RED: "x", Verdict.GREEN: "!"}.get(cell.verdict, "?")
    return Line(mark, label, "; ".join(filter(None, (words, cell.note))))


def _drift(sight: Sight) -> Part:
    folder, now = sight.asked.state / METRICS, sight.asked.now
    kept = history.read(folder, since=(now - _SEEN).date(), job="drift", suite="all", intent="")
    if kept.empty:
        raise EvidenceError(f"no drift pack was kept since {now - _SEEN:%Y-%m-%d}; {HERE.typed('make weekly')}")
    newest = kept.iloc[-1]
    same = kept[(kept["config_hash"] == newest["config_hash"]) & (kept["system"] == newest["system"])]
    lines = []
    for metric, rows in same.groupby("metric", observed=True, sort=False):
        values, name = [float(value) for value in rows["value"]], metric_name(str(metric))
        told = f"{name.show(str(values[-1]))} {name.unit}".rstrip()
        ends = [name.show(str(end)) for end in (min(values), max(values))]
        if len(values) > 1:
            told += f", {len(values)} runs: {' to '.join(ends) if ends[0] != ends[1] else 'all alike'}"
        lines.append(Line("", name.label, told, points=points(values)))
    at = newest["at"].to_pydatetime()
    try:
        judged = _found("weekly", "drift", WEEKLY)(sight)
    except EvidenceError as error:
        judged = Part([], why(error), at=at, until=sight.until("drift", at, WEEKLY))
    well = len([line for line in judged.lines if line.mark == "+"])
    held = [Line("+", f"{well} checks", "hold against what was accepted")] if well else []
    return judged._replace(lines=[line for line in judged.lines if line.mark not in ("", "+")] + held + lines)


def _first(troubles: Sequence[str]) -> str:
    return troubles[0] if troubles else ""


def points(values: list[float]) -> str:
    """A line through values, as SVG has it; one value is a point at its end."""
    low, span = min(values), (max(values) - min(values)) or 1.0
    across = WIDTH / max(1, len(values) - 1)
    heights = [HEIGHT - HEIGHT * (value - low) / span if max(values) > low else HEIGHT / 2 for value in values]
    first = WIDTH if len(values) == 1 else 0
    return " ".join(f"{first + across * i:.0f},{height:.1f}" for i, height in enumerate(heights))


def _decisions(sight: Sight) -> Part:
    troubles = list[str]()
    found = [*islice(_attested(sight, troubles), _DECISIONS)]
    if not found and not troubles:
        troubles.append(f"no decision lies in {typed(sight.asked.artifacts)}; {HERE.typed('make canary')}")
    try:
        whole = sight.served.whole
        found += [Line("", made.kind, _change(made), made_at(made.content)) for made in whole.statements]
        troubles += whole.problems[:1]
    except Exception as error:
        troubles.append(why(error))
    found.sort(key=lambda line: line.at.timestamp() if line.at else 0, reverse=True)
    return Part(found[:_DECISIONS], _first(troubles))


def _attested(sight: Sight, troubles: list[str]) -> Iterator[Line]:
    """What the attestations of an artifacts folder decided, the newest run first."""
    artifacts = sight.asked.artifacts
    runs = sorted((path for path in artifacts.glob("history/*") if is_put_away(path.name)), reverse=True)
    for place in (artifacts, *runs):
        for path in sorted(place.glob(f"*/{ATTESTATION}")):
            try:
                one = Attestation.read_file(path)
            except (OSError, AttestationError) as error:
                troubles.append(why(error))
                continue
            if stands(one, artifacts):
                told = f"{one.told}: {one.card.reason}" if one.mode == WARN else one.card.reason
                yield Line(str(one.decision), one.hero, clean(told), datetime.fromisoformat(one.finished_at))


#: Key, title, what no line means, and what fills it; the most urgent first.
TILES = (
    ("serving", "What serves", "", _serving),
    ("alerts", "Alerts open", "nothing is firing", _alerts),
    ("jobs", "Jobs due, late, failed", "", _jobs),
    ("health", "Hero health", "", _found("continuous", "health", HOURLY)),
    ("gates", "Gate status", "", _found("continuous", "gate_monitor", HOURLY)),
    ("emergency", "Emergency tripwire", "", _found("continuous", "emergency", HOURLY)),
    ("tripwires", "Weekly tripwires", "", _found("weekly", "tripwire", WEEKLY)),
    ("exceptions", "Exceptions running", "none: what serves was promoted, or was there before", _exceptions),
    ("reviews", "Reviews due", "no promotion waits for its review", _reviews),
    ("drift", "Drift", "", _drift),
    ("stack", "Stack of promoted changes", "nothing was promoted into the baseline", _stack),
    ("decisions", "Last decisions and changes", "", _decisions),
)
