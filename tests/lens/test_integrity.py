"""Is an index that was changed after it was built found out, and does a sound one find its documents again?"""

import dataclasses

import pytest

from lens.cache import verify
from lens.index import document_counts, samples

pytestmark = pytest.mark.smoke


def test_a_sound_index_is_whole(index):
    assert set(document_counts(index).values()) == {len(index.doc_id)}
    assert verify(index.folder)[1] == []


@pytest.mark.parametrize("part", ["vectors", "term_start", "doc_id"])
def test_a_part_that_ends_early_has_another_count(index, part: str):
    cut = dataclasses.replace(index, **{part: getattr(index, part)[:-1]})
    assert len(set(document_counts(cut).values())) == 2


@pytest.mark.parametrize("pack", ["baseline", "lexical_pack_a", "router_pack_b", "ann_pack_c"])
def test_documents_find_themselves_in_their_own_words(index, open_lens, pack: str):
    chosen = list(samples(index, 50))
    assert len({document for document, _ in chosen}) == 50
    lens = open_lens(pack)
    assert sum(document in lens.search(words).doc_ord for document, words in chosen) >= 49
