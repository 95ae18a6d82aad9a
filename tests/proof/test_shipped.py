"""Are the shipped error rates those of this policy and these sources, and does the page say what the file says?"""

import json
from pathlib import Path

import pytest

from gates.planning.attainability import require_attainable
from gates.planning.characteristics import rates_of, read_characteristics
from gates.policy import Policy
from proof.pages.page import write_page

ANEW = "simulate them anew: make characteristics"


def test_the_rates_are_of_this_policy_and_these_sources(root: Path, policy: Policy) -> None:
    known = read_characteristics(root / "configs" / policy.characteristics)
    assert rates_of(policy, known), ANEW
    require_attainable("configs/policy.yaml", policy, known)


def test_the_page_says_what_the_file_says(root: Path, tmp_path: Path) -> None:
    found = json.loads((root / "configs" / "characteristics.json").read_text(encoding="utf-8"))
    write_page(found, tmp_path)
    shipped = root / "docs" / "operating-characteristics.md"
    assert (tmp_path / shipped.name).read_text(encoding="utf-8") == shipped.read_text(encoding="utf-8"), ANEW
    assert (tmp_path / "operating-characteristics.png").stat().st_size > 10_000


def test_what_is_promised_is_kept(root: Path) -> None:
    """10,000 releases in each world. What is not kept is known, and told on the page."""
    found = json.loads((root / "configs" / "characteristics.json").read_text(encoding="utf-8"))
    equal = [claim for claim in found["claims"] if claim["claim"].startswith("three equal heroes")]
    assert [claim["n"] for claim in equal] == [10_000, 10_000]
    assert [claim["claim"] for claim in found["claims"] if not claim["holds"]] == [
        "equal hero, calibration error .0175, real pairs, with the churn of ann: promoted",
        "bad/overconfident: stopped by calibration_docstring",
        "bad/slow_one_in_fifteen: stopped by sla_recall_at_50_delta",
        "bad/too_sure_on_errors: stopped by calibration_error",
    ]


@pytest.mark.parametrize(
    ("claim", "words"),
    [
        (
            "three equal heroes, models: one is rolled back",
            "of {n:,} releases of three equal heroes, {rate:.2f} % had one rolled back (≤ {bound:.2f} %)",
        ),
        ("1 point lost from the first pair, models: promoted", "lose a point, {k} were promoted (≤ {bound:.2f} %)"),
        ("equal hero, calibration error .0175, models: promoted", "of equal ones, {rate:.0f} % were"),
        ("a hero of bad/: promoted", "Of sixteen bad heroes in 100 orders each, {k} of {n:,} were promoted"),
    ],
)
def test_the_readme_says_what_the_file_says(root: Path, claim: str, words: str) -> None:
    found = json.loads((root / "configs" / "characteristics.json").read_text(encoding="utf-8"))
    (told,) = (one for one in found["claims"] if one["claim"] == claim)
    shares = {name: 100 * told[name] for name in ("rate", "bound")}
    said = words.format(k=told["k"], n=told["n"], **shares).replace(" 0.", " .")
    assert said in " ".join((root / "README.md").read_text(encoding="utf-8").split())
