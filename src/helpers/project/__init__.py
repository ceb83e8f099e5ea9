"""What an analysis is: `data/<project>/project.yml`, read and checked into one object.

Every field has its default, its unit and a sentence of help, so that a mistake can be answered with the file, the field, the
value and the remedy.
"""

import difflib
import re
import typing
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from pydantic import BaseModel, ValidationError

from helpers import NinefoldError, home
from helpers.project.checks import check_segments, check_sources, check_texts
from helpers.project.contract import CONTRACT
from helpers.project.fields import Decision, Section
from helpers.project.only import read_only, restricted, whole
from helpers.project.sections import Filter, Objective, Project
from helpers.project.sources import Lookup, Source

__all__ = ["CONTRACT", "Decision", "Filter", "Lookup", "Objective", "Project", "Section", "Source", "available", "instant", "load", "read"]


GIVEN = ("name", "file", "only")
"""Fields of a project that its place gives, not its file."""


class _Reader(yaml.SafeLoader):
    """YAML in which a key typed twice is an error, `yes` and `no` are words as in YAML 1.2, and a date that no calendar has stays text,
    for its field's check to name."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:bool"]
        for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node, deep=False):
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen and key.value != "<<":
                raise yaml.constructor.ConstructorError(None, None, f"{key.value} stands here a second time", key.start_mark)
            seen.add(key.value if isinstance(key, yaml.ScalarNode) else id(key))
        return super().construct_mapping(node, deep=deep)

    def construct_yaml_timestamp(self, node):
        try:
            return super().construct_yaml_timestamp(node)
        except ValueError:
            return node.value


_Reader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))
_Reader.add_constructor("tag:yaml.org,2002:timestamp", _Reader.construct_yaml_timestamp)


def available() -> list[str]:
    """Names of the projects that have a project.yml, sorted."""
    return sorted(path.parent.name for path in (home() / "data").glob("*/project.yml"))


def load(name: str) -> Project:
    """Read and check `data/<name>/project.yml`; of a part such as `shop/each/country/france` that of `shop`, restricted to the part.

    Raises NinefoldError for an unknown project, a file that is not YAML, a field that is missing, unknown or has a wrong value.
    """
    shown = f"data/{whole(str(name))}/project.yml"
    path = home() / shown
    if not path.is_file():
        near = difflib.get_close_matches(str(name), available(), n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise NinefoldError(f"Unknown project {name!r}: there is no {shown}.{hint} Known: {', '.join(available()) or 'none'}.")
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise NinefoldError(f"{shown}, line {line}: not UTF-8 text. Save the file as UTF-8 and run again.") from error
    return read(text, name=str(name), shown=shown)


def read(text: str, *, name: str, shown: str) -> Project:
    """A project from the text of its project.yml.

    name, shown   of the project, and of its file as messages name it
    Raises NinefoldError as `load` does.
    """
    try:
        content = yaml.load(text, Loader=_Reader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error)
        raise NinefoldError(f"{shown}{where}: not readable as YAML ({problem}). Mend that line and run again.") from error
    if not isinstance(content, dict):
        raise NinefoldError(f"{shown}: expected fields such as `title:`, found {content!r}. Copy data/complete_journey/project.yml.")
    for key in content:
        if not isinstance(key, str) or key in GIVEN:
            raise NinefoldError(f"{shown}: field {key} is unknown. Fields are words, and the folder gives `name` and `file`: take it out.")
    check_texts(content, shown)
    try:
        project = Project(**content, name=name, file=shown)
    except ValidationError as error:
        raise NinefoldError(_explain(shown, error)) from error
    check_sources(project)
    check_segments(project)
    only = read_only(name)
    return project if only is None else restricted(project, only)


def instant(as_of: str | date | datetime | None, project: Project) -> datetime:
    """The first instant not counted, as wall-clock time of the project's zone (midnight unless it names a time).

    Raises NinefoldError when it is not a date.
    """
    value = project.as_of if as_of in (None, "") else as_of
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError as error:
            raise NinefoldError(f"as_of: {value!r} is not a date. Write it as YYYY-MM-DD, for example 2017-10-01.") from error
    if not isinstance(value, datetime):
        if not isinstance(value, date):
            raise NinefoldError(f"as_of: {value!r} is not a date. Write it as YYYY-MM-DD, for example 2017-10-01.")
        value = datetime.combine(value, time())
    if value.tzinfo is not None:
        value = value.astimezone(ZoneInfo(project.time_zone)).replace(tzinfo=None)
    return value


def _explain(shown: str, error: ValidationError) -> str:
    """One line a fault: file, field, value, remedy."""
    lines = []
    for fault in error.errors():
        place = ".".join(str(part) for part in fault["loc"] if part != "[key]")
        value, kind = fault["input"], fault["type"]
        if kind == "missing":
            lines.append(f"{shown}: field {place} is missing: add it. {_help(fault['loc'])}")
        elif kind == "extra_forbidden":
            near = difflib.get_close_matches(str(fault["loc"][-1]), _fields(fault["loc"][:-1]), n=1)
            remedy = f"did you mean {near[0]}?" if near else f"known here: {', '.join(_fields(fault['loc'][:-1]))}."
            lines.append(f"{shown}: field {place} is unknown; {remedy}")
        else:
            shown_value = repr(value) if len(repr(value)) <= 80 else repr(value)[:77] + "…"
            message = fault["msg"].removeprefix("Value error, ")
            message += "" if message.endswith("?") else "."
            message += _near(value, fault) if kind == "literal_error" else ""
            message += _quotes(value, fault) if kind == "string_type" else ""
            lines.append(f"{shown}: field {place or '(top)'} has the value {shown_value}: {message} {_help(fault['loc'])}".rstrip())
    return "\n".join(dict.fromkeys(lines))


def _quotes(value: Any, fault: dict) -> str:
    """YAML reads an id of digits as a number (00123 even as another one), so it is for people to say that it is text."""
    number = isinstance(value, int | float) and not isinstance(value, bool) and "[key]" not in fault["loc"]
    return " It was read as a number: write it in quotes, as it stands in the files." if number else ""


def _near(value: Any, fault: dict) -> str:
    """The one of the words that are possible here that looks like what was typed; what is possible stands in the message."""
    possible = re.findall("'([^']+)'", fault["ctx"]["expected"])
    near = difflib.get_close_matches(str(value).lower(), possible, n=1)
    return f" Did you mean {near[0]}?" if near else ""


def _model_at(loc: tuple) -> type[BaseModel] | None:
    """The section that a place in project.yml belongs to."""
    model: Any = Project
    for part in loc:
        if isinstance(part, int) or not (isinstance(model, type) and issubclass(model, BaseModel)):
            continue
        field = _field(model, part)
        if field is None:
            return None
        inner = [field.annotation, *typing.get_args(field.annotation)]
        found = [a for a in inner if isinstance(a, type) and issubclass(a, BaseModel)]
        model = found[0] if found else field.annotation
        if found and typing.get_origin(field.annotation) is dict:
            return _after_key(found[0], loc[loc.index(part) + 2 :])
    return model if isinstance(model, type) and issubclass(model, BaseModel) else None


def _after_key(model: type[BaseModel], rest: tuple) -> type[BaseModel] | None:
    """As `_model_at`, below a key that people chose themselves (the name of a source)."""
    for part in rest:
        if isinstance(part, int):
            continue
        field = _field(model, part)
        found = [a for a in typing.get_args(field.annotation) if isinstance(a, type) and issubclass(a, BaseModel)] if field else []
        if not found:
            return model if field else None
        model = found[0]
    return model


def _field(model: type[BaseModel], key: Any):
    """The field that a key of project.yml stands for; pydantic keeps the name `validate` for itself, so that one has an alias."""
    return model.model_fields.get(str(key)) or next((f for f in model.model_fields.values() if f.alias == key), None)


def _fields(loc: tuple) -> list[str]:
    model = _model_at(loc)
    return [field.alias or name for name, field in model.model_fields.items() if model is not Project or name not in GIVEN] if model else []


def _help(loc: tuple) -> str:
    """The sentence of help of the field at this place, with its default."""
    names = [part for part in loc if isinstance(part, str)]
    for cut in range(len(loc), 0, -1):
        model = _model_at(loc[: cut - 1])
        field = _field(model, loc[cut - 1]) if model else None
        if field is not None and field.description:
            default = "" if field.is_required() or field.default in (None, "", [], {}) else f" Default: {field.default}."
            return field.description + default
    return f"See data/complete_journey/project.yml for an example of {names[-1]}." if names else ""
