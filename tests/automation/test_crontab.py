"""Does install leave all other lines of a crontab as they are, and does a real cron daemon then run the jobs?"""

import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from automation import crontab
from automation.__main__ import main
from automation.ledger import Ledger
from gates.errors import GateError
from gates.place import HERE
from tests.automation.test_schedule_file import REST, written
from tests.automation.worlds import wait_for

FAKE = """#!/bin/sh
# As Debian's crontab: -l lists, - replaces, a line that is no cron line is refused.
table={table}
case "$1" in
  -l) [ -e "$table" ] || {{ echo "no crontab for tester" >&2; exit 1; }}; cat "$table" ;;
  -) cat > "$table.new"
     if grep -q '^bad' "$table.new"; then echo '"-":1: bad minute' >&2; exit 1; fi
     mv "$table.new" "$table" ;;
esac
"""
OTHERS = b"MAILTO=x\n\n# m\xc3\xbctter\t \n0 5 * * *  backup\\%now\r\n@reboot true # hero-gate tick /elsewhere\n"


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a stand-in for crontab keeps its table."""
    (tmp_path / "bin").mkdir()
    command, found = tmp_path / "bin" / "crontab", tmp_path / "table"
    command.write_text(FAKE.format(table=shlex.quote(str(found))))
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    return found


def install(root: Path, folder: Path) -> str:
    words = (sys.executable, "-m", "automation", "tick")
    ledger, kept = folder / "out" / "automation" / "slots.sqlite", folder / "state" / "tick.env"
    return crontab.install(root, crontab.line(root, words, ledger, kept))


@pytest.mark.parametrize("others", [None, b"", OTHERS])
def test_one_line_comes_and_goes_and_the_others_stay(table: Path, tmp_path: Path, others: bytes | None) -> None:
    if others is not None:
        table.write_bytes(others)
    root = Path("/srv/hero gate")
    assert install(root, tmp_path).startswith("added to the crontab: * * * * * mkdir -p ")
    (line,) = table.read_bytes().removeprefix(others or b"").splitlines(keepends=True)
    assert f"&& cd '/srv/hero gate' && {{ set -a && . {tmp_path}/state/tick.env && set +a && exec ".encode() in line
    assert line.endswith(b"out/automation/tick.log 2>&1 # hero-gate tick /srv/hero gate\n")
    once = table.read_bytes()
    assert install(root, tmp_path).startswith("the crontab ticks already: ")
    assert table.read_bytes() == once
    assert crontab.uninstall(root) == "removed from the crontab: the line for /srv/hero gate"
    assert table.read_bytes() == (others or b"")
    assert crontab.uninstall(root) == "the crontab has no line for /srv/hero gate"


def test_two_checkouts_tick_beside_each_other_and_a_line_of_an_older_install_is_replaced(
    table: Path, tmp_path: Path
) -> None:
    table.write_bytes(b"* * * * * old # hero-gate tick /srv/a\n" + OTHERS)
    install(Path("/srv/a"), tmp_path)
    install(Path("/srv/100%"), tmp_path)
    assert table.read_bytes().startswith(OTHERS)
    assert table.read_bytes().count(b"\n") == OTHERS.count(b"\n") + 2
    assert b"cd /srv/100\\% && " in table.read_bytes()
    crontab.uninstall(Path("/srv/100%"))
    assert table.read_bytes().endswith(b"# hero-gate tick /srv/a\n")


def test_a_table_that_crontab_refuses_stays_as_it_was(table: Path, tmp_path: Path) -> None:
    table.write_bytes(b"bad line\n")
    with pytest.raises(GateError, match=r'^crontab -: "-":1: bad minute; nothing was changed$'):
        install(Path("/srv/a"), tmp_path)
    assert table.read_bytes() == b"bad line\n"


def test_without_crontab_the_way_out_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GateError, match=r"^crontab: no such command; install cron \(Debian: apt-get install cron\)"):
        install(Path("/srv/a"), tmp_path)


def written_schedule(folder: Path, *, alerts: str = "") -> list[str]:
    path = written(folder, f"job: {{cron: 0 0 1 1 *, command: ['true'], {REST}}}")
    (folder / "alerts.yaml").write_text(f"schema: hero-gate/alerts/v1\n{alerts}")
    return [f"--schedule={path}", f"--ledger={folder / 'out' / 'automation' / 'slots.sqlite'}"]


def test_secrets_are_kept_for_this_user_alone_and_a_removed_folder_is_made_anew(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = written_schedule(tmp_path, alerts="delivery: {apprise: {urls_env: MY_URLS}}\n")
    monkeypatch.setenv("HERO_GATE_SIGNER", "env:MY_KEY")
    assert main([*asked, "install", "crontab"]) == 1
    assert "MY_KEY is not set, but HERO_GATE_SIGNER names it: export it" in capsys.readouterr().err
    monkeypatch.setenv("MY_KEY", '-----BEGIN\nit\'s 100% "$ecret"\n')
    assert main([*asked, "install", "crontab"]) == 1
    assert f"MY_URLS is not set, but {tmp_path}/alerts.yaml names it" in capsys.readouterr().err
    assert not table.exists()
    monkeypatch.setenv("MY_URLS", "json://s3cret@127.0.0.1:1/hook")
    assert main([*asked, "install", "crontab"]) == 0
    kept = tmp_path / "state" / "tick.env"
    assert kept.stat().st_mode & 0o777 == 0o600
    said = capsys.readouterr().out + table.read_text()
    assert "s3cret" not in said
    assert "$ecret" not in said
    line = table.read_text().removeprefix("* * * * * ").replace("\\%", "%")
    for _ in range(2):
        subprocess.run(["env", "-i", "/bin/sh", "-c", line], check=True, timeout=60)  # as cron does
        assert (tmp_path / "out" / "automation" / "slots.sqlite").exists()
        shutil.rmtree(tmp_path / "out")
    show = ["/bin/sh", "-c", f"set -a; . {kept}; exec {sys.executable} -c \"import os; print(os.environ['MY_KEY'])\""]
    assert subprocess.run(show, check=True, capture_output=True, text=True).stdout == f"{os.environ['MY_KEY']}\n"
    assert main([*asked, "uninstall", "crontab"]) == 0
    assert not kept.exists()


def missing() -> str:
    """What keeps a private cron daemon from running here; empty when nothing does."""
    absent = [name for name in ("cron", "crontab", "unshare") if shutil.which(name, path=PATH) is None]
    if absent:
        return f"no {', '.join(absent)} here"
    tried = subprocess.run(
        ["unshare", "-m", "mount", "--bind", "/tmp", "/var/spool/cron"],
        capture_output=True,
        check=False,
    )
    return "" if os.geteuid() == 0 and tried.returncode == 0 else "no private mounts here (not root)"


PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"


def test_a_real_cron_daemon_runs_the_jobs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The daemon, its spool and its table are real; only the mounts are private."""
    why = missing()
    if why:
        with capsys.disabled():
            print(f"\nNOT EVIDENCED: that cron runs what install crontab installs ({why})")
        pytest.skip(f"NOT EVIDENCED: no job was run by cron ({why}); as root, apt-get install cron")
    folder, ran = tmp_path / "out" / "automation", tmp_path / "ran"
    script = f"echo $HERO_GATE_CACHE > {ran}.new; mv {ran}.new {ran}"
    path = written(tmp_path, f"job: {{cron: '* * * * *', command: [sh, -c, '{script}'], {REST}}}")
    for name in ("spool", "run"):
        (tmp_path / name).mkdir()
    (tmp_path / "spool" / "crontabs").mkdir(mode=0o730)
    shutil.chown(tmp_path / "spool" / "crontabs", group="crontab")
    ours = shlex.join([sys.executable, "-m", "automation", f"--schedule={path}", f"--ledger={folder / 'slots.sqlite'}"])
    script = f"""
        mount --bind {tmp_path / "spool"} /var/spool/cron && mount --bind {tmp_path / "run"} /run || exit 9
        echo '# before' | crontab - && {ours} install crontab && crontab -l > {tmp_path / "listed"} || exit 8
        cron -f -L 15 & echo $! > {tmp_path / "pid"}
        wait
        {ours} uninstall crontab && crontab -l > {tmp_path / "after"}
    """
    variables = {**os.environ, "PATH": PATH, "HERO_GATE_CACHE": "/where it's cached"}
    with subprocess.Popen(["unshare", "-m", "sh", "-c", script], cwd=HERE.home, env=variables) as private:
        seen = wait_for(lambda: ran.exists() and succeeded(folder / "slots.sqlite"), 90)
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGTERM)
        assert private.wait(timeout=20) == 0
    assert seen, (folder / "tick.log").read_text() if (folder / "tick.log").exists() else "cron did not tick"
    before, line = (tmp_path / "listed").read_text().splitlines()
    assert before == "# before"
    assert line.endswith(f"# hero-gate tick {HERE.home}")
    assert (tmp_path / "after").read_text() == "# before\n"
    assert ran.read_text() == "/where it's cached\n", "the environment of the install reaches the job"
    assert "started job/" in (folder / "tick.log").read_text()
    with capsys.disabled():
        print("\na real cron daemon ticked, and a job ran")


def succeeded(path: Path) -> bool:
    if not path.exists():
        return False
    with Ledger(path) as ledger:
        return bool(ledger.entries(("succeeded",)))
