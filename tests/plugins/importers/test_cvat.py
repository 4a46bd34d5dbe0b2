"""CVAT's XML: shapes, attributes, tags, groups, skeletons, tracks."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlwf_tui.entities.annotation import GeometryKind, Tag, Visibility
from mlwf_tui.entities.item import Split
from mlwf_tui.errors import InvalidInput
from mlwf_tui.plugins.importers.cvat import CvatImporter
from mlwf_tui.workflow.importing.scan import scan_folder
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


def test_an_attribute_with_an_underscore_is_a_text(tmp_path: Path) -> None:
    shape = '<box label="cat" xtl="1" ytl="2" xbr="9" ybr="8"><attribute name="row">1_0</attribute></box>'
    item, _ = read_shapes(tmp_path, shape)
    assert item.objects[0].tags == (Tag("row", "1_0"),)


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
    assert [problem.reason for problem in problems] == ["track 7: 1 frame without an image in the folder"]


@pytest.mark.parametrize(
    "shape",
    [
        '<box label="cat" xtl="1" ytl="2" xbr="nan" ybr="8"/>',
        '<box label="cat" xtl="9" ytl="2" xbr="1" ybr="8"/>',
        '<box label="" xtl="1" ytl="2" xbr="9" ybr="8"/>',
        '<box label="cat" xtl="1" ytl="2" xbr="1_0" ybr="8"/>',
        '<mask label="cat" rle="0_2,1" left="0" top="0" width="3" height="1"/>',
        '<mask label="cat" rle="1,x" left="0" top="0" width="1" height="1"/>',
        '<mask label="cat" rle="9,9" left="0" top="0" width="1" height="1"/>',
        '<skeleton label="body"></skeleton>',
        '<cuboid label="cat" xtl1="1"/>',
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


CUBOID = " ".join(
    f'{axis}{end}="{value}"'
    for end, point in zip(
        ("tl1", "bl1", "tr1", "br1", "tl2", "bl2", "tr2", "br2"),
        ((10, 10), (10, 30), (20, 10), (20, 30), (14, 6), (14, 26), (24, 6), (24, 26)),
        strict=True,
    )
    for axis, value in zip("xy", point, strict=True)
)


def test_a_cuboid_is_the_outline_around_it_and_is_counted(tmp_path: Path) -> None:
    item, problems = read_shapes(tmp_path, f'<cuboid label="cat" {CUBOID}/>')
    (labelled,) = item.objects
    assert set(labelled.geometry.points) == {(10, 10), (10, 30), (20, 30), (24, 26), (24, 6), (14, 6)}
    assert labelled.custom["shape"] == "cuboid"
    assert [labelled.custom[name] for name in ("xtl2", "ytl2")] == [14, 6]
    assert problems == ["1 cuboid read by outline, corners as custom data"]


def read_track(folder: Path, shapes: str, frame_count: int = 5) -> tuple[dict[int, ReadItem], list[str]]:
    for number in range(frame_count):
        write_image(folder / f"images/frame_{number:06}.jpg")
    (folder / "annotations.xml").write_text(
        f'<annotations>{TASK}<track id="7" label="cat">{shapes}</track></annotations>'
    )
    items, problems = read_folder(CvatImporter(), folder)
    return {int(item.name[6:12]): item for item in items}, [problem.reason for problem in problems]


def test_a_box_moves_evenly_between_its_frames(tmp_path: Path) -> None:
    shapes = (
        '<box frame="4" xtl="9" ytl="2" xbr="29" ybr="14"/>'
        '<box frame="0" xtl="1" ytl="2" xbr="9" ybr="8" occluded="1">'
        '<attribute name="breed">b</attribute></box>'
    )
    items, problems = read_track(tmp_path, shapes)
    assert problems == []
    boxes = [tuple(items[frame].objects[0].geometry.bounds) for frame in range(5)]
    assert boxes == [(1, 2, 9, 8), (3, 2, 14, 9.5), (5, 2, 19, 11), (7, 2, 24, 12.5), (9, 2, 29, 14)]
    assert items[3].objects[0].tags == (Tag("breed", "b"), Tag("occluded"), Tag("track", 7.0))


def test_a_rotation_takes_the_shorter_way(tmp_path: Path) -> None:
    shapes = "".join(
        f'<box frame="{frame}" xtl="10" ytl="20" xbr="30" ybr="24" rotation="{degrees}"/>'
        for frame, degrees in ((0, 350), (2, 10))
    )
    items, _ = read_track(tmp_path, shapes, 3)
    between = items[1].objects[0].geometry
    assert between.kind is KIND.RECTANGLE  # by 0 degrees
    assert tuple(between.bounds) == (10, 20, 30, 24)


def test_nothing_stands_behind_a_shape_that_is_outside_or_the_last_one(tmp_path: Path) -> None:
    shapes = (
        '<box frame="0" xtl="1" ytl="2" xbr="9" ybr="8"/>'
        '<box frame="1" outside="1" xtl="1" ytl="2" xbr="9" ybr="8"/>'
        '<box frame="3" xtl="1" ytl="2" xbr="9" ybr="8"/>'
    )
    items, problems = read_track(tmp_path, shapes)
    assert [len(items[frame].objects) for frame in range(5)] == [1, 0, 0, 1, 0]
    assert problems == []


def test_skeletons_and_single_points_move_and_masks_stay(tmp_path: Path) -> None:
    def make_skeleton(frame: int, x: int) -> str:
        tail = '<points label="tail" outside="1" points="0,0"/>'
        return f'<skeleton frame="{frame}"><points label="nose" points="{x},4"/>{tail}</skeleton>'

    items, problems = read_track(tmp_path / "a", make_skeleton(0, 2) + make_skeleton(2, 8), 3)
    assert problems == []
    assert items[1].objects[0].geometry.points[0] == (5, 4)
    points = '<points frame="0" points="1,2"/><points frame="2" points="3,6"/>'
    assert read_track(tmp_path / "b", points, 3)[0][1].objects[0].geometry.points == ((2, 4),)
    mask = '<mask frame="{}" rle="0,4" left="{}" top="2" width="2" height="2"/>'
    items, _ = read_track(tmp_path / "c", mask.format(0, 3) + mask.format(2, 9), 3)
    assert tuple(items[1].objects[0].geometry.bounds) == (3, 2, 5, 4)


def test_frames_between_polygons_are_counted(tmp_path: Path) -> None:
    shape = '<polygon frame="{}" points="1,1;9,1;9,9"/>'
    items, problems = read_track(tmp_path, shape.format(0) + shape.format(4))
    assert [len(items[frame].objects) for frame in range(5)] == [1, 0, 0, 0, 1]
    assert problems == ["track 7: 3 frames between two polygons, which CVAT alone draws"]


def test_a_gap_of_a_billion_frames_ends(tmp_path: Path) -> None:
    box = '<box frame="{}" xtl="1" ytl="2" xbr="9" ybr="8"/>'
    items, _ = read_track(tmp_path, box.format(0) + box.format(999_999_999))
    assert [len(items[frame].objects) for frame in range(5)] == [1, 1, 1, 1, 1]
