"""Does the running system answer as its configuration says?"""

import itertools

import numpy as np
import pytest

from lens.config import parse
from lens.lexical import most_together
from lens.system import DEPTH, SEM

pytestmark = pytest.mark.smoke


def asked(index, intent: str, count: int = 60) -> list[str]:
    return [index.text[q] for q in index.part["selection"] if index.intent[q] == intent][:count]


def test_an_index_keeps_its_questions_and_judgements(index):
    assert sorted(index.doc_id) == index.doc_id
    assert set(index.part) == {"calibration", "selection", "canary"}
    assert len(index.part["canary"]) >= 3000
    assert len(index.judged_start) == len(index.query_id) + 1
    assert np.all(np.diff(index.judged_start) > 0), "every question has an answer"


def test_the_named_function_is_found_first(index, open_lens):
    answer = open_lens().search("dijkstra_predecessor_and_distance")
    assert index.signature[answer.doc_ord[0]].startswith("def dijkstra_predecessor_and_distance(")
    assert answer.intent == "identifier"
    assert answer.confidence > 0.8


def test_answers_are_the_same_twice_ranked_and_no_deeper_than_asked(index, open_lens):
    one, other = open_lens("lexical_pack_a"), open_lens("lexical_pack_a")
    for text in asked(index, "docstring") + asked(index, "error"):
        a, b = one.search(text), other.search(text)
        assert a.doc_ord.tolist() == b.doc_ord.tolist()
        assert np.all(np.diff(a.score) <= 0)
        assert len(set(a.doc_ord.tolist())) == len(a.doc_ord) <= DEPTH
        assert 0.001 <= a.confidence <= 0.999


def test_a_query_without_words_is_answered_with_nothing(open_lens):
    for text in ("", "???", "a the"):
        answer = open_lens().search(text)
        assert len(answer.doc_ord) == 0
        assert answer.confidence == 0.001


def test_boosts_reorder_error_queries_only_and_leave_confidence(index, open_lens):
    plain, boosted = open_lens("baseline"), open_lens("lexical_pack_a")
    moved = {}
    for intent in ("docstring", "identifier", "error"):
        pairs = [(plain.search(t), boosted.search(t)) for t in asked(index, intent)]
        of_intent = [(a, b) for a, b in pairs if a.intent == intent]
        moved[intent] = sum(a.doc_ord.tolist() != b.doc_ord.tolist() for a, b in of_intent)
        assert all(a.confidence == b.confidence for a, b in of_intent)
    assert moved["docstring"] == moved["identifier"] == 0
    assert moved["error"] > 10


def test_proximity_counts_as_a_slow_reading_does(index):
    documents = np.arange(0, len(index.doc_id), 97, dtype=np.int32)
    numbers = [index.stem_number[stem] for stem in ("node", "graph", "edg", "rais")]
    found = most_together(index, documents, numbers, window=8)
    for document, most in zip(documents.tolist(), found.tolist(), strict=True):
        body = index.terms[index.term_start[document] : index.term_start[document + 1]].tolist()
        windows = (set(body[i : i + 8]) & set(numbers) for i in range(len(body)))
        assert most == max(map(len, windows), default=0)


def test_refined_candidates_carry_their_exact_scores(index, open_lens):
    lens = open_lens(ann={"efSearch": 128, "pq": {"refine_topk": 30}})
    query = index.words.embed("shortest path between two nodes")
    documents, scores = lens.dense.nearest(query)
    exact = index.vectors[documents].astype(np.float32) @ query
    assert np.allclose(scores[:30], exact[:30], atol=1e-5)
    assert np.all(np.diff(scores) <= 1e-6), "what is not refined stays behind"
    assert len(documents) == DEPTH


def test_the_router_asks_the_dense_side_only_below_tau(index, open_lens):
    routed, always = open_lens("router_pack_b", router={"spend_cap_ms": 1000}), open_lens("baseline")
    seen = set()
    for text in asked(index, "docstring") + asked(index, "identifier") + asked(index, "error"):
        answer = routed.search(text)
        seen.add(answer.router_decision)
        if answer.router_decision == "fused":
            assert answer.doc_ord.tolist() == always.search(text).doc_ord.tolist()
            assert answer.spend_ms > 0
        else:
            assert SEM not in answer.why
            assert answer.spend_ms == 0
        if answer.router_decision == "confident":
            assert answer.confidence >= 0.9
        assert (answer.router_decision == "never") == (answer.intent == "error")
    assert seen == {"fused", "confident", "never"}


def test_a_budget_spent_by_the_clock_that_is_given_falls_back_to_the_lexical_answer(index, open_lens):
    """A clock that runs an hour a look spends any cap; one that stands still none, however long it takes."""
    hours = itertools.count(step=3_600 * 10**9)
    late = open_lens("router_pack_b", clock=lambda: next(hours), router={"tau": 1.0, "never": []})
    never = open_lens("router_pack_b", clock=lambda: 0, router={"spend_cap_ms": 1e-6, "tau": 1.0, "never": []})
    words_only = open_lens("router_pack_b", router={"tau": 0.0})
    for text in asked(index, "docstring", 10):
        spent, fused = late.search(text), never.search(text)
        assert (spent.router_decision, fused.router_decision) == ("budget_exceeded", "fused")
        assert min(spent.spend_ms, fused.spend_ms) > 0  # told as measured
        assert spent.doc_ord.tolist() == words_only.search(text).doc_ord.tolist()


def test_all_mistakes_of_a_configuration_are_said_at_once():
    with pytest.raises(ValueError, match="lexical") as error:
        parse({"system": "lens", "corpus": 3, "lexical": {"phrase_boost": 9.0}, "surprise": 1})
    lines = str(error.value).splitlines()
    assert "corpus: 3: Input should be a valid string" in lines
    assert "weights: missing; add it" in lines
    assert "surprise: unknown key; remove it, or see configs/baseline.yaml for the keys there are" in lines
    assert any(line.startswith("lexical.phrase_boost: 9.0: ") for line in lines)
