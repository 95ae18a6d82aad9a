"""Reads one YAML document strictly: safe tags only, no duplicate keys, every mistake of the file reported together."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gates.errors import ConfigError


class Document(BaseModel):
    """Base of every configuration model: unknown keys, NaN and inf are mistakes, values do not change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


Model = TypeVar("Model", bound=BaseModel)
Share = Annotated[float, Field(gt=0, lt=1)]
#: Subtracted from a stream that reaches down to -1: what is left stays above the -1/.9 that the stakes allow.
Small = Annotated[float, Field(gt=0, le=0.1)]
#: Points lost that are no fault; as small, for the same reason.
Tolerated = Annotated[float, Field(ge=0, le=0.1)]


class _StrictLoader(yaml.SafeLoader):
    """PyYAML's safe loader that refuses a key given twice (PyYAML keeps the last one silently), anchors and aliases."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if getattr(event, "anchor", None) is not None:
            problem = f"anchor or alias {event.anchor!r}; write the value where it is meant"
            raise yaml.composer.ComposerError(None, None, problem, event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} is not text", key_node.start_mark)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} is given twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a mapping from a YAML file. Raises ConfigError naming the file, the line and the way out."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        there = ", ".join(sorted(p.name for p in path.parent.glob("*.yaml"))) or "no YAML file"
        raise ConfigError([f"{path}: no such file; {path.parent} holds {there}"]) from None
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read ({error.strerror}); name a file that can"]) from None
    except UnicodeDecodeError as error:
        raise ConfigError([f"{path}: cannot be read ({error}); write it as UTF-8 text"]) from None
    try:
        document = yaml.load(text, Loader=_StrictLoader)  # noqa: S506 - a SafeLoader that also refuses duplicate keys
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f":{mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise ConfigError([f"{path}{where}: not YAML that can be read safely: {problem}"]) from None
    if not isinstance(document, dict):
        kind = "an empty file" if document is None else type(document).__name__
        raise ConfigError([f"{path}: {kind}, but should be a mapping of keys; start from configs/lexical_pack_a.yaml"])
    return document


def read_model(path: Path, model: type[Model]) -> Model:
    """Read a YAML file into a pydantic model. Raises ConfigError with one line for each mistake of the file."""
    document = read_yaml(path)
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise ConfigError(mistakes(str(path), error, model)) from None


def mistakes(source: str, error: ValidationError, model: type[BaseModel]) -> list[str]:
    """One line for each mistake: where, what was given, what is expected."""
    return [_mistake(source, item, model) for item in error.errors()]


def _mistake(path: str, item: Any, model: type[BaseModel]) -> str:
    place = ".".join(str(part) for part in item["loc"]) or "(the whole file)"
    if item["type"] == "extra_forbidden":
        return f"{path}: {place}: unknown key; {_known(model, item['loc'])}"
    if item["type"] == "missing":
        return f"{path}: {place}: missing; add it"
    given = item.get("input")
    shown = "" if isinstance(given, dict) else f"{given!r}: "
    return f"{path}: {place}: {shown}{item['msg'].removeprefix('Value error, ')}"


def _known(model: type[BaseModel], location: tuple[int | str, ...]) -> str:
    """What may stand where an unknown key was found."""
    here: Any = model
    for part in location[:-1]:
        field = getattr(here, "model_fields", {}).get(part)
        here = field.annotation if field else None
    fields = getattr(here, "model_fields", None)
    return f"known here: {', '.join(sorted(f.alias or name for name, f in fields.items()))}" if fields else "remove it"
