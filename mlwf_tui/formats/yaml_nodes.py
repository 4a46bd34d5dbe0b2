"""YAML that people write by hand, with the line of everything in it, read so that nothing can go wrong.

No object is ever made but texts, numbers, booleans and None. Plain words are read as YAML 1.2 has them: `no`
and `2024-01-01` are texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from mlwf_tui.errors import InvalidParameter

MAX_BYTES = 256 * 1024
MAX_DEPTH = 32
MAX_NODES = 20_000
"""With every alias counted as often as it is used, so that a few lines cannot become gigabytes."""

_INT = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*)([eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+")
_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}
_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "seq", "map")}
MAX_INT_DIGITS = 18

Scalar = str | int | float | bool | None


class YamlNode(msgspec.Struct, frozen=True):
    """A scalar, a list of nodes, or pairs of a key and a node; `line` counts from 1."""

    value: Scalar | list[YamlNode] | dict[str, YamlNode]
    line: int
    node_count: int = 1
    key_lines: dict[str, int] = {}

    def to_plain(self) -> Any:
        """Return the value without its lines."""
        if isinstance(self.value, list):
            return [node.to_plain() for node in self.value]
        if isinstance(self.value, dict):
            return {key: node.to_plain() for key, node in self.value.items()}
        return self.value


def read_yaml(content: bytes, name: str) -> YamlNode:
    """Return the one document that `content` holds; `name` is what errors call it.

    Raises:
        InvalidParameter: it is too large or too deep, is no YAML, has a key twice, or a tag of a language.
    """
    import yaml  # 15 ms that other commands do without

    if len(content) > MAX_BYTES:
        raise InvalidParameter(
            f"{name} is larger than {MAX_BYTES // 1024} KB.", hint="A pipeline is a few lines of YAML."
        )
    try:
        text = content.decode("utf-8-sig")
        return _Builder(name).build(yaml.parse(text, Loader=yaml.SafeLoader))
    except UnicodeDecodeError as error:
        raise InvalidParameter(f"{name} is not UTF-8 text.", hint="Save it as UTF-8.") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{name}:{mark.line + 1}" if mark is not None else name
        words = ", ".join(part for part in (error.context, error.problem) if part) or "this is no YAML"
        raise InvalidParameter(f"{where}: {words}.", hint="Mend the YAML there.") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise InvalidParameter(f"{name} is no YAML: {error}.", hint="Mend the YAML.") from error


class _Open:
    """A list or mapping whose end has not come yet."""

    def __init__(self, event: Any) -> None:
        self.anchor: str | None = event.anchor
        self.line: int = event.start_mark.line + 1
        self.is_mapping = type(event).__name__ == "MappingStartEvent"
        self.key: str | None = None
        self.nodes: list[YamlNode] = []
        self.entries: dict[str, YamlNode] = {}
        self.key_lines: dict[str, int] = {}
        self.node_count = 1


class _Builder:
    """Puts nodes together from the parser's events, without recursion."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._anchors: dict[str, YamlNode] = {}
        self._open: list[_Open] = []
        self._count = 0
        self._root: YamlNode | None = None

    def build(self, events: Iterator[Any]) -> YamlNode:
        for event in events:
            self._take(event)
        if self._root is None:
            self._refuse(1, "there is nothing in it", "Write sources, steps and outputs.")
        assert self._root is not None
        return self._root

    def _take(self, event: Any) -> None:
        line = event.start_mark.line + 1
        match type(event).__name__:
            case "MappingStartEvent" | "SequenceStartEvent":
                self._check_tag(event)
                if len(self._open) >= MAX_DEPTH:
                    self._refuse(line, f"it is nested deeper than {MAX_DEPTH} levels", "Make it flatter.")
                self._open.append(_Open(event))
            case "MappingEndEvent" | "SequenceEndEvent":
                self._close(self._open.pop())
            case "ScalarEvent":
                self._check_tag(event)
                self._place(YamlNode(_resolve(event), line), event.anchor)
            case "AliasEvent":
                if event.anchor not in self._anchors:
                    self._refuse(line, f"*{event.anchor} is not defined before it is used", "Write it out.")
                self._place(msgspec.structs.replace(self._anchors[event.anchor], line=line), None)
            case "DocumentStartEvent":
                if self._root is not None:
                    self._refuse(
                        line, "a second document begins here", "Put each pipeline into its own file."
                    )

    def _close(self, closed: _Open) -> None:
        if closed.key is not None:
            self._refuse(closed.line, f"the key {closed.key!r} has no value", "Give it one.")
        value: Any = closed.entries if closed.is_mapping else closed.nodes
        node = YamlNode(value, closed.line, closed.node_count, closed.key_lines)
        self._count -= closed.node_count - 1  # what is in it is counted once more as it is placed
        self._place(node, closed.anchor)

    def _place(self, node: YamlNode, anchor: str | None) -> None:
        self._count += node.node_count
        if self._count > MAX_NODES:
            self._refuse(node.line, f"it holds more than {MAX_NODES:,} values", "Use fewer aliases.")
        if anchor is not None:
            self._anchors[anchor] = node
        if not self._open:
            self._root = node
            return
        parent = self._open[-1]
        parent.node_count += node.node_count
        if not parent.is_mapping:
            parent.nodes.append(node)
        elif parent.key is None:
            parent.key = self._read_key(parent, node)
        else:
            parent.entries[parent.key] = node
            parent.key = None

    def _read_key(self, parent: _Open, node: YamlNode) -> str:
        if isinstance(node.value, list | dict):
            self._refuse(node.line, "a key is a list or a mapping", "Write a word as the key.")
        if isinstance(node.value, bool) or node.value is None:
            self._refuse(node.line, f"a key is {node.value}", "Put it into quotes.")
        key = str(node.value)
        if key == "<<":
            self._refuse(node.line, "merge keys (<<) are not read", "Write the keys out.")
        if key in parent.entries:
            first = parent.key_lines[key]
            self._refuse(node.line, f"the key {key!r} is there twice, first in line {first}", "Keep one.")
        parent.key_lines[key] = node.line
        return key

    def _check_tag(self, event: Any) -> None:
        if event.tag not in (None, "!") and event.tag not in _TAGS:
            tag = event.tag.rpartition(":")[2]
            self._refuse(event.start_mark.line + 1, f"the tag {tag!r} is not read", "Leave it out.")

    def _refuse(self, line: int, message: str, hint: str) -> None:
        raise InvalidParameter(f"{self._name}:{line}: {message}.", hint=hint)


def read_word(text: str) -> Scalar:
    """Return what a plain word means: a number, true, false, nothing, or a text."""
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if _INT.fullmatch(text) and len(text) <= MAX_INT_DIGITS:
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text


def _resolve(event: Any) -> Scalar:
    """Return what a scalar means: a quoted one is a text."""
    text: str = event.value
    is_text = event.style is not None or event.tag in ("!", "tag:yaml.org,2002:str")
    return text if is_text else read_word(text)
