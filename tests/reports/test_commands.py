"""Does each command of `python -m reports.attestation` say what it found, and each mistake what to do?"""

import json
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from gates.policy import Policy
from gates.verdicts import Decision
from reports.attestation import chain
from reports.attestation.__main__ import main
from reports.attestation.statements import PREDICATES, STATEMENT, said_statement
from reports.attestation.trust import read_trust
from tests.reports.finished_run import call
from tests.reports.signed import SIGNER, bundles, signed

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def out(policy: Policy, tmp_path: Path) -> Path:
    """Two runs: a rollback and a promotion with a hold."""
    signed(tmp_path / "out", policy, Decision.PROMOTE, Decision.ROLLBACK)
    signed(tmp_path / "out", policy, Decision.PROMOTE, Decision.HOLD, run_id="20261201T111500Z-c0ffee")
    return tmp_path / "out"


def promoted(out: Path, hero: str) -> None:
    said = {"by": "Ann", "why": "as decided", "createdOn": "2026-12-02T00:00:00+00:00"}
    chain.append(out, "promotion", hero, said_statement("promotion", hero, said), SIGNER)


def test_a_copy_verifies_from_anywhere_and_prints_the_head(out: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(out, copy)
    shutil.rmtree(out)
    head = chain.read(copy).head
    done = call(tmp_path, "reports.attestation", "verify", "copy")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[-2] == f"chain of 8 statements, head {head}"
    assert lines[-1].startswith("verified: nothing was changed since it was signed; signed with key ")
    assert lines[-1].endswith("UNTRUSTED, nobody vouches for it")


def test_verifying_needs_neither_pandas_nor_matplotlib(out: Path, root: Path) -> None:
    code = (
        "import sys; from reports.attestation.__main__ import main; main(['verify', sys.argv[1]]);"
        "print([m for m in ('pandas', 'matplotlib', 'pytest', 'tantivy', 'allure') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(out)], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_every_problem_is_a_line_and_the_status_is_1(out: Path, capsys: Captured) -> None:
    (out / "lexical" / "hero_span_v22.csv").write_text("ndcg_at_10\n1.0\n")
    (out / "index.html").unlink()
    assert main(["verify", str(out)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.startswith("problem: ") for line in lines) == 2
    assert lines[-1] == "DOES NOT VERIFY: 2 problems"
    assert main(["show", str(out)]) == 1
    assert capsys.readouterr().out.splitlines()[-1].startswith("DOES NOT VERIFY: index.html: cannot be read")


def test_a_pinned_head_must_be_a_digest_and_in_the_chain(out: Path, capsys: Captured) -> None:
    assert main(["verify", str(out), "--head=3fa9"]) == 1
    assert "--head=3fa9: not a sha256 in hex" in capsys.readouterr().err
    assert main(["verify", str(out), f"--head={chain.read(out).head}"]) == 0
    bundles(out)[-1].rename(out / "elsewhere")
    assert main(["verify", str(out), f"--head={'0' * 64}"]) == 1


def test_show_says_in_about_ten_lines_what_was_decided(out: Path, capsys: Captured) -> None:
    assert main(["show", str(out)]) == 0
    lines = capsys.readouterr().out.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("HOLD  router"))
    of_lexical, of_router = lines[:start], lines[start:]
    assert 8 <= len(of_lexical) <= 14
    assert 10 <= len(of_router) <= 16
    text = "\n".join(of_router)
    for told in (
        "7c1e9a04b2d35f88 against lens 0a94be71c6d2203f", "fingerprint", "UNTRUSTED, nobody vouches for it",
        "reason       sla_recall_at_50_delta", "more", "gates 7 GREEN, 1 INCONCLUSIVE, 8 NOT_REACHED",
        "agg.parquet", "review due 2026-12-08",
    ):  # fmt: skip
        assert told in text
    assert max(map(len, lines)) <= 110


def test_what_somebody_signed_to_mislead_breaks_no_command(out: Path, capsys: Captured) -> None:
    for kind, hero in (("svr", "lexical"), ("decision", "lexical"), ("approval", "lexical"), ("run", "")):
        predicate = {"hero": hero, "properties": 5, "reasons": {"a": 1}, "by": "\x1b[2J", "until": []}
        statement = {"_type": STATEMENT, "subject": [], "predicateType": PREDICATES[kind], "predicate": predicate}
        chain.append(out, kind, hero, statement, SIGNER)
    for command in ("verify", "show", "log"):
        status = main([command, str(out)])
        printed = capsys.readouterr()
        assert (status, printed.err) == (0 if command == "log" else 1, "")
        assert "\x1b" not in printed.out


def test_log_lists_everything_in_order(out: Path, capsys: Captured) -> None:
    promoted(out, "lexical")
    assert main(["log", str(out)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[2] for line in lines] == [
        "run", "decision", "decision", "svr", "run", "decision", "decision", "svr", "promotion",
    ]  # fmt: skip
    assert "decision lexical        PROMOTE" in lines[1]
    assert "by Ann, why as decided" in lines[-1]
    assert all("UNTRUSTED" in line for line in lines)
    bundles(out)[3].unlink()
    assert main(["log", str(out)]) == 1
    assert capsys.readouterr().out.splitlines()[-1].startswith("problem: bundles/000005-")


def test_a_key_is_made_once_for_its_owner_alone_and_can_be_trusted(out: Path, capsys: Captured) -> None:
    file = out.parent / "release.pem"
    assert main(["key", str(file), "--name=release ci", "--may=decide,approve"]) == 0
    told = capsys.readouterr().out
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    private = file.read_text()
    assert "PRIVATE KEY" not in told
    entry = json.loads(told[told.index("{") :])
    trusted = out.parent / "trusted.json"
    trusted.write_text(json.dumps({"schema": "hero-gate/trusted-keys/v1", "keys": [entry]}))
    assert read_trust(trusted).keys[0].may == ("decide", "approve")
    assert main(["key", str(file)]) == 1
    assert "a key is never overwritten" in capsys.readouterr().err
    assert file.read_text() == private


def test_what_is_said_is_shown_with_whether_it_counts(
    out: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HERO_GATE_SIGNER", raising=False)
    said = ["--hero=lexical", "--by=Ann", "--why=read it", "--ticket=OPS-1", "--until=2999-01-01"]
    assert main(["override", str(out), *said]) == main(["show", str(out)]) == 0
    assert "override     by Ann (OPS-1), counts as none" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["log", "{out}", "--trust=nowhere.json"], "nowhere.json: no such file"),
        (["key", "{out}/new.pem", "--may=everything"], "'everything' is no role; there are decide, approve, promote"),
        (["key", "{out}/nowhere/new.pem"], "cannot be written"),
    ],
)
def test_each_mistake_is_one_line(arguments: list[str], said: str, out: Path, capsys: Captured) -> None:
    assert main([argument.format(out=out) for argument in arguments]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert said in printed.err
    assert printed.err.count("\n") == 1


@pytest.mark.parametrize(("arguments", "status"), [([], 2), (["verfiy"], 2), (["--help"], 0)])
def test_what_exists_is_listed(arguments: list[str], status: int, capsys: Captured) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == status
    printed = capsys.readouterr()
    assert "verify" in (printed.err if status else printed.out)
