"""How trials compare."""

from __future__ import annotations

from mlwf_tui.entities.search import Trial, TrialState, describe_values, find_best, list_records, rank


def make(number: int, value: float | None, state: TrialState = TrialState.DONE) -> Trial:
    return Trial(number=number, run=str(number), state=state, values={"x": number}, value=value)


TRIALS = [make(1, 0.3), make(2, 0.9, TrialState.PRUNED), make(3, 0.5), make(4, None), make(5, 0.4)]


def test_trials_that_are_done_come_first_the_best_before_the_others() -> None:
    assert [trial.number for trial in rank(TRIALS, is_lower_better=False)] == [3, 5, 1, 4, 2]
    assert [trial.number for trial in rank(TRIALS, is_lower_better=True)] == [1, 5, 3, 4, 2]


def test_the_best_is_done_and_has_a_value() -> None:
    best = find_best(TRIALS, is_lower_better=False)
    assert best is not None
    assert best.number == 3
    assert find_best([make(1, None), make(2, 0.9, TrialState.PRUNED)], is_lower_better=False) is None
    assert find_best([], is_lower_better=False) is None


def test_records_tell_the_best_so_far() -> None:
    assert list_records(TRIALS, is_lower_better=False) == [(1, 0.3), (3, 0.5), (5, 0.5)]
    assert list_records(TRIALS, is_lower_better=True) == [(1, 0.3), (3, 0.3), (5, 0.3)]


def test_only_what_was_dropped_with_its_search_is_done_again() -> None:
    assert [state for state in TrialState if not state.counts] == [TrialState.DROPPED]
    assert [state for state in TrialState if not state.is_over] == [
        TrialState.WAITING, TrialState.RUNNING, TrialState.PAUSED,
    ]  # fmt: skip


def test_values_are_written_short() -> None:
    assert describe_values({"lr0": 0.00123456, "batch": 8, "optimizer": "SGD"}) == (
        "lr0 0.001235, batch 8, optimizer SGD"
    )
