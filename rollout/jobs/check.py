"""What is a check of a scheduled job, and how does it say what it found? No hero climbs, no decision rests on it."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gates.checks.check import Check
from gates.statistics.decimals import decimal
from gates.statistics.gaffke import lower, tail, upper
from gates.statistics.pvalues import Interval, p_rate_above, rate_interval
from gates.verdicts import Cell, Kind, Verdict

WARNING = "warning: "  # begins the note of what is told and fails nothing
ALPHA = 0.025  # p-value at which a weekly look shows something; of a 95 % interval, one side


class NotShown(Exception):
    """Why nothing could be asked."""


class JobCheck(Check):
    """One question about what serves. The docstring of a check says what would be wrong in production.

    Numbers of its cells are decimal strings, or floats that become one.
    """

    kind: ClassVar[Kind] = Kind.JOB
    unit: ClassVar[str] = ""
    on_red: ClassVar[str] = "alert"
    way_out: ClassVar[str] = ""  # what to do where it is RED

    def required(self, limits: Any) -> str:
        """That it is not RED."""
        return "not_red"

    def judge(self, found: Any) -> Cell:
        """Its cell, from what the job found. Raises NotShown where nothing could be asked."""
        raise NotImplementedError

    def about(self, system: str, found: Any) -> Cell:
        """The cell of a system."""
        try:
            return replace(self.judge(found), hero=system)
        except NotShown as why:
            return self.not_evidenced(system, str(why))

    def not_evidenced(self, system: str, why: str) -> Cell:
        """Nothing could be asked: a check that says so is skipped, and the job ends with 10."""
        cell = self.cell(Verdict.INCONCLUSIVE, 0, note=f"not evidenced: {why}")
        return replace(cell, hero=system, unit="")

    def cell(
        self, verdict: Verdict, n: int, *, unit: str = "", note: str = "", ends: Interval | None = None,
        **numbers: float | str,
    ) -> Cell:  # fmt: skip
        """A cell. `numbers`: observed, limit, headroom; or `ends`, what was observed with its interval."""
        cell = Cell(
            hero="", step=0, check=self.key, kind=self.kind, verdict=verdict, required=self.required(None),
            on_red=self.on_red, unit=unit or self.unit, n=n, note=note,
        )  # fmt: skip
        if ends is not None:
            numbers |= {"observed": ends.value, "ci_lower": ends.lower, "ci_upper": ends.upper}
        shown = {name: value if isinstance(value, str) else decimal(value) for name, value in numbers.items()}
        return replace(cell, **shown)  # type: ignore[arg-type]  # none of them is a field of another type

    def found(self, broken: object, n: int, told: str = "", **numbers: Any) -> Cell:
        """RED where it is broken, and the way out behind what is told; else GREEN."""
        note = "; ".join(part for part in (told, self.way_out if broken else "") if part)
        return self.cell(Verdict.RED if broken else Verdict.GREEN, n, note=note, **numbers)

    def share(self, hits: int, n: int, limit: float, alarm: float, *, unit: str = "") -> Cell:
        """RED where the share is shown to be above its limit: exact binomial tail, at `alarm`."""
        p = p_rate_above(hits, n, limit)
        told = f"{hits} of {n}, p {decimal(p, 2)}"
        return self.found(p <= alarm, n, told, unit=unit, limit=limit, ends=rate_interval(hits, n))

    def loss(self, lost: NDArray[np.float64], limit: float, alarm: float, told: str = "") -> Cell:
        """RED where the mean of paired losses in [-1, 1] is shown to be above its limit: Gaffke's p-value, at `alarm`.

        Most losses are 0, so their standard deviation says nothing of the rare ones that nobody saw.
        """
        p = tail(-lost, limit)
        ends = Interval(float(lost.mean()), lower(lost, ALPHA), upper(lost, ALPHA))
        return self.found(p <= alarm, len(lost), f"{told}p {decimal(p, 2)}", limit=limit, ends=ends)

    def none_of(self, wrong: int, n: int, told: str = "") -> Cell:
        """Is there none of what must not be? `told` is said of what there is."""
        if not n:
            raise NotShown("no answer was looked at")
        return self.found(wrong, n, told if wrong else "", observed=str(wrong), limit="0")


def job_check(
    key: str, unit: str = "", way_out: str = "", *, base: type[JobCheck] = JobCheck, on_red: str = "alert"
) -> Callable[[Callable[[Any, Any], Cell]], JobCheck]:
    """Make a check of its rule, the docstring of which says what would be wrong in production."""

    def made(rule: Callable[[Any, Any], Cell]) -> JobCheck:
        known = {"key": key, "unit": unit, "way_out": way_out, "on_red": on_red}
        check: JobCheck = type(rule.__name__, (base,), {"__doc__": rule.__doc__, "judge": rule, **known})()
        return check

    return made


class ToldCheck(JobCheck):
    """A check that is shown and told, and fails nothing."""

    def required(self, limits: Any) -> str:
        """That it is told."""
        return "shown"

    def tell(self, raised: str, n: int, note: str, **numbers: Any) -> Cell:
        """`raised` says what is alarming, "" where nothing is."""
        if not n:
            raise NotShown("no answer was looked at")
        return self.cell(Verdict.GREEN, n, note=f"{WARNING}{raised}; {note}" if raised else note, **numbers)


def judge_all(checks: Iterable[JobCheck], system: str, found: Any) -> dict[str, Cell]:
    """The cell of each check, by its key."""
    return {check.key: check.about(system, found) for check in checks}


def slow_calls(check: JobCheck, calibrator_ms: NDArray[np.float64], from_ms: float, share: float, alarm: float) -> Cell:
    """RED where more than `share` of the calibrator's calls are shown to take so long; NaN where none was called."""
    calls = calibrator_ms[np.isfinite(calibrator_ms)]
    if not len(calls):
        raise NotShown("no answer called a calibrator")
    slow, unit = int((calls >= from_ms).sum()), f"share of calls from {from_ms:g} ms on"
    return check.share(slow, len(calls), share, alarm, unit=unit)
