"""What a YOLO folder says of itself: classes, splits and keypoints of data.yaml, obj.data or classes.txt."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from mlwf_tui.entities.counts import format_count
from mlwf_tui.entities.item import Split
from mlwf_tui.entities.keypoints import find_flip, name_by_flip
from mlwf_tui.errors import InvalidInput
from mlwf_tui.plugins.importers.files import (
    check_class_name,
    read_bytes,
    read_lines,
    resolve_inside,
    split_lines,
)
from mlwf_tui.plugins.importers.foreign_paths import find_tail

TASKS = ("detect", "segment", "pose", "obb")

_SPLIT_KEYS = (("train", Split.TRAIN), ("val", Split.VAL), ("test", Split.TEST))
_OTHER_KEYS = {"val": "validation"}
_CLASS_FILES = ("classes.txt", "labels/classes.txt", "obj.names")
_MAX_KEYPOINTS = 1000
_MAX_DARKNET_BYTES = 1 << 20  # what darknet reads is a few lines; other files end with .data too
_DOUBT_FLIP = (
    "flip_idx exchanges other keypoints than the names in kpt_names tell by left and right, and is not kept:"
    " name those that it exchanges alike but for left and right, and import again"
)
_WORDS = frozenset(
    f"tag:yaml.org,2002:{kind}" for kind in ("bool", "float", "int", "merge", "null", "timestamp", "value")
)
"""What YAML may take a word for that is not in quotes."""


class Config(msgspec.Struct, frozen=True):
    """What data.yaml or obj.data says; `entries` is empty where the folders tell the splits."""

    class_names: Mapping[int, str]
    entries: Mapping[Split, tuple[str, ...]]
    file_name: str
    base: Path
    task: str = ""  # one of TASKS, where it is told
    keypoint_shape: tuple[int, int] | None = None  # how many an object has, and numbers of each: 2 or 3
    keypoint_names: Mapping[int, tuple[str, ...]] = msgspec.field(default_factory=dict)  # by class index
    doubt: str = ""  # what it says and cannot be kept


def find_config(root: Path) -> Path | None:
    """Return the YAML file that has `names` and a split, `data.yaml` before others; else darknet's."""
    found = sorted((*root.glob("*.yaml"), *root.glob("*.yml")), key=lambda path: (path.stem != "data", path))
    for path in (*found, *sorted(root.glob("*.data"), key=lambda path: (path.stem != "obj", path))):
        if resolve_inside(root, path.name) is None or not path.is_file():
            continue
        try:
            content = _load(root, path)
        except InvalidInput:
            if path.stem == "data":
                return path  # reading it for the import says what is wrong with it
            continue
        if "names" in content and ("train" in content or "val" in content or "test" in content):
            return path
    return None


def _load(root: Path, path: Path) -> Mapping[str, Any]:
    return _load_darknet(root, path) if path.suffix == ".data" else _load_yaml(path)


def _load_darknet(root: Path, path: Path) -> Mapping[str, Any]:
    """Return what darknet's file (`valid = data/valid.txt`) says, as data.yaml does.

    Its paths start from where darknet runs.
    """
    pairs = (
        line.partition("#")[0].partition("=") for line in split_lines(read_bytes(path, _MAX_DARKNET_BYTES))
    )
    told = {key.strip(): value.strip() for key, sign, value in pairs if sign}
    names = find_tail(root, (root,), told.get("names", "")) or find_class_file(root)
    content: dict[str, Any] = {
        key: told[word]
        for key, word in (("train", "train"), ("val", "valid"), ("test", "test"))
        if told.get(word)
    }
    if "names" in told and names is not None and names.is_file():
        content["names"] = [line for line in read_lines(names) if line]
    return content


def _load_yaml(path: Path) -> Mapping[str, Any]:
    import yaml  # 15 ms that a hand, which reads labels alone, can do without

    try:
        content = _parse_yaml(read_bytes(path))
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise InvalidInput(f"{path.name} is not readable YAML.", hint="Mend it, or move it away.") from error
    if not isinstance(content, dict):
        raise InvalidInput(f"{path.name} holds no keys.", hint="It should have names, train and val.")
    return content


@lru_cache(maxsize=4)  # asked several times in an import; of 80 classes, each takes 10 ms
def _parse_yaml(content: bytes) -> Any:
    import yaml

    loader = yaml.SafeLoader(content)
    try:
        document = loader.get_single_node()
        if document is None:
            return None
        _keep_words(document)
        return loader.construct_document(document)
    finally:
        loader.dispose()


def _keep_words(document: Any) -> None:
    """Have names read as they are written: YAML 1.1 takes `no` for a truth and `1_0` for ten.

    Indices of a mapping stay numbers.
    """
    pairs = document.value if document.id == "mapping" else ()
    for key, value in pairs:
        if key.value == "names":
            _keep_entries(value)
        elif key.value == "kpt_names":
            _keep_entries(value)
            for entry in {id(node): node for node in _list_entry_nodes(value)}.values():  # each alias once
                _keep_entries(entry)


def _keep_entries(node: Any) -> None:
    for entry in _list_entry_nodes(node):
        if entry.tag in _WORDS:
            entry.tag = "tag:yaml.org,2002:str"


def _list_entry_nodes(node: Any) -> list[Any]:
    """Return the nodes of a list's entries or a mapping's values."""
    match node.id:
        case "sequence":
            return list(node.value)
        case "mapping":
            return [value for _, value in node.value]
    return []


def find_class_file(root: Path) -> Path | None:
    candidates = (resolve_inside(root, name) for name in _CLASS_FILES)
    return next((path for path in candidates if path is not None and path.is_file()), None)


def read_config(root: Path) -> Config:
    path = find_config(root)
    if path is not None:
        content = _load(root, path)
        entries = {
            split: _list_entries(path.name, key, value)
            for key, split in _SPLIT_KEYS
            if (value := content.get(key) or content.get(_OTHER_KEYS.get(key, key)))
        }
        base = _find_base(root, content.get("path"))
        names = _read_names(path.name, content.get("names"))
        shape = _read_shape(path.name, content.get("kpt_shape"))
        task = "pose" if shape else content.get("task")
        flip = _read_flip(path.name, content.get("flip_idx"), shape)
        nodes = _read_keypoint_names(path.name, content.get("kpt_names"), shape, names)
        if flip and not nodes:
            nodes = dict.fromkeys(names, name_by_flip(flip))
        doubt = _DOUBT_FLIP if flip and any(find_flip(one) != flip for one in nodes.values()) else ""
        # compared as it is: a list of lists of aliases may be written out without end
        told = next((known for known in TASKS if task == known), "")
        return Config(names, entries, path.name, base, told, shape, nodes, doubt)
    classes = find_class_file(root)
    if classes is None:
        _refuse_nameless(root)
        raise InvalidInput(
            f"There is neither a data.yaml nor a classes.txt in {root}, so the classes have no names.",
            hint="Add classes.txt with one class name a line.",
        )
    lines = [line for line in read_lines(classes) if line]
    return Config(_read_names(classes.name, lines), {}, classes.name, root.resolve())


def _refuse_nameless(root: Path) -> None:
    """Raise InvalidInput where there is a data.yaml, which then has no names or no splits."""
    for name in ("data.yaml", "data.yml"):
        if resolve_inside(root, name) is None or not (root / name).is_file():
            continue
        if "names" not in _load_yaml(root / name):
            raise _make_nameless(name)
        raise InvalidInput(f"{name} names no split.", hint="Give the folder of images under train: or val:.")


def _find_base(root: Path, path: object) -> Path:
    """Return the folder that entries start from: `path` where it is inside of the root, else the root."""
    base = resolve_inside(root, path) if isinstance(path, str) else None
    return base if base is not None and base.is_dir() else root.resolve()


def _list_entries(file_name: str, key: str, value: object) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(entry, str) and entry for entry in values):
        raise InvalidInput(f"{key} in {file_name} is neither a path nor a list of paths.", hint="Mend it.")
    return tuple(values)


def _read_names(file_name: str, value: object) -> Mapping[int, str]:
    """Return class names by index, from a list or a mapping."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list) else [])
    try:
        names = {int(index): check_class_name(_to_text(name)) for index, name in pairs}
    except (ValueError, TypeError, OverflowError) as error:
        reason = f"names in {file_name} is not a list of names, or of indices with names"
        raise InvalidInput(f"{reason}.", hint="Mend it.") from error
    except InvalidInput as error:
        raise InvalidInput(f"A name in {file_name} {error.message}.", hint="Mend it.") from error
    if not names:
        raise _make_nameless(file_name)
    return names


def _make_nameless(file_name: str) -> InvalidInput:
    return InvalidInput(f"{file_name} names no classes.", hint="Give each class a name under names:.")


def _read_shape(file_name: str, value: object) -> tuple[int, int] | None:
    match value:
        case None:
            return None
        case [int() as count, 2 | 3 as numbers] if 0 < count <= _MAX_KEYPOINTS:
            return count, int(numbers)
    raise InvalidInput(f"kpt_shape in {file_name} is not [count, 2 or 3].", hint="Mend it.")


def _read_flip(file_name: str, value: object, shape: tuple[int, int] | None) -> tuple[int, ...]:
    """Return which keypoint each becomes in a mirrored image, empty where none becomes another."""
    if not isinstance(value, list) or not value or shape is None:
        return ()
    places = list(range(shape[0]))
    if not all(type(place) is int for place in value) or sorted(value) != places:
        raise InvalidInput(
            f"flip_idx in {file_name} does not name each of {format_count(shape[0], 'keypoint')} once.",
            hint="Mend it.",
        )
    return tuple(value) if value != places else ()


def _read_keypoint_names(
    file_name: str, value: object, shape: tuple[int, int] | None, class_names: Mapping[int, str]
) -> Mapping[int, tuple[str, ...]]:
    """Return the names of each class's keypoints, from a mapping by class or one list for all."""
    if value is None or shape is None:
        return {}
    by_class = value if isinstance(value, dict) else dict.fromkeys(class_names, value)
    found = {}
    for index, names in by_class.items():
        if index not in class_names or not isinstance(names, list) or len(names) != shape[0]:
            raise InvalidInput(f"kpt_names in {file_name} does not fit names and kpt_shape.", hint="Mend it.")
        found[int(index)] = tuple(_read_names(file_name, names).values())
    return found


def _to_text(name: object) -> str:
    if not isinstance(name, str | int | float):
        raise TypeError(name)  # a nested list may be written out without end
    return str(name)
