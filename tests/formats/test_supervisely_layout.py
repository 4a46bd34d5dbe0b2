"""Where an item's files lie in a project folder."""

from __future__ import annotations

from mlwf_tui.formats.supervisely_layout import find_place_fault, place_annotation, place_image


def test_nested_datasets_lie_in_folders_of_their_own() -> None:
    assert place_image("main", "a.jpg") == "main/img/a.jpg"
    assert place_annotation("main", "a.jpg") == "main/ann/a.jpg.json"
    assert place_image("a/b/c", "a.jpg") == "a/datasets/b/datasets/c/img/a.jpg"


def test_no_two_items_share_a_place() -> None:
    datasets = ["a", "a/img", "a/datasets", "a/datasets/img", "datasets/a", "a/ann", "img"]
    places = [
        place(d, n) for d in datasets for n in ("x", "x.json") for place in (place_image, place_annotation)
    ]
    assert len(set(places)) == len(places)


def test_what_has_no_place_is_told() -> None:
    assert find_place_fault("main", "x" * 250) == ""
    assert "so long" in find_place_fault("main", "x" * 251)
    assert "meta.json" in find_place_fault("meta.json/deep", "a.jpg")
    assert find_place_fault("deep/meta.json", "a.jpg") == ""
