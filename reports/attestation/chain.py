"""Which statements were signed in an artifacts folder, in which order, and is the chain whole?

The chain is the files in bundles/: numbered from 000001, never moved or deleted, and each statement carries the sha256
of the payload before it. So none can be changed, dropped or swapped without a trace; only its end can be cut off, and
that shows against a head that was written down elsewhere.
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from evidence.files import write_synced
from gates.documents import require_regular
from gates.errors import ConfigError, GateError
from reports.attestation import signing
from reports.attestation.statements import PREDICATES, STATEMENT, encode, hero_of

BUNDLES, KEYS, SUFFIX = "bundles", "keys", ".sigstore.json"
_NAME = re.compile(rf"(\d{{6}})-({'|'.join(PREDICATES)})(?:-([a-z0-9_]+))?{re.escape(SUFFIX)}")
_PATIENCE = 30  # seconds: an append takes milliseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement of the chain, whose signature is by the key it names."""

    number: int
    kind: str
    hero: str  # "" for a whole run
    file: str  # its name in bundles/
    payload: bytes
    content: Mapping[str, Any]
    digest: str  # sha256 of the payload, hex
    keyid: str

    @property
    def predicate(self) -> Mapping[str, Any]:
        """What the statement says of its subjects."""
        predicate: Mapping[str, Any] = self.content["predicate"]
        return predicate

    @property
    def run_id(self) -> str:
        """The run that it belongs to, "" for what people said between runs."""
        return str(self.predicate.get("runId", ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """The statements that hold, in order, and every reason to doubt the chain, one line each."""

    statements: tuple[Statement, ...]
    problems: tuple[str, ...]
    head: str  # digest of the last statement, "" for an empty chain

    def find(self, digest: str) -> Statement | None:
        """The statement with this digest."""
        return next((s for s in self.statements if s.digest == digest), None)

    def of_run(self, run_id: str) -> tuple[Statement, ...]:
        """What was signed of one run."""
        return tuple(s for s in self.statements if s.run_id == run_id)

    def last(self, kind: str, hero: str = "") -> Statement | None:
        """The newest statement of a kind, about a hero where one is named."""
        return next((s for s in reversed(self.statements) if s.kind == kind and (not hero or s.hero == hero)), None)


def read(folder: Path) -> Chain:
    """The chain of an artifacts folder. Nothing that is found there is believed: what does not hold is a problem."""
    statements: list[Statement] = []
    problems: list[str] = []
    keys: dict[str, bytes] = {}
    expected, previous = 1, ""
    for path in _files(folder):
        named = _NAME.fullmatch(path.name)
        where = f"{BUNDLES}/{path.name}"
        if named is None:
            problems.append(f"{where}: not a name of the chain (NNNNNN-kind-hero{SUFFIX}); take it away")
            continue
        number = int(named[1])
        if number != expected:
            problems.append(
                f"{where}: {expected:06d} comes next; " + ("a statement is missing" if number > expected else "twice")
            )
            previous = "" if number == 1 else "?"
        expected = number + 1
        try:
            statement = _statement(path, number, named[2], named[3] or "", folder, keys)
        except signing.SigningError as error:
            problems.append(f"{where}: {error}")
            previous = _payload_digest(path)
            continue
        said = statement.predicate.get("previous")
        if previous != "?" and said != previous:
            problems.append(f"{where}: does not follow from the statement before it; the chain was rewritten here")
        previous = statement.digest
        statements.append(statement)
    return Chain(statements=tuple(statements), problems=tuple(problems), head=previous if previous != "?" else "")


def tip(folder: Path) -> tuple[int, str]:
    """Number and digest of the last statement, 0 and "" for none. Raises GateError where nothing can follow it."""
    if (folder / BUNDLES).exists() and not (folder / BUNDLES).is_dir():
        raise GateError(f"{folder / BUNDLES}: a file, but signed statements go to a folder of that name; move it away")
    last = _last(folder)
    if last is None:
        return 0, ""
    payload = _payload_digest(last)
    if payload == "?":
        raise GateError(
            f"{last}: not a signed statement, so none can follow it; put it back, or move {BUNDLES}/ away to begin anew"
        )
    return length(folder), payload


def length(folder: Path) -> int:
    """Number of the last statement, whatever it holds; 0 for none."""
    last = _last(folder)
    return int(last.name[:6]) if last else 0


def file_name(number: int, kind: str, hero: str = "") -> str:
    """How the file of a statement is called."""
    return f"{number:06d}-{kind}{f'-{hero}' if hero else ''}{SUFFIX}"


def append(
    folder: Path, kind: str, hero: str, statement: Mapping[str, Any], signer: signing.Signer, words: str = ""
) -> str:
    """Sign a statement as the next one of an artifacts folder and return its digest. The file is whole or not there.

    `words` say what is thought of the key now; a reader asks the trust root anew. Raises GateError or SigningError.
    """
    from filelock import FileLock, Timeout

    bundles, key = folder / BUNDLES, "made for this run" if signer.ephemeral else "configured"
    signed_by = {"keyid": signer.keyid, "key": key, "trust": words}
    try:
        (bundles / KEYS).mkdir(parents=True, exist_ok=True)
        with FileLock(bundles / ".lock", timeout=_PATIENCE):
            number, previous = tip(folder)
            predicate = {"signer": signed_by, **statement["predicate"], "previous": previous}
            payload = encode({**statement, "predicate": predicate})
            bundle = signer.sign(payload)
            public = key_file(folder, signer.keyid)
            if not public.exists():
                write_synced(public, signer.public)
            write_synced(bundles / file_name(number + 1, kind, hero), bundle)
    except Timeout:
        raise GateError(f"{bundles}: another process has been writing for {_PATIENCE} s; try again") from None
    except OSError as error:
        raise GateError(f"{bundles}: cannot be written ({error.strerror}); see to its permissions") from None
    return digest(payload)


@contextmanager
def owned(folder: Path) -> Iterator[None]:
    """Have an artifacts folder to oneself, as a run has: nothing is replaced between reading and appending."""
    from filelock import FileLock, Timeout

    lock = FileLock(folder / ".lock")
    try:
        if not folder.is_dir():
            raise FileNotFoundError
        lock.acquire(timeout=0)
    except OSError as error:
        why = "cannot be written; see that it is there, and to its permissions"
        if isinstance(error, Timeout):
            why = "a run or another command is writing there; wait for it"
        raise GateError(f"{folder}: {why}") from None
    try:
        yield
    finally:
        lock.release()


def key_file(folder: Path, keyid: str) -> Path:
    """Where the public half of a key lies beside what it signed."""
    return folder / BUNDLES / KEYS / f"{keyid[:16]}.pub.pem"


def digest(payload: bytes) -> str:
    """How the chain names a statement, and a statement its subjects: sha256, hex."""
    return sha256(payload).hexdigest()


def _files(folder: Path) -> list[Path]:
    return sorted((folder / BUNDLES).glob(f"*{SUFFIX}"))


def _last(folder: Path) -> Path | None:
    return next((path for path in reversed(_files(folder)) if _NAME.fullmatch(path.name)), None)


def _statement(path: Path, number: int, kind: str, hero: str, folder: Path, keys: dict[str, bytes]) -> Statement:
    """Read one file; `keys` keeps the public keys read so far. Raises SigningError for what does not hold."""
    try:
        sealed = signing.read_bundle(_bytes(path))
        if sealed.keyid not in keys:
            file = key_file(folder, sealed.keyid)
            if not file.exists():
                raise signing.SigningError(f"its public key {KEYS}/{file.name} is not there; put it back")
            keys[sealed.keyid] = _bytes(file)
        signing.check_signature(sealed, keys[sealed.keyid])
    except OSError as error:
        raise signing.SigningError(f"cannot be read ({error.strerror})") from None
    content = _parse(sealed.payload)
    about = hero_of(content)
    if content.get("predicateType") != PREDICATES[kind] or about != hero:
        what = f"{content.get('predicateType')} about {about or 'a run'}"
        raise signing.SigningError(f"holds {what}, not what the file's name says; put the file back under its own name")
    if content["predicate"]["signer"].get("keyid") != sealed.keyid:
        raise signing.SigningError("the statement names another key than the one that signed it")
    return Statement(
        number=number,
        kind=kind,
        hero=hero,
        file=path.name,
        payload=sealed.payload,
        content=content,
        digest=digest(sealed.payload),
        keyid=sealed.keyid,
    )


def _parse(payload: bytes) -> dict[str, Any]:
    """The statement in a payload. Raises SigningError unless it is one in canonical JSON."""
    try:
        content: dict[str, Any] = json.loads(payload)
        fine = encode(content) == payload and content["_type"] == STATEMENT
        fine = fine and isinstance(content["predicate"], dict) and isinstance(content["predicate"]["signer"], dict)
    except (ValueError, KeyError, TypeError, RecursionError):
        fine = False
    if not fine:
        raise signing.SigningError("signed, but not an in-toto statement of this gate in canonical JSON")
    return content


def _payload_digest(path: Path) -> str:
    """The digest that the next statement must carry, "?" where the file is not even a bundle."""
    try:
        return digest(signing.read_bundle(_bytes(path)).payload)
    except (OSError, signing.SigningError):
        return "?"


def _bytes(path: Path) -> bytes:
    """What a file holds. Raises SigningError for a pipe or a device, at which one may wait for ever, and OSError."""
    try:
        require_regular(path)
    except ConfigError as error:
        raise signing.SigningError(error.mistakes[0].removeprefix(f"{path}: ")) from None
    return path.read_bytes()
