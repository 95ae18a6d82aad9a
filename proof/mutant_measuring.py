"""Which faults may the measuring have: its data, its clock, its traffic, its A/A answers, its evidence files?"""

from __future__ import annotations

from proof.mutant import Edit, Mutant, seeded
from proof.mutant_heroes import answers, in_baseline

_REPLAY, _LADDER, _ORDER, _PARTS = "rollout/replay.py", "rollout/ladder.py", "rollout/order.py", "evidence/parts.py"
_BLOCKS = "rollout/blocks.py"

_LATENCY = "    measured = latency / 1e6 if answer.latency_ms is None else answer.latency_ms\n"


def _timed(line: str) -> tuple[Edit, ...]:
    """Let another line tell how long an answer took."""
    return (Edit(file=_REPLAY, old=_LATENCY, new=f"    {line}\n"),)


def _before_merge(lines: str) -> tuple[Edit, ...]:
    """Do something to the parts in `folder` before they are merged."""
    old = '    names = sorted(p.name.removesuffix("-agg.parquet") for p in folder.glob("*-agg.parquet"))\n'
    return (Edit(file=_PARTS, old=old, new="".join(f"    {line}\n" for line in lines.splitlines()) + old),)


BAD_DATA = (
    Mutant(
        name="incumbent_fails",
        area="data",
        what="the incumbent itself fails one query in ten, so that any hero looks good",
        check="preflight",
        edits=in_baseline('Fault(kind="failing", share=0.1)'),
    ),
    Mutant(
        name="window_replayed",
        area="data",
        what="every window asks the queries of the first one again",
        check="evidence",
        says="distinct queries",
        edits=(
            Edit(
                file=_LADDER,
                old="        number, begun = evaluator.windows + 1, self._pairs\n",
                new="        number, begun = evaluator.windows + 1, 0\n        self._pairs = 0\n",
            ),
        ),
    ),
    Mutant(
        name="judgements_shifted",
        area="data",
        what="each query is judged by the next one's judgements",
        check="preflight",
        edits=(
            Edit(
                file="fixtures/systems/lens.py",
                old="doc_ord=index.judged_doc,",
                new="doc_ord=index.judged_doc[np.arange(1, len(index.judged_doc) + 1) % len(index.judged_doc)],",
            ),
            Edit(
                file="fixtures/systems/lens.py",
                old="from evidence.digests import file_digest, logical_digest\n",
                new="import numpy as np\n\nfrom evidence.digests import file_digest, logical_digest\n",
            ),
        ),
    ),
    Mutant(
        name="everything_is_right",
        area="data",
        what="the scorer is fed its own answers: each is perfect",
        check="stop_rule",
        edits=(
            Edit(
                file="evidence/measures.py",
                old="        ndcg = np.where(ideal_dcg_at_10 > 0, dcg / ideal_dcg_at_10, 0.0)\n",
                new="        ndcg = np.where(dcg >= 0, 1.0, 0.0)\n",
            ),
        ),
    ),
    Mutant(
        name="queries_counted_twice",
        area="data",
        what="each query is asked twice, so that half of the evidence is an echo",
        check="evidence",
        says="distinct queries",
        edits=(
            Edit(
                file=_ORDER,
                old='    return sorted(queries, key=lambda query: _digest(fingerprint, "order", query.query_id))',
                new='    fresh = sorted(queries, key=lambda query: _digest(fingerprint, "order", query.query_id))\n'
                "    return [query for query in fresh for _ in range(2)]",
            ),
        ),
    ),
    Mutant(
        name="confidence_is_nan",
        area="data",
        what="the confidence of some answers is no number",
        check="evidence",
        says="is not a number",
        pack=seeded("slow", share=0.02),
        edits=answers('return replace(answer, confidence=float("nan"))'),
        heroes="any",
    ),
    Mutant(
        name="nan_is_not_refused",
        area="data",
        what="the confidence of some answers is no number, and nobody looks",
        check="known_answers",
        pack=seeded("slow", share=0.02),
        edits=(
            *answers('return replace(answer, confidence=float("nan"))'),
            Edit(file="gates/rule/evaluator.py", old="        self._refuse_nan(pairs)\n", new=""),
        ),
    ),
    Mutant(
        name="no_traffic",
        area="data",
        what="the canary part holds no query",
        check="evidence",
        says="0 fresh",
        edits=(
            Edit(
                file=_LADDER,
                old='self._queries = self.contest.ordered("canary")',
                new='self._queries = self.contest.ordered("canary")[:0]',
            ),
        ),
    ),
    Mutant(
        name="failures_not_recorded",
        area="data",
        what="what goes wrong in a search is taken for an empty answer",
        check="known_answers",
        pack=seeded("failing", share=0.005),
        edits=(
            Edit(
                file=_REPLAY,
                old="answer, error_code = NOTHING, type(error).__name__",
                new='answer, error_code = NOTHING, ""',
            ),
        ),
    ),
)

_RECALL = "    recall = np.where(within, measures.recall_at_50, 0.0)\n"

BAD_UNITS = (
    Mutant(
        name="late_counts_as_found",
        area="data",
        what="answers that came after users left count as found",
        check="known_answers",
        pack=seeded("slow", milliseconds=160, share=0.012),
        edits=(Edit(file=_REPLAY, old=_RECALL, new="    recall = measures.recall_at_50\n"),),
    ),
    Mutant(
        name="calibrator_in_seconds",
        area="clock",
        what="the calibrator's time is written in seconds under a limit in milliseconds",
        check="known_answers",
        pack=seeded("slow", share=0.2),
        edits=(
            *answers("return replace(answer, calibrator_ns=answer.calibrator_ns + 2_000_000)"),
            Edit(file=_REPLAY, old="np.nan, calibrator / 1e6)", new="np.nan, calibrator / 1e9)"),
        ),
    ),
)

BAD_CLOCKS = (
    Mutant(
        name="clock_stands_still",
        area="clock",
        what="every answer takes no time",
        check="known_answers",
        edits=_timed("measured = 0.0"),
    ),
    Mutant(
        name="clock_runs_backwards",
        area="clock",
        what="the clock is set back now and then",
        check="known_answers",
        edits=_timed("measured = latency / 1e6 - (500 if query.query_ord % 7 == 0 else 0)"),
    ),
    Mutant(
        name="clock_in_seconds",
        area="clock",
        what="latency is written in seconds under a limit in milliseconds",
        check="known_answers",
        pack=seeded("slow", milliseconds=30, share=0.2),
        edits=_timed("measured = latency / 1e9"),
    ),
    Mutant(
        name="clocks_swapped",
        area="clock",
        what="the hero is timed with the baseline's clock",
        check="known_answers",
        pack=seeded("slow", milliseconds=30),
        edits=(
            Edit(
                file=_REPLAY,
                old="                answers[name].append(ask(systems[name], query))\n",
                new="                answers[name].append(ask(systems[name], query))\n"
                '            one, other = answers["hero"][-1], answers["baseline"][-1]\n'
                '            answers["hero"][-1] = one._replace(latency_ms=other.latency_ms)\n'
                '            answers["baseline"][-1] = other._replace(latency_ms=one.latency_ms)\n',
            ),
        ),
    ),
)

_SERVED = '    return "hero" if bucket(fingerprint, query) < percent * BUCKETS // 100 else "baseline"'

BAD_TRAFFIC = (
    Mutant(
        name="split_ignores_step",
        area="traffic split",
        what="half of the users get the hero at 5 %",
        check="traffic_share",
        edits=(Edit(file=_ORDER, old=_SERVED, new=_SERVED.replace("percent * BUCKETS // 100", "BUCKETS // 2")),),
    ),
    Mutant(
        name="split_serves_nobody",
        area="traffic split",
        what="the hero is shown to nobody, and promoted for it",
        check="traffic_share",
        edits=(Edit(file=_ORDER, old=_SERVED, new=_SERVED.replace("percent * BUCKETS // 100", "0 * percent")),),
    ),
    Mutant(
        name="split_stops_short",
        area="traffic split",
        what="one user in twenty still gets the baseline at 100 %",
        check="traffic_share",
        edits=(
            Edit(file=_ORDER, old=_SERVED, new=_SERVED.replace("percent * BUCKETS // 100", "min(percent * 100, 9500)")),
        ),
    ),
)

_NOTHING = Edit(
    file=_BLOCKS, old="from rollout.replay import Answers,", new="from rollout.replay import NOTHING, Answers,"
)

BAD_REPEATS = (
    Mutant(
        name="repeats_of_the_hero",
        area="A/A",
        what="the baseline is compared with the hero where it should be with itself",
        check="known_answers",
        edits=(
            Edit(
                file=_REPLAY,
                old='"baseline": baseline, "repeat": baseline}',
                new='"baseline": baseline, "repeat": hero}',
            ),
        ),
    ),
    Mutant(
        name="repeats_lost",
        area="A/A",
        what="the baseline answers worse than it did a moment ago",
        check="aa_shadow",
        edits=(
            Edit(
                file=_BLOCKS,
                old='        "repeat": contest.measured(found["repeat"], again, contest.incumbent),\n',
                new='        "repeat": contest.measured(\n'
                '            [t._replace(answer=NOTHING) if i % 2 else t for i, t in enumerate(found["repeat"])],\n'
                "            again,\n"
                "            contest.incumbent,\n"
                "        ),\n",
            ),
            _NOTHING,
        ),
    ),
    Mutant(
        name="windows_share_shocks",
        area="A/A",
        what="the baseline is worse in one window and better in the next, so pairs are not independent",
        check="aa_dispersion",
        edits=(
            Edit(
                file=_BLOCKS,
                old="    again = [queries[i] for i in repeated.tolist()]\n",
                new="    odd = begun // contest.policy.ladder.window % 2\n"
                '    worse = "repeat" if odd else "baseline"\n'
                '    for i in range(0, len(found["repeat"]), 12):\n'
                '        at = i if worse == "repeat" else int(repeated[i])\n'
                "        found[worse][at] = found[worse][at]._replace(answer=NOTHING)\n"
                "    again = [queries[i] for i in repeated.tolist()]\n",
            ),
            _NOTHING,
        ),
    ),
)

BAD_FILES = (
    Mutant(
        name="part_lost",
        area="evidence files",
        what="a window's evidence was not written",
        check="evidence",
        says="is not what was judged",
        edits=_before_merge(
            '(folder / "window-003-agg.parquet").unlink()\n(folder / "window-003-hits.parquet").unlink()'
        ),
    ),
    Mutant(
        name="part_twice",
        area="evidence files",
        what="a window's evidence was written under two names",
        check="evidence",
        says="is not what was judged",
        edits=_before_merge(
            "import shutil\n"
            'for kind in ("hits", "agg"):\n'
            '    shutil.copy(folder / f"window-003-{kind}.parquet", folder / f"window-903-{kind}.parquet")'
        ),
    ),
    Mutant(
        name="parts_swapped",
        area="evidence files",
        what="the numbers of two windows are exchanged: every sum is as it was",
        check="evidence",
        says="is not what was judged",
        edits=_before_merge(
            "def one_of(i: int) -> pa.Table:\n"
            '    return pq.read_table(folder / f"window-00{i}-agg.parquet", partitioning=None)\n'
            "two, three = one_of(2), one_of(3)\n"
            'at = two.schema.get_field_index("ndcg_at_10")\n'
            "if two.num_rows == three.num_rows:\n"
            "    for i, table, numbers in ((2, two, three), (3, three, two)):\n"
            '        table = table.set_column(at, table.schema.field(at), numbers["ndcg_at_10"])\n'
            '        pq.write_table(table, folder / f"window-00{i}-agg.parquet")'
        ),
    ),
    Mutant(
        name="hits_without_answers",
        area="evidence files",
        what="hits are kept whose query has no row",
        check="evidence",
        says="is not what was judged",
        edits=_before_merge('(folder / "window-002-agg.parquet").unlink()'),
    ),
    Mutant(
        name="answers_without_hits",
        area="evidence files",
        what="measures are kept whose hits are gone",
        check="evidence",
        says="is not what was judged",
        edits=_before_merge(
            'path = folder / "window-001-hits.parquet"\n'
            "pq.write_table(pq.read_table(path, partitioning=None).slice(0, 100), path)"
        ),
    ),
    Mutant(
        name="result_improved_by_hand",
        area="evidence files",
        what="what was judged bad is reported as good",
        check="evidence",
        says="is not what was judged",
        edits=_before_merge(
            'path = folder / "window-002-agg.parquet"\n'
            "table = pq.read_table(path, partitioning=None)\n"
            'at = table.schema.get_field_index("sla_recall_at_50")\n'
            "ones = pa.array(np.ones(table.num_rows))\n"
            "pq.write_table(table.set_column(at, table.schema.field(at), ones), path)"
        ),
    ),
    Mutant(
        name="column_lost",
        area="evidence files",
        what="a writer of another version leaves out a column",
        check="evidence",
        says="column spend_ms is missing",
        edits=_before_merge(
            'path = folder / "window-002-agg.parquet"\n'
            'pq.write_table(pq.read_table(path, partitioning=None).drop_columns(["spend_ms"]), path)'
        ),
    ),
)
