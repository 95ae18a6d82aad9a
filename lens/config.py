"""What can be tuned in this search system? The `selected` block of a pack, read strictly."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lens.intent import Intent

Positive = Annotated[int, Field(gt=0)]
Intents = Annotated[tuple[Intent, ...], Field(strict=False)]  # YAML has lists


class ConfigBlock(BaseModel):
    """Base of every block: unknown keys are mistakes, nothing is converted silently, values stay as read."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Lexical(ConfigBlock):
    """BM25 and the proximity boost of its best candidates."""

    name_weight: Annotated[float, Field(ge=0, le=10)]  # of a term in the function's name; 1 in its body
    phrase_boost: Annotated[float, Field(ge=1, le=2)]  # factor when all terms stand in one window; 1 is off
    window_tokens: Annotated[int, Field(ge=2, le=64)]
    proximity_weight: Annotated[float, Field(ge=0, le=1)]  # how much of the boost goes by the share of terms together
    intents: Intents  # the boost is for queries of these

    @property
    def boosts(self) -> bool:
        return self.phrase_boost > 1 and bool(self.intents)


class Router(ConfigBlock):
    """Whether the dense side is asked at all. Disabled: for every query."""

    enabled: bool
    tau: Annotated[float, Field(ge=0, le=1)]  # lexical confidence from which on the lexical answer stands
    spend_cap_ms: Annotated[float, Field(gt=0)]
    never: Intents  # queries of these are answered lexically


class ProductQuantiser(ConfigBlock):
    """What is done about the loss of the compressed vectors."""

    refine_topk: Annotated[int, Field(ge=0, le=1000)]  # so many best candidates are scored again exactly


class Ann(ConfigBlock):
    """The dense side: how far it searches and how much it counts."""

    efSearch: Positive
    fusion_weight: Annotated[float, Field(ge=0, le=10)]  # of the dense score; 1 for the lexical one
    pq: ProductQuantiser


class Config(ConfigBlock):
    """One configuration. The three files are paths relative to the pack's folder."""

    system: Literal["lens"]
    corpus: str
    weights: str
    calibrator: str
    lexical: Lexical
    router: Router
    ann: Ann


def parse(selected: Mapping[str, Any]) -> Config:
    """The configuration of a `selected` block. Raises ValueError with one line for each mistake."""
    try:
        return Config.model_validate(selected)
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, e['loc']))}: {_said(e)}" for e in error.errors()]
        raise ValueError("\n".join(lines)) from None


def _said(error: Any) -> str:
    if error["type"] == "missing":
        return "missing; add it"
    if error["type"] == "extra_forbidden":
        return "unknown key; remove it, or see configs/baseline.yaml for the keys there are"
    return f"{error['input']!r}: {error['msg']}"
