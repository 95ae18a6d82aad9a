"""Does the pipeline promote what earns it, one on top of the other, go on where it was killed, and tell the truth?"""

import json
import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import yaml
from filelock import FileLock

from gates.archive import mark
from hero_gate import pipeline
from reports.promotion.__main__ import main as promotion
from tests import forked
from tests.recorded_release import run
from tests.reports.finished_run import UNDRAWN, baseline
from tests.reports.switched import BASE, make_engine

Run = Callable[..., int]


class Killed(BaseException):
    """The pipeline's process is gone: nothing of it runs any more."""


@pytest.fixture
def engine(tmp_path: Path, release_template: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return make_engine(tmp_path / "checkout", release_template, monkeypatch)


@pytest.fixture
def ran(engine: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the pipeline ran, as it ran it; a process of each, which need not import everything anew."""
    ran: list[str] = []

    def fork(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        ran.append(" ".join(command[2:5]))
        if command[2] == "reports.promotion":  # whose process knows nothing of the engine of these tests
            return subprocess.CompletedProcess(command, promotion(command[3:]))
        environ = {**os.environ, "PYTHONPATH": str(forked.ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        done = forked.run(command[2:], engine, environ)
        print(done.stdout, done.stderr)
        return done

    monkeypatch.setattr(pipeline.subprocess, "run", fork)
    monkeypatch.setattr(pipeline, "commits", lambda _: "c0ffee")
    return ran


@pytest.fixture
def undrawn(ran: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither plots nor documents, which take longer than a canary: one of these tests looks at them."""
    really = pipeline.subprocess.run

    def run_others(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        if command[2] == "reports.documents":
            return subprocess.CompletedProcess(command, 0)
        return really([*command, *UNDRAWN] if command[2] == "pytest" else command)

    monkeypatch.setattr(pipeline.subprocess, "run", run_others)


def killed(when: Callable[[str], bool], *asked: str, ran_before: bool = False) -> None:
    """The pipeline, whose process is gone when it runs such a command, or has run it."""
    really = pipeline.subprocess.run

    def kill(command: Sequence[str]) -> subprocess.CompletedProcess[str] | None:
        hit = when(" ".join(command[2:]))
        done = really(command) if ran_before or not hit else None
        if hit:
            raise Killed
        return done

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline.subprocess, "run", kill)
        with pytest.raises(Killed):
            pipeline.main(asked)


@pytest.fixture
def automatic(engine: Path) -> None:
    """A drill folder: its policy lets the pipeline promote."""
    path = engine / "configs" / "policy.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("approvals: 0}", "approvals: 0, automatic: true}"), encoding="utf-8")


def record(engine: Path) -> dict[str, object]:
    return dict(json.loads((engine / "configs" / "state" / pipeline.FILE).read_text(encoding="utf-8")))


@pytest.mark.usefixtures("automatic")
def test_killed_at_three_moments_it_ends_with_the_stack_of_those_that_earned_it(
    engine: Path, ran: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """One of the three loses two queries in five: it is rolled back, and the others' promotions stand."""
    (engine / "configs" / "router-lexical.run").write_text(run(lost=0.4, digits=6), encoding="utf-8")
    #: before the battery's record, within the second canary, and between a promotion and its record
    for killed_at, ran_before in (
        ("pytest -m sanity", True),
        ("pytest -m canary --hero=lexical", False),
        ("reports.promotion promote --hero=ann", True),
    ):
        killed(lambda said, at=killed_at: said.startswith(at), "--accept-untrusted", ran_before=ran_before)
        assert not record(engine)["ended"] if (engine / "configs" / "state" / pipeline.FILE).exists() else True
    capsys.readouterr()
    assert pipeline.main(["--accept-untrusted"]) == 20
    told = capsys.readouterr().out
    now = yaml.safe_load(baseline(engine))
    assert now["selected"] == {**BASE, "router": True, "ann": True}
    assert [one["hero"] for one in now["stack"]] == ["router", "ann"]
    assert sum(said.startswith("reports.promotion promote") for said in ran) == 2
    assert sum(said == "pytest -m canary" for said in ran) == 3
    judged = record(engine)["judged"]
    assert {name: (one["decision"], one["promoted"]) for name, one in judged.items()} == {  # type: ignore[attr-defined]
        "router": ("PROMOTE", True), "lexical": ("ROLLBACK", False), "ann": ("PROMOTE", True),
    }  # fmt: skip
    assert "  lexical    ROLLBACK: " in told
    assert "  heroes that serve                             3         2   NO" in told
    assert "  its evidence verifies                         1         1   yes" in told
    assert "  broken heroes that serve                      0         0   yes" in told
    assert "  artefacts, six a hero                        18        18   yes" in told
    assert "  documents of it                              12        12   yes" in told


@pytest.mark.usefixtures("undrawn")
def test_where_a_person_promotes_each_is_judged_against_what_serves(
    engine: Path, ran: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    before = baseline(engine)
    assert pipeline.main(["--hero=router,ann"]) == 10
    told = capsys.readouterr().out
    assert "  router     PROMOTE, waits for a person: make promote: " in told
    assert [said for said in ran if "pytest" in said] == [f"pytest -m {name}" for name in ("sanity", "lock", "canary")]
    assert baseline(engine) == before
    ended = record(engine)
    assert ended["ended"]
    steps = {step["name"]: step["evidence"] for step in ended["steps"]}  # type: ignore[attr-defined]
    assert set(steps["lock"]) == {f"configs/locks/{name}.lock.json" for name in ("router", "ann")}
    assert set(steps["canary of router, ann"]) == {f"reports/out/{name}/attestation.json" for name in ("router", "ann")}


def test_what_gives_no_answer_stops_it_and_is_asked_again(
    engine: Path, ran: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    conftest = (engine / "conftest.py").read_text(encoding="utf-8")
    (engine / "conftest.py").write_text(conftest + "\nraise RuntimeError('no')\n", encoding="utf-8")
    status = pipeline.main(["--hero=router"])
    assert status in (3, 4)
    assert f"phase 1, sanity: ended with {status}, as told above; mend that and say it again" in capsys.readouterr().err
    path = engine / "configs" / "state" / pipeline.FILE
    path.parent.mkdir(exist_ok=True)
    step = {"phase": 1, "name": "sanity", "command": [], "status": 0, "evidence": {}}
    bent = {"schema": "hero-gate/pipeline/v1", "commit": "c0ffee", "heroes": {"router": "router"}}
    bent |= {"automatic": False, "warns": False, "started": "2026-11-29T09:00:00+00:00"}
    steps = [{**step, "started": day, "ended": day} for day in ("yesterday", "2026-11-29T09:00:00")]
    for content in ("[]", *(json.dumps({**bent, "steps": [one]}) for one in steps)):
        path.write_text(content, encoding="utf-8")
        assert pipeline.main(["--hero=router"]) == 4
        told = capsys.readouterr().err
        assert told == "configs/state/pipeline.json: no record of a pipeline; --anew begins another\n"
    assert len(ran) == 1


def test_nothing_is_run_where_no_hero_is_asked(
    engine: Path, ran: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """As HERO= of a variable that is not set: 0 would say that all was promoted."""
    for asked in ("", ",", "router,router"):
        assert pipeline.main([f"--hero={asked}"]) == 4
        assert capsys.readouterr().err == (
            f"--hero={asked}: should be names out of router, lexical, ann, all, or packs' paths, each once; "
            "nothing is run\n"
        )
    assert pipeline.main(["--configs=nowhere"]) == 4
    assert capsys.readouterr().err == "--configs=nowhere: no such folder; name one with a policy.yaml\n"
    assert (ran, (engine / "nowhere").exists()) == ([], False)


def test_two_at_once_do_not_share_a_record(engine: Path, ran: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with FileLock(mark(engine / "configs" / "state") / pipeline.LOCK):
        assert pipeline.main(["--hero=router"]) == 4
    assert capsys.readouterr().err.endswith("/pipeline.lock: another pipeline is running there; wait for it\n")
    assert not ran


@pytest.mark.usefixtures("automatic", "undrawn")
def test_what_the_policy_permitted_before_is_not_done_now(
    engine: Path, ran: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Interrupted, and no longer to promote by itself when it is said again; without a trusted key it never does."""
    before = baseline(engine)
    killed(lambda said: said.startswith("reports.promotion"), "--hero=router", "--accept-untrusted")
    capsys.readouterr()
    path = engine / "configs" / "policy.yaml"
    permits = path.read_text(encoding="utf-8")
    path.write_text(permits.replace("automatic: true", "automatic: false"), encoding="utf-8")
    assert pipeline.main(["--hero=router", "--accept-untrusted"]) == 10
    assert "  router     PROMOTE, waits for a person: make promote: " in capsys.readouterr().out
    assert not any(said.startswith("reports.promotion") for said in ran)
    path.write_text(permits, encoding="utf-8")
    assert pipeline.main(["--hero=router"]) == 10  # refused: nobody vouches for the key
    assert "refused: " in capsys.readouterr().err
    assert baseline(engine) == before


@pytest.mark.usefixtures("automatic", "undrawn")
def test_the_table_says_what_serves_when_it_ends(
    engine: Path, ran: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A second pack of the same change serves with the first; what a person takes off in between does not."""
    pack = yaml.safe_load((engine / "configs" / "router.yaml").read_text(encoding="utf-8"))
    (engine / "configs" / "again.yaml").write_text(yaml.safe_dump({**pack, "name": "again"}), encoding="utf-8")
    asked = ["--hero=router,configs/again.yaml", "--accept-untrusted"]
    killed(lambda said: "verify" in said, *asked)
    assert ran.count("pytest -m canary") == 1
    path = engine / "configs" / "state" / pipeline.FILE
    as_it_was = path.read_bytes()
    assert pipeline.main(asked) == 0
    told = capsys.readouterr().out
    assert "  configs/again.yaml serves already" in told
    assert "  router     PROMOTE, serves: " in told
    assert promotion(["rollback"]) == 0
    path.write_bytes(as_it_was)
    assert pipeline.main(asked) == 10
    assert "  router     PROMOTE, rolled back since: " in capsys.readouterr().out


@pytest.mark.usefixtures("automatic", "undrawn")
def test_a_promotion_that_was_cut_off_is_said_again(
    engine: Path, ran: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its process was killed, not the pipeline: nobody knows whether it was done, so nobody is judged beside it."""
    really = pipeline.subprocess.run

    def cut(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        done = really(command)
        return subprocess.CompletedProcess(command, -9) if command[2] == "reports.promotion" else done

    monkeypatch.setattr(pipeline.subprocess, "run", cut)
    assert pipeline.main(["--hero=router", "--accept-untrusted"]) not in (0, 10, 20)
    assert "phase 3, canary and promotion: ended with -9" in capsys.readouterr().err
    monkeypatch.setattr(pipeline.subprocess, "run", really)
    assert pipeline.main(["--hero=router", "--accept-untrusted"]) == 0
    assert sum(said.startswith("reports.promotion") for said in ran) == 1
