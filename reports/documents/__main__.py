"""Which documents does a run have? `python -m reports.documents` writes them anew from what was signed of it."""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from gates.archive import folder
from gates.errors import GateError
from gates.place import HERE
from gates.policy import load_policy
from reports.attestation import trust
from reports.attestation.documents import FOLDER
from reports.documents.publish import published
from reports.documents.writing import DOCUMENTS, write_documents
from reports.escaping import clean, typed


def main(arguments: Sequence[str]) -> int:
    """0 when they are written and signed, 1 with a line when they are not."""
    parser = argparse.ArgumentParser(prog=HERE.typed("python -m reports.documents"), description=HERE.typed(__doc__))
    parser.add_argument("--artifacts", type=folder, default=Path("reports/out"), help="where the run lies")
    parser.add_argument("--configs", type=Path, default=Path("configs"), help="whose state says what was promoted")
    parser.add_argument("--trust", type=Path, help="trust root (default: configs/trusted_keys.json)")
    given = parser.parse_args(arguments)
    try:
        where = load_policy(given.configs / "policy.yaml").publish
        written = write_documents(given.artifacts, given.configs, trust.read_trust(given.trust), datetime.now(UTC))
        print(
            f"documents  {len(DOCUMENTS)} of run {written.run_id}: {typed(given.artifacts / FOLDER)}, Markdown and HTML"
        )
        print(f"signed     {clean(written.signed)}")
        if where:
            print(f"published  {clean(published(written.files, given.artifacts, written.run_id, where, Path.cwd()))}")
    except (GateError, OSError) as error:
        print(clean(str(error).splitlines()[0]), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
