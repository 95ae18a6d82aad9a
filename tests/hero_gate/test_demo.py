"""Does the demo end as it says, by the real gate, and say so where one of its heroes ends otherwise?"""

from dataclasses import replace
from pathlib import Path

import pytest

from gates.attestation import ATTESTATION, Attestation
from hero_gate import demo
from hero_gate.demo import FOLDER, HEROES, judge
from reports.attestation.verify import UNSIGNED
from tests import forked

_, ON_AVERAGE, HARDLY_TRIED = HEROES


def test_each_hero_ends_as_its_answers_deserve_or_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo.subprocess, "run", lambda command, cwd, **_: forked.run(command[2:], cwd))
    assert judge(HEROES, tmp_path / "demo") == 0
    told = capsys.readouterr().out
    said = {h.name: Attestation.read_file(tmp_path / "demo" / "results" / h.name / ATTESTATION) for h in HEROES}
    assert {name: one.decision for name, one in said.items()} == {h.name: h.deserves for h in HEROES}
    cards = [told.index(f"\n{h.shows}\n   {h.deserves}  {h.name}    {said[h.name].card.serves}\n") for h in HEROES]
    assert cards == sorted(cards)
    page = tmp_path / "demo" / "results" / "index.html"
    assert page.exists()
    assert str(page) in told
    # what the second one's sentence says: the average gains, and the one kind of query is why it goes back
    average = next(g for g in said[ON_AVERAGE.name].gains if (g.metric, g.intent) == ("ndcg_at_10", ""))
    assert float(average.ci_lower) > 0
    assert "loss shown on intent messages" in said[ON_AVERAGE.name].card.reason
    otherwise = [replace(HARDLY_TRIED, deserves="PROMOTE")]
    assert [*demo.told(otherwise, tmp_path / "demo" / "results")] == [
        "hardly_tried ended with HOLD, but its answers deserve PROMOTE"
    ]


def test_what_it_leaves_among_results_is_no_doubt_about_them() -> None:
    assert FOLDER.name in UNSIGNED


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "thesis.txt").touch()
    assert judge(HEROES, tmp_path / "demo") == 1
    assert "holds files that no run of ours wrote" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
