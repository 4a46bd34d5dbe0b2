"""The time of an image, by what a report knows of its speed."""

from __future__ import annotations

from mlwf_tui.entities.speed import find_image_ms


def test_the_time_of_an_image_is_that_of_its_stages_or_follows_from_images_a_second() -> None:
    assert find_image_ms({"preprocess_ms": 1.0, "inference_ms": 3.0, "images_per_second": 100.0}) == 4.0
    assert find_image_ms({"images_per_second": 50.0, "latency_p50_ms": 3.0}) == 20.0
    assert find_image_ms({}) is None
    assert find_image_ms({"images_per_second": 0.0}) is None
