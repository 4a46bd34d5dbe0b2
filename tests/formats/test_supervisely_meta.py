"""Label schemas as meta.json."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlwf_tui.entities.annotation import ClassDefinition, GeometryKind, LabelSchema, TagDefinition
from mlwf_tui.errors import InvalidInput
from mlwf_tui.formats.supervisely import decode_meta, encode_meta
from mlwf_tui.formats.supervisely_meta import decode_node_names
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
            TagDefinition("train", color="#0F8A12"),
            TagDefinition("coat", "choice", ("red", "blue")),
            TagDefinition("seen", "text"),
            TagDefinition("bare"),
        ),
    )


def test_a_skeleton_and_a_choice_go_out_in_the_formats_own_terms() -> None:
    schema = LabelSchema(
        (ClassDefinition("cat", "#ff0000", GeometryKind.KEYPOINTS, ("nose", "tail"), (("nose", "tail"),)),),
        (TagDefinition("coat", "choice", ("red", "grey"), "#00ff00", "objects"),),
    )

    written = json.loads(encode_meta(schema))

    (pose,), (coat,) = written["classes"], written["tags"]
    assert set(pose) == {"title", "shape", "color", "geometry_config"}
    assert list(pose["geometry_config"]["nodes"]) == ["nose", "tail"]
    assert pose["geometry_config"]["nodes"]["tail"]["label"] == "tail"
    (edge,) = pose["geometry_config"]["edges"]
    assert (edge["src"], edge["dst"]) == ("nose", "tail")
    assert coat == {
        "name": "coat",
        "value_type": "oneof_string",
        "color": "#00ff00",
        "values": ["red", "grey"],
        "applicable_type": "objectsOnly",
    }


def test_a_template_of_supervisely_itself_is_read_by_its_labels() -> None:
    template = {
        "nodes": {
            "a1": {"label": "nose", "loc": [1, 2], "color": "#0000FF"},
            "b2": {"label": "tail", "loc": [3, 4], "disabled": True},
        },
        "edges": [{"src": "a1", "dst": "b2"}, {"src": "a1", "dst": "zz"}, {"src": ["a1"]}, 7],
    }
    meta = json.dumps({"classes": [{"title": "cat", "shape": "graph", "geometry_config": template}]}).encode()

    (pose,) = decode_meta(meta).classes
    assert (pose.nodes, pose.edges) == (("nose", "tail"), (("nose", "tail"),))
    assert decode_node_names(meta) == {"cat": {"a1": "nose", "b2": "tail"}}


@pytest.mark.parametrize("template", [None, 3, [], {}, {"nodes": []}, {"nodes": {"a": 1}, "edges": {}}])
def test_a_template_that_is_none_costs_nothing_else(template: object) -> None:
    meta = {"classes": [{"title": "cat", "shape": "graph", "geometry_config": template}], "tags": ["day"]}
    schema = decode_meta(json.dumps(meta).encode())
    assert schema.classes[0].name == "cat"
    assert schema.tags == (TagDefinition("day"),)


def test_what_is_written_for_supervisely_alone_does_not_come_back() -> None:
    schema = LabelSchema((ClassDefinition("cat", geometry=GeometryKind.KEYPOINTS),))
    shown = LabelSchema(
        (ClassDefinition("cat", geometry=GeometryKind.KEYPOINTS, nodes=("0", "1")), ClassDefinition("dog")),
        (TagDefinition("day"),),
    )

    encoded = encode_meta(schema, shown)

    assert decode_meta(encoded) == schema
    assert [row["title"] for row in json.loads(encoded)["classes"]] == ["cat", "dog"]


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
