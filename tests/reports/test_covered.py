"""Is whatever was changed or put into a finished folder named by its path, and does nothing that lies there hang?"""

import os
import random
import re
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from gates.errors import EvidenceError
from reports.attestation import chain, statements
from reports.attestation.__main__ import main
from reports.attestation.replay import replay
from reports.attestation.signing import make_key
from reports.attestation.trust import read_trust
from reports.attestation.verify import verify
from reports.promotion.conditions import Wanted
from tests.reports.finished_run import call, canary

#: As large as what lies beside it, and as like it as an attacker can make it.
PLANTED = (
    "index2.html", "report.html", "PROMOTE", ".hidden", "rival/index.html", "rival/decision.json", "rival/.lock2",
    "rival/plots/more.svg", "rival/agg.parquet.bak", "other/index.html", "other/attestation.json", "a/b/c/d.html",
    "bundles/000099.txt", "bundles/keys/0123456789abcdef.pub.pem", "bundles/index.html", "history/index.html",
    "history/site/index.html", "allure-results/x-result.json", "allure-results/x/y.json", ".runs/old/part.parquet",
)  # fmt: skip
UNSIGNED = (
    "weekly/index.html",
    "demo/configs/policy.yaml",
    "jobs/one/index.html",
    "nightly/plots/x.svg",
    "allure.html",
)


@pytest.fixture
def out(copied: Path) -> Path:
    """The results of two runs, one of them in the history; the other left all that a run can."""
    signer = f"file2:{copied / 'key.pem'}"
    assert canary(copied, hero="rival", complete=True, HERO_GATE_SIGNER=signer).returncode == 0
    return copied / "reports" / "out"


def told(out: Path) -> str:
    """All that verify says of a folder."""
    found = verify(out, read_trust(out.parents[1] / "trusted.json"))
    return "\n".join((*found.problems, *found.notes))


@pytest.mark.slow
def test_flips_and_planted_files_are_all_named(out: Path, whole: bool) -> None:
    assert told(out) == "alerts.jsonl: covered by no statement: alerts.jsonl"
    draw, flips = random.Random(7), 0
    files = [path for path in sorted(out.rglob("*")) if path.is_file() and path.stat().st_size]
    assert len(files) > 100
    for path in (draw.choice(files) for _ in range(300 if whole else 40)):
        content = path.read_bytes()
        at = draw.randrange(len(content))
        path.write_bytes(content[:at] + bytes([content[at] ^ draw.randint(1, 255)]) + content[at + 1 :])
        assert path.name in told(out), f"{path} at {at}"
        path.write_bytes(content)
        flips += 1
    planted = [f"{name}{suffix}" for name in (*PLANTED, *UNSIGNED) for suffix in ("", " ", ".2")]
    for name in planted:
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("<h1>PROMOTE</h1>")
    named = told(out)
    lines, listed = named.splitlines(), re.split(": |, |\n", named)
    assert [name for name in planted if name not in listed and not any(x.startswith(f"{name}: ") for x in lines)] == []
    print(f"{flips} flips and {len(planted)} planted files, each named by its path")
    assert len(planted) >= 60


@pytest.mark.parametrize(
    "name", ["index.html", "attestation.json", "rival/agg.parquet", "bundles/000001-run.json", "x"]
)
@pytest.mark.parametrize("kind", ["pipe", "device", "link"])
def test_what_is_no_regular_file_is_named_and_nobody_waits_for_it(copied: Path, name: str, kind: str) -> None:
    path = copied / "reports" / "out" / name
    path.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero" if kind == "device" else "/etc/hostname")
    signal.alarm(20)
    try:
        assert told(copied / "reports" / "out") == f"{name}: not a regular file; take it away"
    finally:
        signal.alarm(0)


def test_what_would_be_read_for_hours_or_lies_too_deep_to_be_listed_is_named(copied: Path) -> None:
    out = copied / "reports" / "out"
    for name in ("index.html", "rival/attestation.json", "rival/hits.parquet"):
        content = (out / name).read_bytes()
        with (out / name).open("wb") as file:
            file.truncate(1 << 40)  # a hole: it takes no room
        assert told(out) == f"{name}: not a regular file; take it away"
        (out / name).write_bytes(content)
    with (out / "rival" / "attestation.json").open("wb") as file:
        file.truncate(1 << 32)
    assert "rival/attestation.json: 4,294,967,296 bytes, but should have at most" in told(out)
    (out / "rival" / "attestation.json").unlink()
    top = os.open(out, os.O_RDONLY)
    for _ in range(45):
        os.mkdir("d" * 100, dir_fd=top)
        top, above = os.open("d" * 100, os.O_RDONLY, dir_fd=top), top
        os.close(above)
    os.close(os.open("page.html", os.O_CREAT | os.O_WRONLY, dir_fd=top))
    os.close(top)
    found = told(out)
    shutil.rmtree(out / ("d" * 100))
    assert re.search(r"(^|\n)[…d/]{200}: not a regular file; take it away", found)


@pytest.mark.parametrize("name", ["attestation.json", "hits.parquet", "agg.parquet"])
def test_a_pipe_keeps_no_replay_waiting(copied: Path, name: str) -> None:
    path = copied / "reports" / "out" / "rival" / name
    path.unlink()
    os.mkfifo(path)
    signal.alarm(20)
    try:
        found = replay(path.parent).differences[0]
    except EvidenceError as error:
        found = str(error)
    finally:
        signal.alarm(0)
    assert "not a regular file" in found


def test_a_pipe_in_the_chain_keeps_no_command_waiting(copied: Path) -> None:
    bundle = next((copied / "reports" / "out" / "bundles").glob("000001-*"))
    bundle.unlink()
    os.mkfifo(bundle)
    for command in ("log", "show", "verify"):
        done = call(copied, "reports.attestation", command, "reports/out")
        assert (done.returncode, "not a regular file" in done.stdout) == (1, True), command


def test_a_statement_by_a_key_that_nobody_knows_is_named_and_trust_can_be_required(
    copied: Path, asked: Callable[..., Wanted], capsys: pytest.CaptureFixture[str]
) -> None:
    asked()
    command = ["verify", "reports/out", "--trust=trusted.json"]
    assert main([*command, "--require-trusted"]) == 0
    stranger = make_key("ed25519")[0]
    decision = chain.read(Path("reports/out")).last("decision", "rival")
    assert decision is not None
    said = {"by": "Ann", "until": "2099-01-01T00:00:00+00:00", "decision": {"sha256": decision.digest}}
    word = statements.said_statement("approval", "rival", said)
    chain.append(Path("reports/out"), "approval", "rival", word, stranger, "by key, trusted")
    capsys.readouterr()
    for more, status in (((), 0), (("--require-trusted",), 1)):
        assert main([*command, *more]) == status
        (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("untrusted: ")]
        assert "UNTRUSTED, nobody vouches for it: bundles/0" in line
        assert "-approval-rival.sigstore.json" in line
