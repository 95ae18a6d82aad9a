"""Do promoted heroes add up? Each change is laid over what serves by then, and a rollback takes the last one off."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from fixtures.packs import load_hero
from reports.attestation.trust import NO_KEYS
from reports.promotion.change import promote, roll_back
from reports.promotion.conditions import Wanted
from reports.promotion.serving import what_serves
from tests.reports.finished_run import baseline, call, canary
from tests.reports.switched import BASE, make_engine


def test_a_team_adds_up_its_improvements(
    tmp_path: Path, release_template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """router, then lexical on top of it, then ann is judged against both; two rollbacks bring the first bytes back."""
    engine = make_engine(tmp_path / "checkout", release_template, monkeypatch)
    first, configs = baseline(engine), engine / "configs"
    served = [first]
    for name in ("router", "lexical"):
        assert canary(engine, hero=name).returncode == 0
        wanted = Wanted(
            artifacts=engine / "reports" / "out", configs=Path("configs"), by="R. Manager", why="it gains",
            root=NO_KEYS, now=datetime.now(UTC), accept_untrusted=True,
        )  # fmt: skip
        promote(wanted, name)
        served.append(baseline(engine))
        held = canary(engine, hero="ann")
        assert held.returncode == 10  # locked against what served before
        assert "baseline_config" in held.stdout
        done = call(engine, "pytest", "-q", "-m", "lock", "--write", "--hero=all", PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
        assert done.returncode == 0, done.stdout
        planned = call(engine, "pytest", "-m", "canary", "--hero=all", "--plan", PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
        assert f"{name} serves already: nothing to decide" in planned.stdout
    now = yaml.safe_load(served[-1])
    assert now["selected"] == {**BASE, "router": True, "lexical": True}
    assert [(one["hero"], one["owner"], one["by"]) for one in now["stack"]] == [
        ("router", "router team", "R. Manager"), ("lexical", "lexical team", "R. Manager"),
    ]  # fmt: skip
    refused = canary(engine, hero="router,ann")
    assert refused.returncode == 4
    assert "--hero=router,ann: router serves already: nothing to decide; ask for another, or" in refused.stderr

    done = canary(engine, hero="ann")
    attested = json.loads((engine / "reports" / "out" / "ann" / "attestation.json").read_text())
    assert (done.returncode, attested["decision"]) == (0, "PROMOTE")
    assert attested["lock_material"]["config"]["router"] is attested["lock_material"]["config"]["lexical"] is True
    router, _ = attested["baseline_stack"]
    assert router.startswith("router: router False > True, run ")
    page = (engine / "reports" / "out" / "index.html").read_text(encoding="utf-8")
    for surface in (done.stdout, page, (engine / "reports" / "out" / "summary.md").read_text(encoding="utf-8")):
        assert "on top of" in surface
        assert "lexical: lexical False" in surface
    log = call(engine, "reports.attestation", "log", "configs/state").stdout
    assert "lexical False > True" in log
    lines = what_serves(wanted)
    assert lines[0].startswith("on top of    router: router False > True, run ")
    assert lines[1].startswith("serves       lexical, promoted ")

    for before in reversed(served[:-1]):
        roll_back(wanted)
        assert baseline(engine) == before
    assert baseline(engine) == first
    assert not (configs / "previous").exists()
    assert load_hero("router", Path("configs")).subject.baseline_stack == ()
