"""Reads one YAML document strictly: safe tags only, no duplicate keys, every mistake of the file reported together."""

import copy
import functools
import json
import re
import stat
from collections.abc import Hashable, Mapping
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, TypeVar
from zoneinfo import ZoneInfo

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from gates.errors import ConfigError
from gates.extras import with_way_out


class Document(BaseModel):
    """Base of every configuration model: unknown keys, NaN and inf are mistakes, values do not change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


Model = TypeVar("Model", bound=BaseModel)
Share = Annotated[float, Field(gt=0, lt=1)]


class Weaker(Enum):
    """On which side of a limit is another one weaker? Beside its bounds: gates/weaker.py compares policies by it."""

    ABOVE = "above"
    BELOW = "below"


#: Half of what can be lost, late or wrong is beyond any limit that was meant.
AtMost = Annotated[float, Field(gt=0, le=0.5), Weaker.ABOVE]
AtLeast = Annotated[float, Field(ge=0.5, lt=1), Weaker.BELOW]
#: Subtracted from a stream that reaches down to -1: what is left stays above the -1/.9 that the stakes allow.
Small = Annotated[float, Field(gt=0, le=0.1), Weaker.ABOVE]
#: Points lost that are no fault; as small, for the same reason.
Tolerated = Annotated[float, Field(ge=0, le=0.1), Weaker.ABOVE]
#: Nobody waits longer than a minute for a search.
Milliseconds = Annotated[float, Field(gt=0, le=60_000), Weaker.ABOVE]
Floor = Annotated[float, Field(ge=0, le=60_000), Weaker.ABOVE]


def _check_zone(name: str) -> str:
    """Raises ValueError for a legacy name, as `EST` (the same offset all summer) and `US/Eastern`."""
    if name != "UTC" and ("/" not in name or name.startswith("US/")):
        raise ValueError("no Area/City, so no clock that people live by; write one, as in America/New_York, or UTC")
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError):  # no such name; a folder of names; a name that leaves the folder
        raise ValueError(
            "no such time zone on this machine; write Area/City as in America/New_York, or install tzdata"
        ) from None
    return name


Zone = Annotated[str, AfterValidator(_check_zone)]
#: One line that says something.
Text = Annotated[str, Field(min_length=1, pattern=r"^[^\n]*\S[^\n]*$")]
#: In people's words: at least one of a few letters.
Reason = Annotated[str, Field(pattern=r"\w\w\w")]


#: Bytes that a configuration file may have.
MOST_BYTES = 4 << 20
#: What is a number or a truth value; all else is the text that it looks like, which no number or truth value may be.
_PLAIN = {
    "tag:yaml.org,2002:int": re.compile(r"[-+]?(0|[1-9][0-9]*)"),
    "tag:yaml.org,2002:float": re.compile(r"[^:_]*"),
    "tag:yaml.org,2002:bool": re.compile("true|false"),
}


class _StrictLoader(yaml.SafeLoader):
    """PyYAML's safe loader that refuses a key given twice (PyYAML keeps the last one silently), anchors and aliases.

    PyYAML also reads 010 as 8, 22:15 as 1335 and yes as true; here they stay the texts that they look like.
    """

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        plain = _PLAIN.get(node.tag)
        return super().construct_object(node, deep) if plain is None or plain.fullmatch(node.value) else node.value

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if getattr(event, "anchor", None) is not None:
            problem = f"anchor or alias {event.anchor!r}; write the value where it is meant"
            raise yaml.composer.ComposerError(None, None, problem, event.start_mark)
        if getattr(event, "tag", None) is not None:  # of which !!binary and !!set make what no document of ours holds
            problem = f"tag {event.tag!r}; write the value without it"
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


@functools.lru_cache(maxsize=16)
def _loaded(text: str) -> Any:
    """A run reads its policy five times, at a fiftieth of a second each."""
    return yaml.load(text, Loader=_StrictLoader)  # noqa: S506 - a SafeLoader that also refuses duplicate keys


def require_regular(path: Path, most: int = MOST_BYTES) -> None:
    """Refuse what could hang or fill whoever reads it: a pipe, a device, a file of any size.

    Raises ConfigError, and OSError where there is no such file.
    """
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise ConfigError([f"{path}: not a regular file; name one that is"])
    if found.st_size > most:
        raise ConfigError([f"{path}: {found.st_size:,} bytes, but should have at most {most:,}; is it the file meant?"])


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a mapping from a YAML file. Raises ConfigError naming the file, the line and the way out."""
    try:
        require_regular(path)
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        there = ", ".join(sorted(p.name for p in path.parent.glob("*.yaml"))) or "no YAML file"
        raise ConfigError([f"{path}: no such file; {path.parent} holds {there}"]) from None
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read ({error.strerror}); name a file that can"]) from None
    except UnicodeDecodeError as error:
        raise ConfigError([f"{path}: cannot be read ({error}); write it as UTF-8 text"]) from None
    try:
        document = copy.deepcopy(_loaded(text))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f":{mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise ConfigError([f"{path}{where}: not YAML that can be read safely: {problem}"]) from None
    except RecursionError:
        raise ConfigError([f"{path}: is nested too deeply; nothing of ours nests more than a few levels"]) from None
    except ValueError as error:  # a number of thousands of digits, a day that no calendar has
        raise ConfigError([f"{path}: cannot be read ({str(error).partition(';')[0]})"]) from None
    if not isinstance(document, dict):
        kind = "an empty file" if document is None else type(document).__name__
        raise ConfigError([f"{path}: {kind}, but should be a mapping of keys; start from configs/lexical_pack_a.yaml"])
    return document


def read_model(path: Path, model: type[Model]) -> Model:
    """Read a YAML file into a pydantic model. Raises ConfigError with one line for each mistake of the file."""
    return checked(read_yaml(path), model, str(path))


def checked(document: dict[str, Any], model: type[Model], source: str) -> Model:
    """The same of what was read already. A number in quotes is text, and true is no number."""
    try:
        # as JSON, whose lists may become tuples and whose texts times where all else is strict
        return model.model_validate_json(json.dumps(document, default=_time), strict=True)
    except ValidationError as error:
        raise ConfigError(mistakes(source, error, model)) from None


def mistakes(source: str, error: ValidationError, model: type[BaseModel]) -> list[str]:
    """One line for each mistake: where, what was given, what is expected."""
    return [with_way_out(_mistake(source, item, model)) for item in error.errors()]


def _time(value: Any) -> str:
    return str(value.isoformat())  # the one thing that safe YAML has and JSON has not: dates and times


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


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A document with what another one says in addition."""
    found = dict(base)
    for key, value in changes.items():
        deeper = isinstance(value, Mapping) and isinstance(found.get(key), dict)
        found[key] = merged(found[key], value) if deeper else value
    return found
