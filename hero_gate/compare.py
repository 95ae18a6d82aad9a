"""Is one run file better than another? `compare A.run B.run --qrels Q` decides by one look, in mode `offline`.

A is what serves, B the candidate; there is no YAML. What was decided is signed into a folder of its own, which `verify`
and `replay` read: comparison.json, index.html, queries.csv (the numbers), judge-first.csv (hits that nobody judged).
"""

import argparse
import sys
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from evidence.digests import file_digest
from evidence.unjudged import MEASURES
from fixtures.judged import read_judged
from gates import archive
from gates.attestation import Artefact
from gates.errors import GateError
from gates.run import commit
from gates.status import EXIT, FAILED, MISTAKE, Ending, tell_uncaught
from reports.attestation import chain
from reports.attestation.comparison import (
    EVIDENCE,
    REVIEW_AFTER,
    ComparisonRecord,
    checks_of,
    evidence_text,
    sign_comparison,
)
from reports.escaping import clean, typed
from reports.model.compared import differences_of, judged_and_compared, tell_compared, to_judge_lines
from reports.render.compared import page, table, terminal_lines

ROOT = Path(__file__).resolve().parents[1]
FOLDER = "hero-gate-compare"
PAGE, TO_JUDGE = "index.html", "judge-first.csv"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        print(f"hero-gate compare: {message}; --help lists all", file=sys.stderr)
        sys.exit(MISTAKE)


def main(arguments: Sequence[str]) -> int:
    """0 PROMOTE, 10 HOLD, 20 ROLLBACK once it is signed; 4 with a line for a mistake, 3 where something else failed."""
    asked, ending = _parser().parse_args(arguments), Ending("")
    with ending.watching():
        try:
            returned = compare_files(asked, ending)
        except GateError as error:
            print(clean(f"hero-gate compare: {str(error).splitlines()[0]}"), file=sys.stderr)
            return MISTAKE
        except Exception as error:
            ending.failed(error)
            returned = FAILED
    return ending.status(returned)


def compare_files(asked: argparse.Namespace, ending: Ending) -> int:
    """Read, decide, sign, and only then tell. Raises GateError with a line, and OSError."""
    started, bounded = datetime.now(UTC), asked.unjudged == "bounded"
    pair = read_judged(asked.baseline, asked.hero, asked.qrels, asked.queries, asked.measures)
    compared, first = judged_and_compared(pair, asked.margin, bounded=bounded)
    names = (str(asked.baseline), str(asked.hero))
    story = tell_compared(pair, names, compared, first, asked=asked.margin is not None, bounded=bounded)
    finished = datetime.now(UTC)
    inputs = [path for path in (asked.baseline, asked.hero, asked.qrels, asked.queries) if path]
    record = ComparisonRecord(
        run_id=f"{started:%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:6]}",
        commit=commit(ROOT),
        mode="offline",
        exposure="offline",
        decision=compared.decision,
        artefacts=(),
        started_at=started.isoformat(timespec="seconds"),
        finished_at=finished.isoformat(timespec="seconds"),
        review_due=(finished + REVIEW_AFTER).isoformat(timespec="seconds"),
        bundle=None,
        inputs=tuple(Artefact(name=str(path), sha256=file_digest(path)) for path in inputs),
        asked_mu="" if asked.margin is None else repr(asked.margin),
        bounded=bounded,
        final=compared.final,
        worst=compared.worst,
        best=compared.best,
        reasons=compared.reasons,
        understood=story.understood,
        checks=checks_of(compared),
    )
    files = {
        EVIDENCE: evidence_text([query.query_id for query in pair.queries], differences_of(pair)),
        PAGE: page(story, names, record.run_id, record.commit),
        TO_JUDGE: table(to_judge_lines(pair, first)),
    }
    archive.take(asked.artifacts)
    with chain.owned(asked.artifacts):
        words = sign_comparison(asked.artifacts, record, files, ROOT)
    where, status = typed(asked.artifacts), EXIT[compared.decision]
    ending.signed(status, f"{compared.decision} is signed and stands: {where}")
    for line in terminal_lines(story, names):
        print(line)
    if first.rows:
        print(f"  {'judge first':11} {where}/{TO_JUDGE}")
    print(f"  {'page':11} {where}/{PAGE}")
    print(f"  {'signed':11} {clean(words)}; check: python -m hero_gate verify {where}, replay {where}")
    return status


def _parser() -> _Parser:
    parser = _Parser(prog="hero-gate compare", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("baseline", type=Path, metavar="A.run", help="TREC run file of what serves")
    parser.add_argument("hero", type=Path, metavar="B.run", help="TREC run file of the candidate")
    parser.add_argument("--qrels", type=Path, required=True, help="TREC judgements: query 0 document grade")
    parser.add_argument("--queries", type=Path, help="query<TAB>text[<TAB>intent]")
    parser.add_argument(
        "--measures", type=_measures, default=("nDCG@10",), help=f"of {','.join(MEASURES)}; each must hold"
    )
    parser.add_argument(
        "--margin", type=_margin, help="points that may be lost; without it, what these queries can carry"
    )
    parser.add_argument(
        "--unjudged", choices=("bounded", "not-relevant"), default="bounded",
        help="may a hit that nobody judged be relevant? bounded: HOLD where the decision hangs on it",
    )  # fmt: skip
    parser.add_argument(
        "--artifacts", type=archive.folder, default=Path(FOLDER), metavar="DIR", help=f"results (default {FOLDER})"
    )
    return parser


def _measures(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    wrong = [name for name in names if name not in MEASURES]
    if wrong or len(set(names)) < len(names):
        what = f"{wrong[0]!r} is no measure here" if wrong else "a measure is named twice"
        raise argparse.ArgumentTypeError(f"{what}; known: {','.join(MEASURES)}")
    return names


def _margin(text: str) -> float:
    """Points as a share."""
    try:
        value = float(text) / 100
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} should be points between 0 and 100, such as 2.5")
    return round(value, 12)  # as it would be written: 2.2 points are .022


if __name__ == "__main__":
    sys.excepthook = tell_uncaught
    sys.exit(main(sys.argv[1:]))
