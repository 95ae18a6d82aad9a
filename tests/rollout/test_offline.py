"""Does a policy of mode `offline` decide by one look at recorded runs, from pack to replay?

What becomes of a PROMOTE, final or not, is asked where the tutorial is followed: tests/test_guides.py.
"""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from fixtures.packs import load_hero
from gates.attestation import Attestation
from gates.errors import ConfigError
from gates.offline import TEMPLATES
from reports.attestation.__main__ import main as attestation
from tests.forked import run
from tests.hero_gate.test_compare import BETTER, UNSURE, WORSE, Ranks, write
from tests.recorded_release import lock
from tests.reports.finished_run import UNDRAWN

pytestmark = pytest.mark.usefixtures("short")

PACK = """\
schema: hero-gate/pack/v1
name: {name}
owner: Search Team
claim: {{text: finds more}}
selected: {{system: recorded, run: ../{run}, qrels: ../q.qrels}}
"""


def prepared(folder: Path, ranks: Ranks, policy: str = "", n: int = 173) -> Path:
    """Configs for two run files, with the template of the mode or another policy."""
    write(folder, ranks, n)
    configs = folder / "configs"
    configs.mkdir()
    (configs / "policy.yaml").write_text(policy or (TEMPLATES / "offline.yaml").read_text())
    (configs / "baseline.yaml").write_text(PACK.format(name="incumbent", run="a.run"))
    (configs / "candidate.yaml").write_text(PACK.format(name="candidate", run="b.run"))
    return configs


def pytest_run(root: Path, configs: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    where = f"--configs={configs}", f"--artifacts={configs.parent / 'out'}", "--hero=candidate"
    return run(["pytest", "-q", *UNDRAWN, *arguments, *where], root)


def changed(old: str, new: str) -> str:
    said = (TEMPLATES / "offline.yaml").read_text()
    assert old in said
    return said.replace(old, new)


@pytest.mark.parametrize(
    ("ranks", "margin", "status", "told"),
    [
        (WORSE, 0.03, 20, "nDCG@10 loss shown"),
        (BETTER, 0.03, 0, "no more than the margin is shown to be lost"),
        (UNSURE, 0.022, 10, "too few queries to show it"),
    ],
)
def test_one_look_decides(ranks: Ranks, margin: float, status: int, told: str, tmp_path: Path, root: Path) -> None:
    configs = prepared(tmp_path, ranks, changed("margin: 0.03", f"margin: {margin}"))
    lock(tmp_path, root)
    done = pytest_run(root, configs, "-m", "canary")
    assert (done.returncode, told in done.stdout) == (status, True), done.stdout
    assert "decision-mode" not in done.stdout
    out = tmp_path / "out"
    found = Attestation.read_file(out / "candidate" / "attestation.json")
    assert (found.mode, found.exposure, found.promotes) == ("offline", "offline", False)
    assert found.constants is not None
    assert found.constants.look is not None
    assert found.constants.look.k == 1
    assert attestation(["verify", str(out)]) == 0
    assert attestation(["replay", str(out)]) == 0


@pytest.mark.parametrize(
    ("old", "new"),
    [("margin: 0.022", "margin: 0.053"), ("final: true", "final: true\n  tolerated_loss: {ndcg_at_10: 0.3}")],
)
def test_what_is_asked_otherwise_after_a_look_promotes_nothing(old: str, new: str, tmp_path: Path, root: Path) -> None:
    first = changed("margin: 0.03", "margin: 0.022").replace("final: false", "final: true")
    configs = prepared(tmp_path, UNSURE if old.startswith("margin") else BETTER, first)
    for policy in (first, first.replace(old, new)):
        (configs / "policy.yaml").write_text(policy)
        lock(tmp_path, root)
        done = pytest_run(root, configs, "-m", "canary")
    assert done.returncode == 0, done.stdout
    assert "chosen after looking" in done.stdout
    found = Attestation.read_file(tmp_path / "out" / "candidate" / "attestation.json")
    assert (found.decision, found.promotes) == ("PROMOTE", False)
    where = [f"--configs={configs}", f"--artifacts={tmp_path / 'out'}", "--hero=candidate", "--accept-untrusted"]
    assert "chosen after looking" in run(["reports.promotion", "promote", *where], root).stderr
    assert attestation(["replay", str(tmp_path / "out")]) == 0


def test_each_different_hero_on_the_same_judgements_is_charged_more(tmp_path: Path, root: Path) -> None:
    configs = prepared(tmp_path, UNSURE, changed("margin: 0.03", "margin: 0.053"))
    ks = []
    for run_file in (UNSURE, BETTER, UNSURE):  # the same files count once
        write(tmp_path, run_file)
        pytest_run(root, configs, "-m", "canary")
        found = json.loads((tmp_path / "out" / "candidate" / "attestation.json").read_bytes())
        ks.append(found["constants"]["look"]["k"])
    assert ks == [1, 2, 1]
    with (tmp_path / "q.qrels").open("a") as file:
        file.write("# a comment is no judgement\nq0 0 another 0\n")  # nor does one more make others of the queries
    pytest_run(root, configs, "-m", "canary")
    found = json.loads((tmp_path / "out" / "candidate" / "attestation.json").read_bytes())
    assert found["constants"]["look"]["k"] == 1
    (counted,) = (configs / "state" / "judged").glob("*.json")
    counted.write_text("[1]")
    assert "not the heroes that were counted" in pytest_run(root, configs, "-m", "canary").stdout


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("  ndcg_at_10: {margin: 0.03}", "  p95_latency: {margin_ms: 5}", "losses alone, p95_latency is none"),
        ("guards:", "slices: {intents: [names]}\nguards:", "mode offline asks nothing by intent"),
        ("guards:", "ladder: {window: 800}\nguards:", "mode offline looks once and has none"),
        ("mode: offline\n", "mode: evidence\n", "offline is of mode offline, but the mode is evidence"),
        ("  final: false", "  chosen_after_looking: true", "no file says so"),
        (
            "  final: false",
            "  tolerated_loss: {recall: 0.1}",
            "offline.tolerated_loss names recall; asked are ndcg_at_10",
        ),
        ("  ndcg_at_10: {margin: 0.03}", "  ndcg_at_10: {margin: 0.03, tolerated_loss: 0.01}", "stands under offline"),
        ("guards:", "left_out: {lock: none is needed}\nguards:", "left_out names lock, which stay asked"),
    ],
)
def test_a_policy_that_says_more_is_refused(old: str, new: str, told: str, tmp_path: Path, root: Path) -> None:
    said = changed(old, new)
    if old.startswith("mode"):  # of another mode everything must be said
        said = (root / "configs" / "policy.yaml").read_text() + "offline: {}\n"
        shutil.copy(root / "configs" / "characteristics.json", tmp_path)
    with pytest.raises(ConfigError, match=re.escape(told)):
        load_hero("candidate", prepared(tmp_path, BETTER, said))


def test_a_margin_that_no_hero_could_keep_is_told_in_a_line(tmp_path: Path, root: Path) -> None:
    configs = prepared(tmp_path, BETTER, changed("margin: 0.03", "margin: 0.01"))
    done = pytest_run(root, configs, "-m", "canary")
    assert done.returncode == 4
    assert "mu is 0.01, but must be above 0.0211 with 173 queries" in done.stderr


def test_the_plan_says_what_the_queries_can_carry(tmp_path: Path, root: Path) -> None:
    done = pytest_run(root, prepared(tmp_path, UNSURE), "-m", "canary", "--plan")
    assert done.returncode == 5
    assert "an equal hero is shown to hold with" in done.stdout
    assert "0.8 needs" in done.stdout


def test_a_system_that_is_no_recorded_run_is_refused(tmp_path: Path, root: Path) -> None:
    configs = prepared(tmp_path, BETTER)
    for name in ("baseline.yaml", "lexical_pack_a.yaml", "calib_v22.json", "corpus.lock"):
        shutil.copy(root / "configs" / "smoke" / name, configs)
    shutil.copy(root / "configs" / "weights.lock", tmp_path)
    pack = (configs / "lexical_pack_a.yaml").read_text().replace("name: lexical", "name: candidate")
    (configs / "candidate.yaml").write_text(pack)
    with pytest.raises(ConfigError, match="mode offline looks at recorded runs"):
        load_hero("candidate", configs)
