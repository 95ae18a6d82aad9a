"""An engine whose heroes add up: recorded answers for each setting of three switches, and a checkout that has it."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from fixtures.systems import kinds
from fixtures.systems.recorded import RecordedKind
from gates.place import place_of
from reports.promotion import conditions
from tests.recorded_release import declare, lock, run

SWITCHES = ("router", "lexical", "ann")
KIND = "tests.reports.switched:SwitchedKind"
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


def make_engine(folder: Path, template: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout in miniature, in which one is then, and whose three heroes each turn one switch on."""
    shutil.copytree(template, folder)
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
    monkeypatch.setattr(conditions, "HERE", place_of(folder))  # promotions of these tests run in this process
    lock(folder)
    return folder
