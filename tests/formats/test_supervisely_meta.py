"""Label schemas as meta.json."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlwf_tui.entities.annotation import ClassDefinition, GeometryKind, LabelSchema, TagDefinition
from mlwf_tui.errors import InvalidInput
from mlwf_tui.formats.supervisely import decode_meta, encode_meta
from tests.formats.making import schemas


@given(schemas)
def test_a_schema_comes_back(schema: LabelSchema) -> None:
    encoded = encode_meta(schema)

    assert decode_meta(encoded) == schema
    assert encode_meta(decode_meta(encoded)) == encoded
    json.loads(encoded)


def test_a_class_is_a_line() -> None:
    schema = LabelSchema(
        (ClassDefinition("cat", "#E6194b", GeometryKind.MASK), ClassDefinition("dog")),
        (TagDefinition("age", "number"),),
    )

    assert encode_meta(schema).decode() == (
        "{\n"
        '  "classes": [\n'
        '    {"title": "cat", "shape": "bitmap", "color": "#E6194b"},\n'
        '    {"title": "dog", "shape": "any", "color": "#808080"}\n'
        "  ],\n"
        '  "tags": [\n'
        '    {"name": "age", "value_type": "any_number", "color": "#808080"}\n'
        "  ],\n"
        '  "projectType": "images"\n'
        "}\n"
    )


def test_a_file_of_supervisely_itself_is_read() -> None:
    meta = {
        "classes": [
            {
                "title": "cat",
                "shape": "rectangle",
                "color": "#0F8A12",
                "id": 7,
                "geometry_config": {},
                "hotkey": "",
            },
            {"title": "car", "shape": "cuboid", "color": "red; drop"},
            {"title": "all", "shape": None},
        ],
        "tags": [
            {
                "name": "train",
                "value_type": "none",
                "color": "#0F8A12",
                "applicable_type": "all",
                "classes": [],
            },
            {"name": "coat", "value_type": "oneof_string", "values": ["red", "blue"]},
            {"name": "seen", "value_type": "date"},
            {"name": "bare"},
        ],
        "projectType": "images",
        "projectSettings": {"multiView": {"enabled": False}},
    }

    assert decode_meta(json.dumps(meta).encode()) == LabelSchema(
        (
            ClassDefinition("cat", "#0F8A12", GeometryKind.RECTANGLE),
            ClassDefinition("car"),
            ClassDefinition("all"),
        ),
        (
            TagDefinition("train"),
            TagDefinition("coat", "text"),
            TagDefinition("seen", "text"),
            TagDefinition("bare"),
        ),
    )


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is not JSON"),
        (b"{}", "is not the meta of a project.*classes"),
        (b'{"classes": [{"shape": "any"}]}', "is not the meta.*title"),
        (b'{"classes": [{"title": "\xff"}]}', "is not JSON"),
        (b'{"classes": [{"title": "cat"}, {"title": "cat"}]}', "defines the class 'cat' twice"),
        (b'{"classes": [], "tags": [{"name": "a"}, {"name": "a"}]}', "defines the tag 'a' twice"),
    ],
)
def test_what_is_no_meta_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(InvalidInput, match=f"^{reason}"):
        decode_meta(data)


def test_a_bottomless_meta_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"^is nested too deeply"):
        decode_meta(b'{"classes": [], "x": ' + b"[" * 100_000)


@given(st.binary(max_size=100))
def test_bytes_of_all_kinds_are_refused_in_our_words(noise: bytes) -> None:
    with pytest.raises(InvalidInput):
        decode_meta(noise)


def test_a_schema_that_cannot_be_written_is_refused() -> None:
    with pytest.raises(InvalidInput, match="unknown type, 'colour'"):
        encode_meta(LabelSchema(tags=(TagDefinition("coat", "colour"),)))
    with pytest.raises(InvalidInput, match="cannot be written"):
        encode_meta(LabelSchema((ClassDefinition("\ud800"),)))
