"""Are the committed oracles those that the command chooses, and of no canary?"""

import dataclasses
import json
from pathlib import Path

import pytest

from lens.oracles import make_oracles

pytestmark = pytest.mark.smoke


@pytest.fixture(scope="module")
def committed(smoke: Path) -> str:
    return (smoke / "oracles.json").read_text(encoding="utf-8")


def test_the_choice_is_the_same_on_any_day(index, open_lens, committed):
    assert make_oracles(index, open_lens().lexical) == committed


def test_only_calibration_questions_with_one_answer_are_taken(index, committed):
    oracles = json.loads(committed)["oracles"]
    row = {name: i for i, name in enumerate(index.query_id)}
    asked = [row[oracle["id"]] for oracle in oracles]
    assert set(asked) <= set(index.part["calibration"].tolist())
    for query, oracle in zip(asked, oracles, strict=True):
        (answer,) = index.judged_doc[index.judged_start[query] : index.judged_start[query + 1]]
        place = (index.file[answer], index.line_start[answer], index.line_end[answer])
        assert place == (oracle["file"], oracle["line_start"], oracle["line_end"])


@pytest.mark.parametrize("pack", ["baseline", "lexical_pack_a", "router_pack_b", "ann_pack_c"])
def test_every_honest_configuration_answers_all_of_them_first(index, open_lens, committed, pack: str):
    lens = open_lens(pack)
    for oracle in json.loads(committed)["oracles"]:
        first = lens.search(oracle["query"]).doc_ord[0]
        place = f"{index.file[first]}:{index.line_start[first]}"
        assert place == f"{oracle['file']}:{oracle['line_start']}", oracle["id"]


@pytest.mark.parametrize(
    ("vectors", "questions", "docstrings"),
    [(1, 5, ""), (0, 300, "0 of intent docstring ")],  # as many give all of that intent where meaning tells them apart
    ids=["few questions", "no margin"],
)
def test_a_corpus_with_too_few_sure_answers_is_told_so(index, open_lens, vectors, questions, docstrings):
    part = {**index.part, "calibration": index.part["calibration"][:questions]}
    fewer = dataclasses.replace(index, part=part, vectors=vectors * index.vectors)
    told = rf"0 of intent error, .*{docstrings}.*are sure, but each intent should give 10"
    with pytest.raises(ValueError, match=told):
        make_oracles(fewer, open_lens().lexical)
