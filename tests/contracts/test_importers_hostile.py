"""What every importer must survive: annotation files that were cut, mixed up, or made to do harm."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from xml.etree.ElementTree import fromstring, tostring

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlwf_tui.errors import InvalidInput
from mlwf_tui.registry import Registry
from mlwf_tui.workflow.importing.scan import scan_folder
from tests.format_folders import SAMPLES, VARIANTS
from tests.importing import read_folder
from tests.making import write_image

ALL_SAMPLES = SAMPLES | VARIANTS
NAMES = [name for name in ALL_SAMPLES if name not in ("images", "imagenet")]
BOMB = (
    '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bb">'
    + "".join(f'<!ENTITY c{n} "{f"&c{n - 1};" * 10 if n else "&b;"}">' for n in range(9))
    + "]><annotations><annotation><filename>&c8;</filename></annotation></annotations>"
).encode()
DOCUMENTS = [
    b"", b"\xef\xbb\xbf", b"\0" * 64, b"\xff\xfe\xfd", b"null", b"[]", b"{}", b'"x"', b"1e999", b"\n" * 100,
    b"[" * 100_000, b'{"a":' * 100_000, b"<a>" * 50_000, b"a: &a [*a, *a]\n" * 40, BOMB,
    b'{"images": null, "annotations": 1}', b'{"images": [1], "annotations": [null], "categories": [{}]}',
    b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><annotations/>', b"<annotations/>", b"<annotation/>",
]  # fmt: skip
TOKENS = [
    b"NaN", b"Infinity", b"-1e308", b"1e309", b"-1", b"0", b"99999999999999999999", b"null", b"true", b"[]",
    b"{}", b'"x"', b'""', b'"\\ud800"', b'"../../etc/passwd"', b'"/etc/passwd"', b'"a\\nb"', b"", b"\0",
    b'"' + b"n" * 300 + b'"', "e\u0301".encode(), "\u00e9".encode(), b"<b/>", b"&x;", b"\xff", b"[[[]]]",
]  # fmt: skip
VALUE = re.compile(rb'-?\d+(?:\.\d+)?|"[^"]*"|[A-Za-z_]+')


@dataclass(frozen=True)
class Target:
    """A sample folder, and its files that describe."""

    name: str
    root: Path
    files: tuple[Path, ...]


@pytest.fixture(scope="module", params=NAMES)
def target(request: pytest.FixtureRequest) -> Iterator[Target]:
    with TemporaryDirectory() as folder:
        root = Path(folder, "root")
        root.mkdir()
        sample = ALL_SAMPLES[request.param]
        sample.make(root)
        files = sorted(p for p in root.rglob("*") if p.is_file() and p.name not in sample.names)
        assert files
        yield Target(request.param, root, tuple(files))


def survive(target: Target) -> int:
    """Read the folder as an import does; return how many problems there were. Only InvalidInput may come."""
    importer = Registry().get_importer(target.name)
    importer.detect(scan_folder(target.root))
    try:
        importer.read_schema(scan_folder(target.root))
        items, problems = read_folder(importer, target.root)
    except InvalidInput as error:
        assert error.message
        return 1
    for item in items:
        for labelled in item.objects:
            assert labelled.class_name or target.name == "supervisely"  # there the verb leaves it out
            assert all(abs(x) < float("inf") and abs(y) < float("inf") for x, y in labelled.geometry.points)
    assert all(problem.reason and problem.path.isprintable() for problem in problems)
    return len(problems)


@st.composite
def mutations(draw: st.DrawFn, content: bytes) -> bytes:
    """Draw a changed content: cut, spliced, repeated, with hostile values, or another document."""
    match draw(st.sampled_from(["document", "token", "token", "tokens", "cut", "splice", "repeat", "bytes"])):
        case "document":
            return draw(st.sampled_from(DOCUMENTS))
        case "token" | "tokens" as how:
            found = list(VALUE.finditer(content))
            for _ in range(1 if how == "token" else 4):
                if not found:
                    break
                place = found[draw(st.integers(0, len(found) - 1))]
                content = content[: place.start()] + draw(st.sampled_from(TOKENS)) + content[place.end() :]
                found = list(VALUE.finditer(content))
            return content
        case "cut":
            return content[: draw(st.integers(0, len(content)))]
        case "splice":
            start, end = sorted(draw(st.tuples(*[st.integers(0, len(content))] * 2)))
            return content[:start] + content[end:]
        case "repeat":
            start, end = sorted(draw(st.tuples(*[st.integers(0, len(content))] * 2)))
            return content[:end] + content[start:end] * 3 + content[end:]
    at = draw(st.integers(0, len(content)))
    return content[:at] + draw(st.binary(max_size=8)) + content[at + 1 :]


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([1 << 70, ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


def list_spots(value: Any) -> list[tuple[Any, Any]]:
    """Return every place in a JSON value: what holds it, and its key or index there."""
    keys = value.keys() if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    return [spot for key in keys for spot in ((value, key), *list_spots(value[key]))]


@st.composite
def restructured_values(draw: st.DrawFn, document: Any) -> Any:
    """Draw a document in which some values are others, are gone, or stand in the place of others."""
    for _ in range(draw(st.integers(1, 3))):
        spots = list_spots(document)
        if not spots:
            break
        holder, key = spots[draw(st.integers(0, len(spots) - 1))]
        match draw(st.sampled_from(["value", "other", "gone", "again"])):
            case "value":
                holder[key] = draw(json_values)
            case "other":
                other, at = spots[draw(st.integers(0, len(spots) - 1))]
                holder[key] = deepcopy(other[at])
            case "gone":
                del holder[key]
            case "again" if isinstance(holder, list):
                holder.insert(key, deepcopy(holder[key]))
    return document


def restructured_json(content: bytes) -> st.SearchStrategy[bytes]:
    """Return what draws a JSON document of another structure."""
    return restructured_values(json.loads(content)).map(lambda document: json.dumps(document).encode())


def restructured_yaml(content: bytes) -> st.SearchStrategy[bytes]:
    """Return what draws a YAML document of another structure."""
    return restructured_values(yaml.safe_load(content)).map(lambda document: yaml.dump(document).encode())


@st.composite
def restructured_xml(draw: st.DrawFn, content: bytes) -> bytes:
    """Draw an XML document in which some elements are others, are gone, or say something else."""
    root = fromstring(content)
    for _ in range(draw(st.integers(1, 3))):
        pairs = [(parent, child) for parent in root.iter() for child in parent]
        if not pairs:
            break
        parent, child = pairs[draw(st.integers(0, len(pairs) - 1))]
        match draw(st.sampled_from(["gone", "again", "moved", "text", "attribute", "attribute"])):
            case "gone":
                parent.remove(child)
            case "again":
                parent.append(deepcopy(child))
            case "moved":
                pairs[draw(st.integers(0, len(pairs) - 1))][1].append(deepcopy(child))
            case "text":
                child.text = draw(odd_texts)
            case "attribute":
                if names := sorted(child.attrib):
                    child.set(draw(st.sampled_from(names)), draw(odd_texts))
    return tostring(root)


RESTRUCTURED = {".json": restructured_json, ".yaml": restructured_yaml, ".xml": restructured_xml}
odd_texts = st.sampled_from(
    [
        "",
        "nan",
        "-inf",
        "1e308",
        "-1",
        "0",
        "1e999",
        "x",
        "1,2",
        "1,2;",
        ";,;",
        "..",
        "a/../b",
        "9" * 400,
        "１",
    ]
) | st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=6)


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_a_document_of_another_structure_gives_problems_and_never_a_traceback(
    target: Target, data: st.DataObject
) -> None:
    files = [path for path in target.files if path.suffix in RESTRUCTURED]
    if not files:
        pytest.skip("the format has neither JSON nor XML nor YAML")
    path = data.draw(st.sampled_from(files))
    content = path.read_bytes()
    path.write_bytes(data.draw(RESTRUCTURED[path.suffix](content)))
    try:
        survive(target)
    finally:
        path.write_bytes(content)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_a_changed_file_gives_problems_and_never_a_traceback(target: Target, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(target.files))
    content = path.read_bytes()
    path.write_bytes(data.draw(mutations(content)))
    try:
        survive(target)
    finally:
        path.write_bytes(content)


def test_no_other_document_is_read_without_a_word(target: Target) -> None:
    path = max(target.files, key=lambda file: file.stat().st_size)
    content = path.read_bytes()
    try:
        for document in DOCUMENTS:
            path.write_bytes(document)
            survive(target)
    finally:
        path.write_bytes(content)
    path.write_bytes(content[: len(content) // 2])
    try:
        told = survive(target)
    finally:
        path.write_bytes(content)
    # A text of lines that ends early is whole for all that can be known.
    assert told or path.suffix in (".txt", ".csv", ".yaml")


def test_missing_images_and_odd_names_are_survived(target: Target) -> None:
    root = target.root
    first = next(path for path in sorted(root.rglob("*")) if path.name == ALL_SAMPLES[target.name].names[0])
    content = first.read_bytes()
    first.unlink()
    made = [
        write_image(first.with_name(name), 3)
        for name in ("e\u0301.jpg", "\u00e9.jpg", "n" * 251 + ".jpg", "new\nline.jpg", "a b;'$(x).jpg")
    ]
    try:
        survive(target)
    finally:
        first.write_bytes(content)
        for path in made:
            path.unlink()


@pytest.mark.parametrize("name", ["coco", "cvat", "datumaro_json", "yolo"])
def test_ten_thousand_classes_are_read(name: str, tmp_path: Path) -> None:
    names = [f"class {number}" for number in range(10_000)]
    SAMPLES[name].make(tmp_path)
    match name:
        case "coco":
            path = tmp_path / "annotations/instances_train2017.json"
            document = json.loads(path.read_text())
            document["categories"] += [{"id": at, "name": one} for at, one in enumerate(names, 10)]
            path.write_text(json.dumps(document))
        case "cvat":
            path = tmp_path / "annotations.xml"
            labels = "".join(f"<label><name>{one}</name></label>" for one in names)
            path.write_text(path.read_text().replace("</labels>", f"{labels}</labels>"))
        case "datumaro_json":
            path = tmp_path / "annotations/train.json"
            document = json.loads(path.read_text())
            document["categories"]["label"]["labels"] += [{"name": one} for one in names]
            path.write_text(json.dumps(document))
        case "yolo":
            lines = "".join(f"  {at}: {one}\n" for at, one in enumerate(names, 2))
            with (tmp_path / "data.yaml").open("a") as file:
                file.write(lines)
    importer = Registry().get_importer(name)
    assert importer.read_schema(scan_folder(tmp_path)).class_names == ("cat", "dog", *names)
    items, problems = read_folder(importer, tmp_path)
    assert sum(len(item.objects) for item in items) == 3
    assert problems == []


@pytest.mark.parametrize("name", ["coco", "cvat", "datumaro_json", "wider_face"])
def test_an_image_that_is_described_twice_is_reported(name: str, tmp_path: Path) -> None:
    SAMPLES[name].make(tmp_path)
    match name:
        case "coco":
            path = tmp_path / "annotations/instances_train2017.json"
            document = json.loads(path.read_text())
            document["images"].append({**document["images"][0], "id": 99})
            path.write_text(json.dumps(document))
        case "cvat":
            path = tmp_path / "annotations.xml"
            text = path.read_text()
            path.write_text(text.replace("</annotations>", '<image id="9" name="a.jpg"/></annotations>'))
        case "datumaro_json":
            path = tmp_path / "annotations/train.json"
            document = json.loads(path.read_text())
            document["items"].append(document["items"][0])
            path.write_text(json.dumps(document))
        case "wider_face":
            path = tmp_path / "wider_face_split/wider_face_train_bbx_gt.txt"
            path.write_text(path.read_text() * 2)
    items, problems = read_folder(Registry().get_importer(name), tmp_path)
    assert len(items) == len(SAMPLES[name].names)
    assert problems
    assert sum(len(item.objects) for item in items) == 3
