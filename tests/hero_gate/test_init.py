"""Do two run files become configs whose printed command runs, and are mistakes a line that writes nothing?"""

import shlex
from pathlib import Path

import pytest

from gates.policy import load_policy
from gates.weaker import weaker_places
from hero_gate.compare import names_of
from hero_gate.init import main
from tests.forked import run
from tests.hero_gate.test_compare import BETTER, write
from tests.recorded_release import lock


def test_the_next_command_is_printed(tmp_path: Path, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """That it runs and decides is shown in test_guides.py, through the door."""
    files, configs = write(tmp_path, BETTER), tmp_path / "my configs"
    assert main([*files, f"--queries={tmp_path / 'q.tsv'}", f"--configs={configs}", "--measures=nDCG@10,R@50"]) == 0
    said = capsys.readouterr().out
    assert "judged@10: a 100.0 %" in said
    next_line = said.splitlines()[-1].removeprefix("next: ")
    out = shlex.quote(f"--artifacts={Path.cwd() / 'hero-gate-out'}")
    assert next_line.startswith(f"cd {root} && make lock HERO=b CONFIGS=") is (Path.cwd() != root)
    assert "make canary HERO=b CONFIGS=" in next_line
    assert (out in next_line) is (Path.cwd() != root)


@pytest.mark.parametrize("measures", ["nDCG@10", "R@50", "R@50,nDCG@10"])
def test_the_policy_is_the_template_with_what_was_asked(measures: str, tmp_path: Path) -> None:
    configs = tmp_path / "configs"
    asked = [f"--measures={measures}", "--margin=4", "--unjudged=not-relevant", f"--configs={configs}"]
    assert main([*write(tmp_path, BETTER), *asked]) == 0
    policy = load_policy(configs / "policy.yaml")
    assert policy.offline is not None
    assert (policy.offline.unjudged, list(policy.heroes)) == ("not-relevant", ["b"])
    assert len(policy.losses) == len(measures.split(","))
    assert all(policy.check(key).limits.margin == 0.04 for key in policy.losses)
    weaker = [place.split()[0] for place in weaker_places(policy)]
    assert weaker == ["offline.unjudged", *(["guards.ndcg_at_10.margin"] if "nDCG" in measures else [])]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--margin=60"], "'60' should be points above 0 and up to 50"),
        (["--margin=1"], "mu is 0.01, but must be above 0.0211 with 173 queries"),
        (["--queries=no.tsv"], "no.tsv: cannot be read"),
        ([], "policy.yaml: is there already; name another folder with --configs=DIR"),
    ],
)
def test_a_mistake_is_a_line_and_writes_nothing(
    more: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files, configs = write(tmp_path, BETTER), tmp_path / "configs"
    if not more:
        configs.mkdir()
        (configs / "policy.yaml").write_text("mine")
    try:
        status = main([*files, f"--configs={configs}", *more])
    except SystemExit as error:
        status = int(str(error.code))
    assert status == 4
    said = capsys.readouterr()
    assert told in said.err
    assert (said.err.count("\n"), said.out) == (1, "")
    assert not (configs / "baseline.yaml").exists()


@pytest.mark.parametrize("name", ["null", "1", "policy", "history", "über", "x" * 250])
def test_any_file_gives_a_name_that_can_be_locked(name: str, tmp_path: Path, root: Path) -> None:
    first, second, *others = write(tmp_path, BETTER)
    named = Path(second).rename(tmp_path / f"{name}.run") if len(name) < 200 else Path(second)
    configs = tmp_path / "configs"
    assert main([first, str(named), *others, f"--configs={configs}"]) == 0
    (hero,) = load_policy(configs / "policy.yaml").heroes
    assert names_of(Path(first), Path(f"{name}.run"))[1][:60] == hero or len(name) > 200
    lock(tmp_path, root)
    assert (configs / "locks" / f"{hero}.lock.json").exists()
    if name == "über":  # by the command as well
        done = run(["pytest", "-q", "-m", "lock", f"--hero={hero}", f"--configs={configs}"], root)
        assert done.returncode == 0, done.stdout


def test_few_queries_get_the_margin_that_can_be_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configs = tmp_path / "configs"
    assert main([*write(tmp_path, [], 100), f"--configs={configs}"]) == 0
    assert "margin: 3.7 points may be lost" in capsys.readouterr().out
