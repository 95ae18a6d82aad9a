"""What do people read about a run's signature? Its words, known before anything is signed, and the files' names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

COMMAND = "python -m reports.attestation verify"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """How a run will be signed once it is attested: pages are written before that, with this on them."""

    words: str  # after "signed": by whom, and whether anybody vouches for the key
    trusted: bool
    run: str  # file in bundles/ of the run's statement
    decisions: Mapping[str, str]  # hero -> file in bundles/ of its decision's statement
    first: int  # number of the run's statement
