"""Which faults may a recorded run have? They are seeded in copies of the files that a user's pack names."""

from __future__ import annotations

from proof.mutant import FileFault, Mutant


def _column(lines: list[str], number: int, change: str, every: int = 1) -> list[str]:
    """The run with one of its columns replaced in the lines of every n-th query."""
    place: dict[str, int] = {}
    changed = []
    for line in lines:
        fields = line.split()
        is_run = len(fields) > number and not line.startswith("# ")
        if is_run and place.setdefault(fields[0], len(place)) % every == 0:
            fields[number] = change
        changed.append(" ".join(fields) if is_run else line)
    return changed


def _late(lines: list[str]) -> list[str]:
    """Each latency 200 ms longer."""
    fields = [line.split() for line in lines]
    return [
        " ".join([*f[:6], str(float(f[6]) + 200), *f[7:]]) if len(f) > 6 and f[6] != "-" and f[0] != "#" else line
        for f, line in zip(fields, lines, strict=True)
    ]


def _next_judged(lines: list[str]) -> list[str]:
    """Each query with the judgements of the next one."""
    judged = [line.split() for line in lines if line.strip() and not line.startswith("# ")]
    queries = list(dict.fromkeys(fields[0] for fields in judged))
    following = dict(zip(queries, [*queries[1:], *queries[:1]], strict=True))
    return [" ".join([following[fields[0]], *fields[1:]]) for fields in judged]


BAD_RUNS = (
    Mutant(
        name="run_is_late",
        area="hero",
        what="every recorded answer took 200 ms longer",
        check="p95_latency",
        file=FileFault(key="run", change=_late),
        heroes="recorded",
    ),
    Mutant(
        name="run_is_cut",
        area="data",
        what="the last quarter of the run was not written",
        check="sla_recall_at_50_delta",
        file=FileFault(key="run", change=lambda lines: lines[: len(lines) * 3 // 4]),
        heroes="recorded",
    ),
    Mutant(
        name="run_is_empty",
        area="data",
        what="the run file was written and never filled",
        check="evidence",
        says="empty, but should hold lines",
        file=FileFault(key="run", change=lambda lines: []),
        heroes="recorded",
    ),
    Mutant(
        name="run_repeats_itself",
        area="data",
        what="the run was appended to itself",
        check="evidence",
        says="is ranked twice",
        file=FileFault(key="run", change=lambda lines: [*lines, *lines]),
        heroes="recorded",
    ),
    Mutant(
        name="run_without_clock",
        area="clock",
        what="some answers have no latency",
        check="p95_latency",
        says="latency_ms is missing",
        file=FileFault(key="run", change=lambda lines: _column(lines, 6, "-", every=50)),
        heroes="recorded",
    ),
    Mutant(
        name="run_with_one_latency",
        area="clock",
        what="every answer took the same time: the clock stood still",
        check="evidence",
        says="the clock stands still",
        file=FileFault(key="run", change=lambda lines: _column(lines, 6, "7.5")),
        heroes="recorded",
    ),
    Mutant(
        name="run_without_confidence",
        area="calibrator",
        what="some answers have no confidence",
        check="aece_tau",
        says="confidence is missing",
        file=FileFault(key="run", change=lambda lines: _column(lines, 7, "-", every=50)),
        heroes="recorded",
    ),
    Mutant(
        name="run_judged_by_the_next",
        area="data",
        what="each query is judged by the next one's judgements",
        check="stop_rule",
        file=FileFault(key="qrels", change=_next_judged),
        heroes="recorded",
    ),
)
