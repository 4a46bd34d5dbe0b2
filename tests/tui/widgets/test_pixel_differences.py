"""What differs between two models of pixels, as the page of their comparison draws it."""

from __future__ import annotations

from msgspec.structs import replace

from mlwf_tui.entities.evidence import Fate, FatePick
from mlwf_tui.entities.measurement import IMAGES, ClassDifference, ComparisonReport, ItemDifference
from mlwf_tui.tui.widgets.comparison_sections import list_comparison_sections
from mlwf_tui.tui.widgets.drawing import ROLE_STYLES, Line, measure_line
from mlwf_tui.tui.widgets.report_cursor import find_spots
from tests.fakes.reports import make_comparison


def make_pixel_comparison(count: int = 1) -> ComparisonReport:
    body = make_comparison()
    pair = body.pairs[0]
    classes = (
        ClassDifference(name="cat", truth_count=9, map50=None, fixed=3, broken=0, iou=0.75, iou_before=0.5),
        ClassDifference(name="dog", truth_count=12, map50=None, fixed=1, broken=2, iou=0.25, iou_before=0.5),
    )
    items = (
        ItemDifference(
            key="a.png", fixed=0, broken=1, mistakes_before=0, mistakes_now=1_200, iou=0.0, iou_before=None
        ),
        *(
            ItemDifference(
                key=f"b{number}.png", fixed=1, broken=0, mistakes_before=90, mistakes_now=70, iou=0.5,
                iou_before=0.375,
            )
            for number in range(count)
        ),
    )  # fmt: skip
    comparison = replace(pair.comparison, classes=classes, items=items, counted=IMAGES)
    return replace(body, pairs=(replace(pair, comparison=comparison),))


def read(lines: list[Line]) -> list[str]:
    return ["".join(text for text, _ in line) for line in lines]


def test_images_that_were_won_and_lost_are_counted_and_opened() -> None:
    sections = list_comparison_sections(make_pixel_comparison())
    lines = sections["new less old"](100)
    assert " images: W 31 fixed   L 12 broken   B 44 both wrong   R 510 both right" in "\n".join(read(lines))
    assert [spot.target for spot in find_spots(lines)] == [FatePick(fate=fate) for fate in Fate]


def test_classes_stand_by_their_iou_the_worst_change_first_and_their_images_are_opened() -> None:
    lines = list_comparison_sections(make_pixel_comparison())["new less old: classes"](100)
    rows = [row.split() for row in read(lines)]
    assert rows[0][0] == "class"
    assert rows[1] == ["dog", "12", "0.500", "→", "0.250", "-0.250", "1", "2"]
    assert rows[2] == ["cat", "9", "0.500", "→", "0.750", "+0.250", "3", "0"]
    assert [spot.target for spot in find_spots(lines)] == [
        FatePick(fate=Fate.FIXED, of_class="dog"), FatePick(fate=Fate.BROKEN, of_class="dog"),
        FatePick(fate=Fate.FIXED, of_class="cat"),
    ]  # fmt: skip


def test_images_stand_by_their_iou_before_and_now_and_are_opened() -> None:
    lines = list_comparison_sections(make_pixel_comparison())["new less old: items"](100)
    rows = [row.split() for row in read(lines)]
    assert rows[1] == ["a.png", "–", "→", "0.000", "-1.000", "0", "→", "1,200"]  # noqa: RUF001 - no number
    assert rows[2][:5] == ["b0.png", "0.375", "→", "0.500", "+0.125"]
    assert [spot.target for spot in find_spots(lines)] == [FatePick(item="a.png"), FatePick(item="b0.png")]


def test_a_hundred_images_are_drawn_within_the_width_and_more_are_counted() -> None:
    sections = list_comparison_sections(make_pixel_comparison(300))
    assert read(sections["new less old: items"](78))[-1] == " … and 201 more"
    for draw in sections.values():
        lines = draw(78)
        assert max(map(measure_line, lines)) <= 78
        assert {role for line in lines for _, role in line} <= set(ROLE_STYLES)


def test_two_models_that_do_the_same_differ_on_no_image() -> None:
    body = make_pixel_comparison()
    pair = body.pairs[0]
    same = replace(pair, comparison=replace(pair.comparison, items=(), classes=()))
    sections = list_comparison_sections(replace(body, pairs=(same,)))
    assert read(sections["new less old: items"](78)) == [" No image's IoU differs."]
    assert "new less old: classes" not in sections
