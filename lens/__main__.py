"""Search from the terminal, fit the calibrator, make oracles: `python -m lens --help`."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.progress import track

from lens.calibrator import VERSION, Calibrator, dump
from lens.config import parse
from lens.features import fused_features
from lens.fit import Example, fit_curves
from lens.index import Index, open_index
from lens.lexical import LexicalSearch
from lens.oracles import make_oracles
from lens.system import Lens
from lens.wheels import CorpusError

BASELINE = Path("configs/baseline.yaml")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 2 with one line for each mistake where it cannot be done."""
    parser = argparse.ArgumentParser(prog="python -m lens", description=__doc__)
    commands = parser.add_subparsers(required=True)
    search = commands.add_parser("search", help="print the functions that answer a query")
    search.set_defaults(run=run_search)
    search.add_argument("query")
    search.add_argument("--config", type=Path, default=BASELINE, help="pack whose system answers (%(default)s)")
    search.add_argument("--top", type=int, default=10, help="hits printed, at most 50 (%(default)s)")
    for name, run, does in (
        ("fit-calibrator", run_fit, f"fit {VERSION} with the baseline on the calibration queries"),
        ("make-oracles", run_oracles, "write the questions whose answers are known (oracles.json)"),
    ):
        command = commands.add_parser(name, help=does)
        command.set_defaults(run=run)
        command.add_argument("--configs", type=Path, default=BASELINE.parent, help="folder of baseline.yaml")
    asked = parser.parse_args(arguments)
    try:
        asked.run(asked)
    except (CorpusError, ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def run_search(asked: argparse.Namespace) -> None:
    """Print where the answers lie, best first."""
    selected, folder, index = open_selected(asked.config)
    answer = Lens.open(selected, folder, index).search(asked.query)
    console = Console(highlight=False, soft_wrap=True)
    if not len(answer.doc_ord):
        console.print("no function has any of these words; try others")
        return
    for document, score, why in list(zip(answer.doc_ord, answer.score, answer.why, strict=True))[: asked.top]:
        place = f"{index.file[document]}:{index.line_start[document]}-{index.line_end[document]}"
        console.print(f"{score:6.3f}  {('words', 'sense')[why]}  ", end="")
        console.print(place, style="bold", markup=False)
        console.print(f"               {index.signature[document]}", style="dim", markup=False)
    route = f", router: {answer.router_decision}" if answer.router_decision else ""
    console.print(f"first hit right with {answer.confidence:.0%} confidence; read as {answer.intent}{route}")


def open_selected(config: Path) -> tuple[dict[str, Any], Path, Index]:
    """A pack's selected system, the folder its files are in, and its index. Raises ValueError, CorpusError."""
    folder = config.parent if (config.parent / BASELINE.name).is_file() else config.parent.parent
    if not config.is_file():
        raise ValueError(f"{config}: no such file, or none that can be read whole; name a pack such as {BASELINE}")
    document = yaml.safe_load(config.read_text(encoding="utf-8"))
    selected = document.get("selected") if isinstance(document, dict) else None
    if isinstance(document, dict) and "fault" in document:
        print(f"{config}: answers as its system does, without the seeded fault", file=sys.stderr)
    changes = document.get("changes") if isinstance(document, dict) else None
    if selected == "baseline" or isinstance(changes, dict):
        selected = yaml.safe_load((folder / BASELINE.name).read_text(encoding="utf-8"))["selected"]
        selected = laid_over(selected, changes or {})
    if not isinstance(selected, dict):
        raise ValueError(f"{config}: no `selected` block; name a pack such as configs/lexical_pack_a.yaml")
    parsed = parse(selected)
    tell = partial(print, file=sys.stderr)  # what is printed can be piped
    return selected, folder, open_index(folder / parsed.corpus, folder / parsed.weights, tell)


def laid_over(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """What a pack changes, in what serves."""
    deeper = [key for key in changes if isinstance(changes[key], dict) and isinstance(base.get(key), dict)]
    return {**base, **changes, **{key: laid_over(base[key], changes[key]) for key in deeper}}


def run_fit(asked: argparse.Namespace) -> None:
    """Fit the calibrator that the baseline names, and write it."""
    selected, folder, index = open_selected(asked.configs / BASELINE.name)
    config = parse(selected)
    examples = list(examples_of(Lens.of(config, index, Calibrator(curves={}, digest="")), index))
    curves = fit_curves(examples)
    fitted_on = {"part": "calibration", "corpus": index.digests["corpus"], "qrels": index.digests["qrels"]}
    path = folder / config.calibrator
    path.write_text(dump(curves, fitted_on), encoding="utf-8")
    print(f"{path}: {len(curves)} curves from {len(index.part['calibration']):,} calibration queries")


def run_oracles(asked: argparse.Namespace) -> None:
    """Choose the questions that have one sure answer, and write them."""
    selected, folder, index = open_selected(asked.configs / BASELINE.name)
    path = folder / "oracles.json"
    path.write_text(make_oracles(index, LexicalSearch(index, parse(selected).lexical)), encoding="utf-8")
    print(f"{path}: questions of corpus {index.digests['corpus'][:16]} whose answers are known")


def examples_of(lens: Lens, index: Index) -> Iterator[Example]:
    """What the calibrator sees of each calibration query at both stages, and whether the first hit was right."""
    for query in track(index.part["calibration"].tolist(), "answer", console=Console(stderr=True)):
        right = set(index.judged_doc[index.judged_start[query] : index.judged_start[query + 1]].tolist())
        words, meaning = lens.find_words(index.text[query]), lens.find_meaning(index.text[query])
        documents, scores = lens.fuse(words, meaning, boosted=False)
        if len(words.plain[0]):
            yield "lexical", words.intent, words.features, int(words.plain[0][0]) in right
        if len(documents):
            features = fused_features(words.features, documents, scores, words.plain[0], meaning)
            yield "fused", words.intent, features, int(documents[0]) in right


if __name__ == "__main__":
    sys.exit(main())
