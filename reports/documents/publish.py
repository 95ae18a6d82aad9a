"""How do the documents come to where the team reads? Copied into a folder, or as a commit on a branch."""

import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from evidence.files import write_whole
from gates.errors import GateError
from gates.policy import Publish
from reports.escaping import clean, typed


def published(files: Sequence[str], folder: Path, run_id: str, where: Publish, root: Path) -> str:
    """Copy files of a folder of results as the policy says; returns where they lie now. `root` is the checkout.

    Raises GateError with one line.
    """
    if where.branch:
        return _on_branch(files, folder, run_id, where.branch, root)
    return _in_folder(files, folder, run_id, where, root)


def _in_folder(files: Sequence[str], folder: Path, run_id: str, where: Publish, root: Path) -> str:
    named = Path(os.path.normpath(root / str(where.folder)))
    asked, inside = f"publish.folder {where.folder}", named.resolve().is_relative_to(root.resolve())
    if not inside and not where.outside:
        raise GateError(f"{asked}: leads out of {root}; name a folder in it, or say outside: true beside it")
    if ".git" in named.parts or named.resolve().is_relative_to(folder.resolve()):
        raise GateError(f"{asked}: lies in git's own folder or among the results; name another")
    for name in files:
        path = named / run_id / name
        linked = next((one for one in (path, *path.parents) if one.is_relative_to(named) and one.is_symlink()), None)
        if linked:
            raise GateError(f"{linked}: a link, but documents are published as files; take it away")
    for name in files:
        write_whole(named / run_id / name, (folder / name).read_bytes())
    return typed(named / run_id)


def _on_branch(files: Sequence[str], folder: Path, run_id: str, branch: str, root: Path) -> str:
    """A commit made of objects alone: neither the files of a checkout nor its index are touched."""
    ref = f"refs/heads/{branch}"
    with tempfile.TemporaryDirectory() as scratch:

        def git(*command: str, text: str = "") -> str:
            return _git(command, root, text, Path(scratch) / "index")

        git("check-ref-format", ref)
        if there := git("for-each-ref", "--format=%(worktreepath)", ref):
            raise GateError(f"publish.branch {branch}: is checked out in {there}; name one that is not")
        before = git("for-each-ref", "--format=%(objectname)", ref)
        git("read-tree", *([before] if before else ["--empty"]))
        paths = "\n".join(str((folder / name).resolve()) for name in files)
        blobs = git("hash-object", "-w", "--no-filters", "--stdin-paths", text=paths).split()
        entries = (f"100644 {blob}\t{run_id}/{name}" for blob, name in zip(blobs, files, strict=True))
        git("update-index", "--index-info", text="\n".join(entries))
        tree = git("write-tree")
        if before and tree == git("rev-parse", f"{before}^{{tree}}"):
            return f"branch {branch}, as they were"
        parent = ["-p", before] if before else []
        made = git("commit-tree", tree, *parent, "-m", f"Documents of run {run_id}")
        git("update-ref", ref, made, before or "0" * len(made))
    return f"branch {branch}, commit {made[:12]}: {run_id}/"


def _git(command: Sequence[str], root: Path, text: str, index: Path) -> str:
    try:
        done = subprocess.run(
            ["git", *command], cwd=root, env={**os.environ, "GIT_INDEX_FILE": str(index)}, input=text, text=True,
            capture_output=True, check=True,
        )  # fmt: skip
    except FileNotFoundError:
        raise GateError("publish.branch: git is not installed; name a folder instead") from None
    except subprocess.CalledProcessError as error:
        said = clean(error.stderr.strip().partition("\n")[0]) or f"refuses {command[-1]}"
        raise GateError(f"publish.branch: git {command[0]}: {said}; mend that, or name a folder") from None
    return done.stdout.strip()
