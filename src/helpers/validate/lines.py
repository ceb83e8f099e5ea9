"""A YAML text with something put in, every other byte kept: comments, order, quotes, line ends.

PyYAML's events say where each value begins and ends in the text. What they cannot place (an alias, a merge) is refused, and the
caller reads the result again and compares.
"""

import json
import re
from dataclasses import dataclass, field
from datetime import date

import yaml

INDENT = 2
_LINE_END = re.compile(r"[\r\n\x85\u2028\u2029]|\Z")
_PLAIN_KEY = re.compile(r"(?!(?:y|n|yes|no|on|off|true|false|null)$)[a-z_][a-z0-9_]*", re.IGNORECASE)


class NoPlaceError(Exception):
    """The text is written in a way into which nothing can be put by its marks."""


@dataclass
class Node:
    """A value of the text: where it begins and ends (`at`, `end`; ends without trailing comments), and what is in it.

    kind    "scalar", "alias", "mapping" (keys and values) or "sequence" (values)
    column  of its first character;  line_start: whether its end is the start of a line (a block scalar's is)
    plain   a scalar without quotes
    """

    kind: str
    at: int
    end: int
    column: int
    flow: bool = False
    line_start: bool = False
    plain: bool = False
    text: str = ""
    keys: list["Node"] = field(default_factory=list)
    values: list["Node"] = field(default_factory=list)

    def get(self, name: str) -> "Node | None":
        return next((v for k, v in zip(self.keys, self.values, strict=True) if k.kind == "scalar" and k.text == name), None)

    @property
    def empty(self) -> bool:
        """Whether nothing is typed here, or a plain null."""
        return self.plain and self.text in ("", "~", "null", "Null", "NULL")


def read(text: str) -> Node:
    """The tree of a text with one document; NoPlaceError when that is no mapping."""
    events = yaml.parse(text, Loader=yaml.SafeLoader)
    root = None
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            root = _node(next(events), events)
    if root is None or root.kind != "mapping":
        raise NoPlaceError("no mapping at the top")
    return root


def put(text: str, path: tuple[str, ...], value, *, order: dict[str, tuple[str, ...]]) -> str:
    """The text in which `value` stands at this path, in place of what stood there; what is missing on the way is made.

    value   a mapping, a list or a scalar
    order   name on the path → names that come before it, where its parent has any of them
    """
    node = read(text)
    for depth, name in enumerate(path):
        found = node.get(name)
        if found is None or found.empty:
            for inner in reversed(path[depth + 1 :]):
                value = {inner: value}
            return _filled(text, node, name, found, value) if found else _added(text, node, name, value, order.get(name, ()), top=not depth)
        node = found
        if node.kind != "mapping" and depth < len(path) - 1:
            raise NoPlaceError(".".join(path[: depth + 1]))
    if node.kind == "mapping" and not node.flow and isinstance(value, dict):
        written = f"{_newline(text, node.end)}{' ' * node.column}".join(_block(value))
    else:
        written = _flow(value)
    return text[: node.at] + written + text[node.end :]


def append(text: str, path: tuple[str, ...], item, *, order: dict[str, tuple[str, ...]]) -> str:
    """The text with one more item in the list at this path, which is made when it is missing."""
    node = read(text)
    for name in path:
        node = node.get(name) if node.kind == "mapping" else None
        if node is None or node.empty:
            return put(text, path, [item], order=order)
    if node.kind != "sequence":
        raise NoPlaceError(".".join(path))
    if node.flow:
        at = node.values[-1].end if node.values else node.end - 1
        return text[:at] + (", " if node.values else "") + _flow(item) + text[at:]
    dash = text.rfind("-", 0, node.values[0].at)
    column = dash - (max(text.rfind(end, 0, dash) for end in "\r\n") + 1)
    return _below(text, node, [f"{' ' * column}- {_flow(item)}"])


# Where


def _node(event, events) -> Node:
    start, end = event.start_mark, event.end_mark
    if isinstance(event, yaml.AliasEvent):
        return Node("alias", start.index, end.index, start.column)
    if isinstance(event, yaml.ScalarEvent):
        below = event.style in ("|", ">") and end.column == 0
        return Node("scalar", start.index, end.index, start.column, line_start=below, plain=not event.style, text=event.value)
    mapping = isinstance(event, yaml.MappingStartEvent)
    node = Node("mapping" if mapping else "sequence", start.index, end.index, start.column, flow=bool(event.flow_style))
    for inner in events:
        if isinstance(inner, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            if node.flow or not node.values:
                node.end = inner.end_mark.index
            else:  # a block's own end lies after the comments that follow it
                node.end, node.line_start = node.values[-1].end, node.values[-1].line_start
            return node
        if mapping:
            node.keys.append(_node(inner, events))
            inner = next(events)
        node.values.append(_node(inner, events))
    raise NoPlaceError("the text ends within a value")


def _added(text: str, mapping: Node, name: str, value, before: tuple[str, ...], *, top: bool) -> str:
    """The mapping with one more pair: after those that come before it, else at its end."""
    if mapping.flow:
        at = mapping.values[-1].end if mapping.values else mapping.end - 1
        return text[:at] + (", " if mapping.values else "") + f"{_key(name)}: {_flow(value)}" + text[at:]
    earlier = [v for k, v in zip(mapping.keys, mapping.values, strict=True) if k.text in before]
    lines = [" " * mapping.keys[0].column + line for line in _block({name: value})]
    return _below(text, (earlier or mapping.values)[-1], ["", *lines] if top else lines)


def _filled(text: str, mapping: Node, name: str, empty: Node, value) -> str:
    """The mapping with a value where a key has none yet."""
    text = text[: empty.at] + text[empty.end :]
    if mapping.flow or not isinstance(value, dict | list):
        space = "" if text[empty.at - 1].isspace() else " "
        return text[: empty.at] + space + _flow(value) + text[empty.at :]
    key = next(k for k in mapping.keys if k.text == name)
    empty.end, empty.line_start = empty.at, False
    return _below(text, empty, [" " * (key.column + INDENT) + line for line in _block(value)])


def _below(text: str, node: Node, lines: list[str]) -> str:
    """The lines beneath a value, after the comment that may end its line."""
    newline = _newline(text, node.end)
    if node.line_start:
        return text[: node.end] + "".join(line + newline for line in lines) + text[node.end :]
    at = _LINE_END.search(text, node.end).start()
    return text[:at] + "".join(newline + line for line in lines) + text[at:]


def _newline(text: str, at: int) -> str:
    """How lines end here; at the end of a file that ends without one, as its first line does."""
    end = text.find("\n", at) if text.find("\n", at) >= 0 else text.find("\n")
    return "\r\n" if end > 0 and text[end - 1] == "\r" else "\n"


# What


def _block(value) -> list[str]:
    """Lines of a mapping or a list, mappings within mappings indented; items of a list on one line each."""
    if isinstance(value, list):
        return [f"- {_flow(item)}" for item in value]
    lines = []
    for key, inner in value.items():
        if isinstance(inner, dict | list) and inner:
            lines += [f"{_key(key)}:", *(" " * INDENT + line for line in _block(inner))]
        else:
            lines.append(f"{_key(key)}: {_flow(inner)}")
    return lines


def _flow(value) -> str:
    """A value on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(key)}: {_flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:.12g}"
    return json.dumps(value, ensure_ascii=False)


def _key(name: str) -> str:
    return name if _PLAIN_KEY.fullmatch(name) else json.dumps(name, ensure_ascii=False)
