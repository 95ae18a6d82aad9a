"""Does the chain stay one chain whoever appends to it, and is what it costs paid only where it is needed?"""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gates.errors import GateError
from reports.attestation import chain
from reports.attestation.signing import SigningError
from reports.attestation.statements import said_statement
from tests.reports.signed import SIGNER, bundles


def promotion(number: int = 0) -> dict[str, object]:
    said = {"by": f"Ann {number}", "createdOn": "2026-12-02T00:00:00+00:00"}
    return said_statement("promotion", "lexical", said)


def append(folder: Path, number: int = 0) -> str:
    return chain.append(folder, "promotion", "lexical", promotion(number), SIGNER)


def test_each_statement_carries_the_digest_of_the_one_before(tmp_path: Path) -> None:
    assert chain.read(tmp_path) == chain.Chain(statements=(), problems=(), head="")
    digests = [append(tmp_path, number) for number in range(3)]
    whole = chain.read(tmp_path)
    assert [s.digest for s in whole.statements] == digests
    assert [s.predicate["previous"] for s in whole.statements] == ["", *digests[:-1]]
    assert whole.head == digests[-1]
    assert chain.tip(tmp_path) == (3, digests[-1])
    assert whole.find(digests[1]) == whole.statements[1]
    assert whole.last("promotion", "lexical") == whole.statements[2]
    assert whole.last("promotion", "router") is whole.last("run") is None


def test_many_at_once_still_make_one_chain(tmp_path: Path) -> None:
    with ThreadPoolExecutor(6) as pool:
        digests = set(pool.map(lambda number: append(tmp_path, number), range(24)))
    whole = chain.read(tmp_path)
    assert not whole.problems
    assert {s.digest for s in whole.statements} == digests
    assert len(digests) == 24


def test_what_cannot_be_signed_leaves_the_chain_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    append(tmp_path)
    before = [(path, path.read_bytes()) for path in bundles(tmp_path)]

    def refuse(payload: bytes) -> None:
        raise TimeoutError("credentials: SECRET")

    monkeypatch.setattr(SIGNER.holder, "sign", refuse)
    with pytest.raises(SigningError, match=r"cannot sign \(TimeoutError\)") as raised:
        append(tmp_path)
    assert "SECRET" not in str(raised.value)
    assert [(path, path.read_bytes()) for path in bundles(tmp_path)] == before


def test_nothing_follows_what_is_no_statement(tmp_path: Path) -> None:
    append(tmp_path)
    bundles(tmp_path)[0].write_text("{}")
    with pytest.raises(GateError, match=r"move bundles/ away to begin anew"):
        append(tmp_path)


def test_half_a_file_of_a_killed_process_is_no_statement(tmp_path: Path) -> None:
    append(tmp_path)
    (tmp_path / "bundles" / "000002-promotion-lexical.sigstore.json.tmp").write_text('{"media')
    assert not chain.read(tmp_path).problems
    append(tmp_path)
    assert len(chain.read(tmp_path).statements) == 2


@pytest.mark.parametrize("name", ["notes.sigstore.json", "000002-praise.sigstore.json", "2-run.sigstore.json"])
def test_a_file_of_another_name_is_a_problem(name: str, tmp_path: Path) -> None:
    append(tmp_path)
    (tmp_path / "bundles" / name).write_bytes(bundles(tmp_path)[0].read_bytes())
    (problem,) = chain.read(tmp_path).problems
    assert problem.startswith(f"bundles/{name}: not a name of the chain")


def test_workers_and_pages_do_not_load_cryptography(root: Path) -> None:
    code = "import sys, reports.plugin; print([m for m in ('cryptography', 'securesystemslib') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
