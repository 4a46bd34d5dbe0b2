"""Going back through the past values of a field and on again, as in a shell."""

from __future__ import annotations

from mlwf_tui.tui.widgets.recall import Recall


def test_one_goes_back_to_the_oldest_and_on_to_what_was_being_written() -> None:
    recall = Recall()
    recall.take({"path": ("new", "old")})
    assert recall.count("path") == 2
    assert recall.go_on("path") is None
    assert recall.go_back("path", "dra") == "new"
    assert recall.go_back("path", "new") == "old"
    assert recall.go_back("path", "old") is None
    assert recall.go_on("path") == "new"
    assert recall.go_on("path") == "dra"
    assert recall.go_on("path") is None


def test_what_stands_there_already_is_passed_over_and_fields_are_apart() -> None:
    recall = Recall()
    recall.take({"path": ("given", "older"), "name": ("x",)})
    assert recall.go_back("path", "given") == "older"
    assert recall.go_back("name", "") == "x"
    assert recall.go_on("path") == "given"
    assert recall.go_back("nothing", "") is None
