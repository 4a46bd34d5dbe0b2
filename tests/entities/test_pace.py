"""Time left: right where the pace is steady, wide where it is not, silent where nobody can know."""

from __future__ import annotations

import random

import pytest

from mlwf_tui.entities.pace import MAX_SAMPLES, Pace, TimeLeft, describe_rate
from mlwf_tui.entities.run import Progress


def say(pace: Pace, step: int, at: float, total: int | None = 1000) -> None:
    pace.add(Progress(step=step, total=total, message="", at=at))


def run_steadily(steps: int, seconds_a_step: float = 1.0, total: int | None = 1000) -> Pace:
    pace = Pace()
    for step in range(1, steps + 1):
        say(pace, step, step * seconds_a_step, total)
    return pace


def test_a_steady_run_has_an_exact_estimate() -> None:
    left = run_steadily(400).estimate(400.0)
    assert left == TimeLeft(600.0, 0.0)


def test_what_has_passed_since_the_last_word_is_taken_off() -> None:
    assert run_steadily(400).estimate(400.5) == TimeLeft(599.5, 0.0)
    assert run_steadily(400).estimate(405.0) == TimeLeft(599.0, 0.0), "no step is done in a long silence"


def test_nothing_is_said_without_an_end_with_little_seen_or_after_a_long_silence() -> None:
    assert run_steadily(400, total=None).estimate(400.0) is None
    assert run_steadily(3).estimate(3.0) is None
    assert run_steadily(400).estimate(460.0) is None
    assert Pace().estimate(0.0) is None


def test_a_few_long_steps_count_down_and_know_how_little_they_tell() -> None:
    """A search says every second how many of its five trials are done."""
    pace, at, lefts = Pace(), 0.0, []
    for done, length in enumerate((40, 44, 42, 90)):
        for _ in range(length):
            say(pace, done, at, total=5)
            left = pace.estimate(at)
            lefts.append((done, left))
            at += 1.0
    first = [left for done, left in lefts if done == 2]
    assert first[0] is not None
    assert first[0].seconds == 3 * 42.0
    assert first[0].margin_s > 20, "two trials say little of three"
    seconds = [left.seconds for done, left in lefts if done == 3 and left is not None]
    assert seconds == sorted(seconds, reverse=True)
    assert len(seconds) == 90
    assert seconds[-1] == pytest.approx(2 * 42.0 - 44.0), "the last trial is still to come"


def test_a_slower_pace_is_believed_soon() -> None:
    pace = run_steadily(200)
    for step in range(201, 401):
        say(pace, step, 200 + (step - 200) * 4.0)
    left = pace.estimate(1000.0)
    assert left is not None
    assert left.seconds == 600 * 4.0


def test_the_truth_lies_within_the_margin_of_a_noisy_run_with_epochs() -> None:
    """Steps of varying length, and a validation after every fifty of them."""
    hits = 0
    for seed in range(40):
        noise = random.Random(seed)
        at, pace, estimate = 0.0, Pace(), None
        for step in range(1, 1001):
            at += noise.uniform(0.5, 1.5) + (20.0 if step % 50 == 0 else 0.0)
            say(pace, step, at)
            if step == 400:
                estimate, asked_at = pace.estimate(at), at
        assert estimate is not None
        hits += abs(at - asked_at - estimate.seconds) <= estimate.margin_s
    assert hits >= 36


def test_a_pace_that_varies_too_much_gives_no_estimate() -> None:
    pace, at = Pace(), 0.0
    for step, length in enumerate([0.1, 0.1, 0.1, 60.0, 0.1, 0.1, 0.1, 0.1, 0.1], start=1):
        at += length
        say(pace, step, at)
    assert pace.estimate(at) is None


def test_steps_or_a_clock_that_go_back_begin_a_new_measurement() -> None:
    for step, at in ((100, 401.0), (401, 10.0)):
        pace = run_steadily(400)
        say(pace, step, at)
        assert pace.estimate(at) is None
        for more in range(1, 60):
            say(pace, step + more, at + 2.0 * more)
        left = pace.estimate(at + 118.0)
        assert left is not None
        assert left.seconds == (1000 - step - 59) * 2.0


def test_a_run_of_many_hours_takes_constant_room() -> None:
    pace = run_steadily(20_000, 3.0, total=40_000)
    assert len(pace._samples) <= MAX_SAMPLES
    left = pace.estimate(60_000.0)
    assert left is not None
    assert abs(left.seconds - 60_000) < 300


def test_a_finished_run_has_nothing_left() -> None:
    assert run_steadily(1000).estimate(1000.0) == TimeLeft(0.0, 0.0)


def test_the_speed_is_that_of_late_with_or_without_an_end() -> None:
    assert run_steadily(400, 0.5).measure(200.0) == 2.0
    assert run_steadily(400, 0.5, total=None).measure(200.0) == 2.0
    pace = run_steadily(200)
    for step in range(201, 401):
        say(pace, step, 200 + (step - 200) * 4.0)
    assert pace.measure(1000.0) == 0.25


def test_no_speed_is_told_with_little_seen_or_after_a_long_silence() -> None:
    assert Pace().measure(0.0) is None
    assert run_steadily(3).measure(3.0) is None
    assert run_steadily(400).measure(460.0) is None


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        (1240, "1,240/s"), (25.2, "25/s"), (3.14159, "3.1/s"), (0.4, "2.5 s each"), (0.001, "1,000 s each"),
        (1 / 99.7, "100 s each"), (1 / 14, "14 s each"),
        (3_210_000, "3.21M/s"), (1.5e9, "1.5G/s"),
    ],
)  # fmt: skip
def test_a_speed_reads_well_at_any_size(rate: float, words: str) -> None:
    assert describe_rate(rate) == words
