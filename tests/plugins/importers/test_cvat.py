"""CVAT's XML: shapes, attributes, tags, groups, skeletons, tracks."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlwf_tui.entities.annotation import GeometryKind, Tag, Visibility
from mlwf_tui.entities.item import Split
from mlwf_tui.errors import InvalidInput
from mlwf_tui.plugins.importers.cvat import CvatImporter
from mlwf_tui.workflow.scan import scan_folder
from tests.importing import ReadItem, read_folder
from tests.making import write_image

KIND = GeometryKind
TASK = """<meta><task><labels>
<label><name>cat</name><color>#ff0000</color><type>any</type><attributes>
<attribute><name>breed</name><input_type>select</input_type><values>a\nb</values></attribute>
<attribute><name>asleep</name><input_type>checkbox</input_type><values>false</values></attribute>
</attributes></label>
<label><name>body</name><color>#00ff00</color><type>skeleton</type><attributes></attributes></label>
<label><name>nose</name><type>points</type><attributes></attributes><parent>body</parent></label>
<label><name>tail</name><type>points</type><attributes></attributes><parent>body</parent></label>
</labels></task></meta>"""


def write(folder: Path, body: str) -> Path:
    write_image(folder / "images/a.jpg")
    (folder / "annotations.xml").write_text(f"<annotations>{TASK}{body}</annotations>")
    return folder


def read_shapes(folder: Path, shapes: str) -> tuple[ReadItem, list[str]]:
    write(folder, f'<image id="0" name="a.jpg" subset="val" width="64" height="48">{shapes}</image>')
    items, problems = read_folder(CvatImporter(), folder)
    return items[0], [problem.reason for problem in problems]


@pytest.mark.parametrize(
    ("shape", "kind"),
    [
        ('<box label="cat" xtl="1.25" ytl="2" xbr="9" ybr="8.5"/>', KIND.RECTANGLE),
        ('<polygon label="cat" points="1.25,2;9,2;9,8.5"/>', KIND.POLYGON),
        ('<polyline label="cat" points="1.25,2;9,8.5"/>', KIND.POLYLINE),
        ('<points label="cat" points="1.25,2;9,8.5"/>', KIND.KEYPOINTS),
        ('<ellipse label="cat" cx="5.125" cy="5.25" rx="3.875" ry="3.25"/>', KIND.POLYGON),
    ],
)
def test_a_shape_keeps_its_coordinates(tmp_path: Path, shape: str, kind: GeometryKind) -> None:
    item, problems = read_shapes(tmp_path, shape)
    assert problems == []
    assert item.split is Split.VAL
    assert item.objects[0].geometry.kind is kind
    assert tuple(item.objects[0].geometry.bounds) == pytest.approx((1.25, 2, 9, 8.5))


def test_a_box_that_is_turned_is_oriented(tmp_path: Path) -> None:
    item, _ = read_shapes(tmp_path, '<box label="cat" xtl="10" ytl="20" xbr="30" ybr="24" rotation="90"/>')
    geometry = item.objects[0].geometry
    assert geometry.kind is KIND.ORIENTED_BOX
    assert tuple(geometry.bounds) == pytest.approx((18, 12, 22, 32))


def test_a_mask_keeps_its_runs(tmp_path: Path) -> None:
    item, _ = read_shapes(
        tmp_path, '<mask label="cat" rle="1, 2, 1, 2" left="10" top="20" width="3" height="2"/>'
    )
    assert item.objects[0].geometry.points == ((10, 20), (13, 22))
    assert item.objects[0].geometry.runs == (1, 2, 1, 2)


def test_a_skeleton_has_names_and_visibility(tmp_path: Path) -> None:
    nose = '<points label="nose" outside="0" occluded="1" points="3,4"/>'
    points = nose + '<points label="tail" outside="1" points="0,0"/>'
    item, _ = read_shapes(tmp_path, f'<skeleton label="body">{points}</skeleton>')
    geometry = item.objects[0].geometry
    assert geometry.names == ("nose", "tail")
    assert geometry.visibility == (Visibility.HIDDEN, Visibility.MISSING)


def test_attributes_groups_and_tags_are_kept(tmp_path: Path) -> None:
    attributes = '<attribute name="breed">b</attribute><attribute name="asleep">true</attribute>'
    facts = 'occluded="1" group_id="4" z_order="2"'
    box = f'<box label="cat" {facts} xtl="1" ytl="2" xbr="9" ybr="8">{attributes}</box>'
    item, _ = read_shapes(tmp_path, box + '<tag label="cat"></tag>')
    labelled = item.objects[0]
    assert labelled.tags == (Tag("breed", "b"), Tag("asleep"), Tag("occluded"), Tag("group", 4.0))
    assert labelled.custom == {"z_order": 2}
    assert item.annotation is not None
    assert item.annotation.tags == (Tag("cat"),)


def test_labels_make_the_schema(tmp_path: Path) -> None:
    schema = CvatImporter().read_schema(scan_folder(write(tmp_path, "")))
    assert [(c.name, c.color, c.nodes) for c in schema.classes] == [
        ("cat", "#ff0000", ()),
        ("body", "#00ff00", ("nose", "tail")),
    ]
    assert [(t.name, t.value_type, t.values) for t in schema.tags] == [
        ("breed", "choice", ("a", "b")),
        ("asleep", "none", ()),
    ]


def test_tracks_go_to_the_images_of_their_frames(tmp_path: Path) -> None:
    for number in range(2):
        write_image(tmp_path / f"images/frame_{number:06}.jpg")
    boxes = "".join(
        f'<box frame="{frame}" outside="{outside}" xtl="1" ytl="2" xbr="9" ybr="8"/>'
        for frame, outside in ((0, 0), (1, 1), (5, 0))
    )
    write(tmp_path, f'<track id="7" label="cat">{boxes}</track>')
    items, problems = read_folder(CvatImporter(), tmp_path)
    found = {item.name: item.objects for item in items if item.objects}
    assert list(found) == ["frame_000000.jpg"]
    assert found["frame_000000.jpg"][0].tags == (Tag("track", 7.0),)
    assert [problem.reason for problem in problems] == ["track 7: 1 frames are no images of the folder"]


@pytest.mark.parametrize(
    "shape",
    [
        '<box label="cat" xtl="1" ytl="2" xbr="nan" ybr="8"/>',
        '<box label="cat" xtl="9" ytl="2" xbr="1" ybr="8"/>',
        '<box label="" xtl="1" ytl="2" xbr="9" ybr="8"/>',
        '<mask label="cat" rle="1,x" left="0" top="0" width="1" height="1"/>',
        '<mask label="cat" rle="9,9" left="0" top="0" width="1" height="1"/>',
        '<skeleton label="body"></skeleton>',
        '<cuboid label="cat"/>',
        '<ellipse label="cat" cx="5" cy="5" rx="-1" ry="2"/>',
    ],
)
def test_a_bad_shape_is_reported_alone(tmp_path: Path, shape: str) -> None:
    item, problems = read_shapes(tmp_path, shape + '<points label="cat" points="1,2"/>')
    assert len(item.objects) == 1
    assert len(problems) == 1


def test_an_entity_is_refused(tmp_path: Path) -> None:
    write_image(tmp_path / "a.jpg")
    text = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><annotations>&b;</annotations>'
    (tmp_path / "a.xml").write_text(text)
    with pytest.raises(InvalidInput):
        read_folder(CvatImporter(), tmp_path)
