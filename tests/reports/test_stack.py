"""Do promoted heroes add up? Each change is laid over what serves by then, and a rollback takes the last one off."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from fixtures.packs import load_hero
from fixtures.systems import kinds
from fixtures.systems.recorded import RecordedKind
from gates.errors import ConfigError
from reports.attestation.trust import NO_KEYS
from reports.promotion.change import promote, roll_back
from reports.promotion.conditions import Wanted
from tests.recorded_release import declare, lock, run
from tests.reports.finished_run import baseline, call, canary

SWITCHES = ("router", "lexical", "ann")
KIND = "tests.reports.test_stack:SwitchedKind"
BASE = {"system": "switched", "qrels": "qrels.txt", **dict.fromkeys(SWITCHES, False)}


class SwitchedKind(RecordedKind):
    """A recorded engine with three switches: which of its run files answers follows from all of them."""

    def mistakes(self) -> list[str]:
        return [
            f"{key}: {self.block[key]!r} is no switch" for key in SWITCHES if self.block.get(key) not in (True, False)
        ]

    def path(self, key: str) -> Path:
        on = "-".join(name for name in SWITCHES if self.block[name]) or "none"
        return self.folder / f"{on}.run" if key == "run" else super().path(key)

    def content(self) -> dict[str, Any]:
        return {**super().content(), **{name: self.block[name] for name in SWITCHES}}


@pytest.fixture
def engine(tmp_path: Path, release_template: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout in miniature whose three heroes each turn one switch on."""
    folder = tmp_path / "checkout"
    shutil.copytree(release_template, folder)
    configs = folder / "configs"
    for digits, on in enumerate(
        ("none", "router", "router-lexical", "lexical", "ann", "router-ann", "router-lexical-ann"), start=4
    ):
        (configs / f"{on}.run").write_text(run(lost=0.0, digits=digits), encoding="utf-8")
    told = {"schema": "hero-gate/pack/v1", "owner": "Search Engineering", "claim": {"text": "as its name says"}}
    (configs / "baseline.yaml").write_text(yaml.safe_dump({**told, "name": "incumbent", "selected": BASE}))
    for name in SWITCHES:
        pack = {**told, "name": name, "owner": f"{name} team", "changes": {name: True}}
        (configs / f"{name}.yaml").write_text(yaml.safe_dump(pack))
    declare(configs, SWITCHES)
    with (folder / "conftest.py").open("a", encoding="utf-8") as conftest:
        conftest.write(f"\nfrom fixtures.systems import kinds\nkinds.KINDS['switched'] = {KIND!r}\n")
    monkeypatch.setitem(kinds.KINDS, "switched", KIND)
    monkeypatch.chdir(folder)
    lock(folder)
    return folder


def test_a_team_adds_up_its_improvements(engine: Path) -> None:
    """router, then lexical on top of it, then ann is judged against both; two rollbacks bring the first bytes back."""
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
    with pytest.raises(ConfigError, match=r"changes: nothing, configs/baseline\.yaml has all of it already"):
        load_hero("router", Path("configs"))

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

    for before in reversed(served[:-1]):
        roll_back(wanted)
        assert baseline(engine) == before
    assert baseline(engine) == first
    assert not (configs / "previous").exists()
    assert load_hero("router", Path("configs")).subject.baseline_stack == ()
