from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from mlwf_tui.entities.item import Split
from mlwf_tui.formats.model_cards import (
    CardFacts,
    Glance,
    Range,
    SplitCounts,
    list_limits,
    write_model_card,
)

GOOD = CardFacts(
    name="small", task="detect", architecture="yolov10n", trainer="ultralytics", class_names=("cat", "dog"),
    image_size_px=64, created_at=datetime(2026, 1, 2, 3, 4, tzinfo=UTC), run_id="3f9a", author="ada",
    licence="AGPL-3.0", data="pets@2", manifest="a" * 64,
    splits={
        Split.TRAIN: SplitCounts(images=200, by_class={"cat": 300, "dog": 250}),
        Split.VAL: SplitCounts(images=80, by_class={"cat": 90, "dog": 70}),
        Split.TEST: SplitCounts(images=60, by_class={"cat": 60, "dog": 50}),
    },
    counted="objects", image_sides=None, object_sides=None, params={"epochs": 20}, seed=0,
    metrics={"map50": 0.81234}, curves=[("metrics/mAP50", 0.8, 0.81, 17)], environment={"torch": "2.6"},
    took_s=600.0,
)  # fmt: skip


def change(**fields: Any) -> CardFacts:
    return replace(GOOD, **fields)


def test_a_card_says_what_the_model_is_and_what_it_learned_from() -> None:
    card = write_model_card(GOOD)
    assert card.startswith("# small\n")
    for line in (
        "| Task | detect |",
        "| Licence | AGPL-3.0 |",
        "| objects | train | val | test |",
        "| cat | 300 | 90 | 60 |",
        "| map50 | 0.8123 |",
        "| metrics/mAP50 | 0.8 | 0.81 | 17 |",
        "| epochs | 20 |",
        "mlwf apply small PROJECT --to PROJECT-labelled",
    ):
        assert line in card.splitlines(), line
    assert "The numbers show none." in card


def test_of_a_model_that_a_program_has_told_of_nothing_is_said_that_is_not_known() -> None:
    card = write_model_card(
        change(is_told=True, task="", architecture="", trainer="", image_size_px=0, class_names=(), curves=())
    )
    assert "A model: made by a program of its own." in card
    assert "| Task | not told |" in card
    assert "| Read by its run | pets@2 |" in card
    assert "As its program told." in card
    for untrue in (
        "trained by",
        "validation split",
        "mlwf reproduce",
        "mlwf apply",
        "0 × 0",
        "no test split",
    ):
        assert untrue not in card
    assert "mlwf apply small" in write_model_card(change(is_told=True)), "its trainer can open it"


def test_what_went_otherwise_than_asked_stands_beside_what_was_asked() -> None:
    card = write_model_card(change(notes=("It stopped early after epoch 2 of 6.",), params={"epochs": 6}))
    assert (
        "It stopped early after epoch 2 of 6."
        in card.partition("## Training")[2].partition("| epochs | 6 |")[0]
    )


def test_limits_are_what_the_numbers_say() -> None:
    poor = change(
        class_names=("cat", "dog", "emu", "fox"),
        splits={
            Split.TRAIN: SplitCounts(images=20, by_class={"cat": 900, "dog": 30, "fox": 60}),
            Split.VAL: SplitCounts(images=9, by_class={"cat": 40, "fox": 3}),
        },
        object_sides=Range(4.2, 30.0),
        image_sides=Range(480, 480),
        is_stopped=True,
    )
    said = " ".join(list_limits(poor))
    for words in (
        "Never seen in training: emu.",
        "under 50): dog (30).",
        "nothing is known of it: dog.",
        "30 times as many objects of cat as of dog",
        "objects of 4 to 30 pixels",
        "a shorter side of 480 pixels",
        "no test split",
        "Measured on 9 images only",
        "stopped before its end",
    ):
        assert words in said, words
    assert not list_limits(GOOD)


def test_what_was_mistaken_is_told_with_how_many_images_were_looked_at() -> None:
    card = write_model_card(change(glance=Glance(images=9, of=80, mistaken=(("cat", "dog", 4),))))
    assert "Looked at on 9 of 80 validation images" in card
    assert "| cat | dog | 4 |" in card


def test_names_cannot_break_the_tables() -> None:
    card = write_model_card(change(class_names=("a|b\nc",), params={"note": "x | y\n# z"}))
    assert "| a\\|b c | 0 | 0 | 0 |" in card
    assert "| note | x \\| y # z |" in card
