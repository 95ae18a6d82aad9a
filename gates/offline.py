"""What does a policy of mode `offline` say, and what does it leave unsaid? One look at a few judged queries.

It names the losses that it asks, with their margins; a ladder, instruments and a battery it has none. What it does not
say is completed here, so that everything downstream reads one kind of policy (gates.policy).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from gates.checks.known_answers import KnownAnswers
from gates.checks.lock import Lock
from gates.checks.stop_rule import StopRule
from gates.documents import Document, Weaker, merged, read_yaml
from gates.errors import ConfigError

OFFLINE = "offline"
TEMPLATES = Path(__file__).parent / "templates"
#: Asked in this mode of whatever may be promoted.
KEPT = (Lock.key, KnownAnswers.key, StopRule.key)
MOST = 100_000  # judged queries that are looked at once
#: In the place of a ladder: one step, one window of whatever there is.
ONE_LOOK: dict[str, Any] = dict(
    steps=[100], window=MOST, min_windows=1, max_windows=1, total_windows=1, red_every=MOST, aa_every=100,
    preflight=50, calibration_looks_every=1,
)  # fmt: skip
_BLOCKS = ("gates", "guards", "slices", "instruments")


class Offline(Document):
    """How the one look is taken, and what becomes of a PROMOTE by it."""

    final: Annotated[bool, Weaker.ABOVE] = False  # may it be promoted, or does it open a canary's first step?
    unjudged: Literal["bounded", "not-relevant"] = "bounded"  # may a hit that nobody judged be relevant?
    counted: Annotated[bool, Weaker.BELOW] = True  # is each different hero on these judgements charged?
    #: Check -> the loss beyond which a hero is rolled back; of others beyond their margin.
    tolerated_loss: dict[str, Annotated[float, Field(ge=0, le=0.5)]] = Field(default={})
    asks: tuple[str, ...] = ()  # what the policy names, and what is always asked: no file says so
    chosen_after_looking: bool = False  # the margins, by compare; no policy in a file may say so


def completed(document: Mapping[str, Any], path: Path | str = "") -> dict[str, Any]:
    """A policy of this mode with everything that it does not say; any other as it is.

    Raises ConfigError for what no file says, as of this path.
    """
    said = document.get(OFFLINE)
    for key in ("asks", "chosen_after_looking"):
        if isinstance(said, Mapping) and key in said:
            raise ConfigError([f"{path}: offline.{key}: no file says so; take it out"])
    if document.get("mode") != OFFLINE:
        return dict(document)
    if "ladder" in document:
        raise ConfigError([f"{path}: ladder: mode offline looks once and has none; take it out"])
    template = read_yaml(TEMPLATES / "canary.yaml")
    unsaid = {**template, "ladder": ONE_LOOK, "slices": {**template["slices"], "intents": []}, "characteristics": ""}
    unsaid["slices"] |= {key: {**unsaid["slices"][key], "tolerated_loss": {}} for key in ("recall", "ndcg")}
    for own in ("heroes", "baseline", "promotion"):
        unsaid.pop(own)
    whole = merged({**unsaid, OFFLINE: {}}, document)
    for key, said in _blocks(document.get("gates")).items():  # the last step is the only one
        if "margin" in said and "final_margin" not in said:
            whole["gates"][key]["final_margin"] = said["margin"]
    if isinstance(whole[OFFLINE], dict):
        whole[OFFLINE]["asks"] = [*KEPT, *_named(document)]
    return whole


def require_one_look(
    mode: str, offline: Offline | None, ladder: Mapping[str, Any], asked: Mapping[str, Any], losses: Collection[str],
    intents: Sequence[str],
) -> None:  # fmt: skip
    """Raises ValueError where a policy of this mode asks for more than losses, or one of another speaks of it.

    `asked` are the limits of what is asked of pairs, by check; `losses` are those of which a mean loss is asked.
    """
    if mode != OFFLINE:
        if offline is not None:
            raise ValueError(f"offline is of mode offline, but the mode is {mode}; take it out")
        return
    if offline is None:
        raise ValueError("offline is missing, which mode offline asks for")
    if ladder != ONE_LOOK:
        raise ValueError("ladder: mode offline looks once and has none; take it out")
    if others := [key for key in asked if key not in losses]:
        raise ValueError(f"mode offline asks for losses alone, {', '.join(others)} is none; take it out")
    if intents:
        raise ValueError("slices.intents: mode offline asks nothing by intent, its page shows each; take it out")
    if not losses:
        raise ValueError("mode offline asks what is named: name a loss with its margin, as the guard of nDCG")
    if more := sorted(set(offline.tolerated_loss) - set(losses)):
        raise ValueError(f"offline.tolerated_loss names {', '.join(more)}; asked are {', '.join(losses)}")
    if odd := [key for key in losses if getattr(asked[key], "tolerated_loss", 0)]:
        raise ValueError(f"tolerated_loss of {odd[0]} stands under offline.tolerated_loss in this mode")


def _named(document: Mapping[str, Any]) -> Iterator[str]:
    for block in _BLOCKS:
        yield from _blocks(document.get(block))


def _blocks(said: Any) -> dict[str, Mapping[str, Any]]:
    return {key: of for key, of in said.items() if isinstance(of, Mapping)} if isinstance(said, Mapping) else {}
