"""What every sampler must do."""

from __future__ import annotations

import pytest

from mlwf_tui.entities.axis import Axis, read_axis
from mlwf_tui.entities.search import Trial, TrialState
from mlwf_tui.protocols.samplers import Sampler
from mlwf_tui.registry import Registry

NAMES = Registry().list_names("samplers")
AXES = (read_axis("x", "0.0..1.0"), read_axis("n", "1..4"), read_axis("kind", "a,b"))


def get(name: str) -> Sampler:
    return Registry().get_sampler(name)


def judge(values: dict[str, object]) -> float:
    """The best is at x 0.8 and kind b; n does not matter."""
    return 1.0 - abs(float(str(values["x"])) - 0.8) - (0.3 if values["kind"] == "a" else 0.0)


def run(sampler: Sampler, count: int, *, seed: int = 0, trials: tuple[Trial, ...] = ()) -> list[Trial]:
    done = list(trials)
    while len(done) < count:
        values = sampler.suggest(AXES, done, seed=seed, is_lower_better=False)
        assert values is not None
        value = judge(dict(values))
        curve = tuple((step, value * step / 5) for step in range(1, 6))
        number = len(done) + 1
        done.append(
            Trial(
                number=number,
                run=f"r{number}",
                state=TrialState.DONE,
                values=values,
                value=value,
                curve=curve,
            )
        )
    return done


def is_inside(axis: Axis, value: object) -> bool:
    return value in axis.values if axis.values else axis.low <= float(str(value)) <= axis.high


def test_there_are_three() -> None:
    assert NAMES == ("grid", "random", "tpe")


@pytest.mark.parametrize("name", NAMES)
def test_values_lie_on_their_axes_and_the_same_seed_gives_the_same(name: str) -> None:
    trials = run(get(name), 8, seed=3)
    for trial in trials:
        assert list(trial.values) == [axis.name for axis in AXES]
        assert all(is_inside(axis, trial.values[axis.name]) for axis in AXES)
    tried = [trial.values for trial in trials]
    assert [trial.values for trial in run(get(name), 8, seed=3)] == tried
    assert [trial.values for trial in run(get(name), 8, seed=3, trials=tuple(trials[:5]))] == tried


def test_a_grid_ends_with_its_last_combination() -> None:
    trials = run(get("grid"), 5 * 4 * 2)
    assert len({tuple(trial.values.values()) for trial in trials}) == 40
    assert get("grid").suggest(AXES, trials, seed=0, is_lower_better=False) is None


@pytest.mark.parametrize("name", ["random", "tpe"])
def test_another_seed_draws_others(name: str) -> None:
    assert run(get(name), 3, seed=1)[0].values != run(get(name), 3, seed=2)[0].values


@pytest.mark.slow
def test_tpe_comes_closer_than_chance() -> None:
    """Over five seeds the last ten of twenty-five trials are better on average than those at random."""
    means = {}
    for name in ("random", "tpe"):
        last = [trial.value or 0.0 for seed in range(5) for trial in run(get(name), 25, seed=seed)[-10:]]
        means[name] = sum(last) / len(last)
    assert means["tpe"] > means["random"] + 0.1


@pytest.mark.parametrize("name", NAMES)
def test_what_is_below_the_median_is_unpromising_once_it_is_old_enough(name: str) -> None:
    sampler, trials = get(name), run(get("random"), 6)

    def is_unpromising(values: tuple[float, ...], after: int, known: list[Trial]) -> bool:
        curve = tuple(enumerate(values, start=1))
        going = Trial(number=7, run="r7", state=TrialState.RUNNING, values=trials[0].values, curve=curve)
        return sampler.is_unpromising(AXES, [*known, going], going, after=after, is_lower_better=False)

    assert is_unpromising((0.0, 0.0, 0.0), 2, trials)
    assert not is_unpromising((0.0, 0.0, 0.0), 3, trials)
    assert not is_unpromising((0.9, 0.9, 0.9), 2, trials)
    assert not is_unpromising((0.0, 0.0, 0.0), 2, trials[:3])
    assert not is_unpromising((), 0, trials)


@pytest.mark.parametrize("name", NAMES)
def test_importance_adds_up_and_knows_what_does_not_matter(name: str) -> None:
    rated = get(name).rate_importance(AXES, run(get("random"), 25), is_lower_better=False)
    assert sum(rated.values()) == pytest.approx(1, abs=0.01)
    assert list(rated.values()) == sorted(rated.values(), reverse=True)
    assert min(rated, key=lambda axis: rated[axis]) == "n"
    assert get(name).rate_importance(AXES, run(get("random"), 3), is_lower_better=False) == {}


@pytest.mark.parametrize("name", NAMES)
def test_of_trials_with_the_same_values_nothing_is_told_to_matter(name: str) -> None:
    same = {"x": 0.5, "n": 2, "kind": "a"}  # as a GPU does them: never twice to the same number
    trials = [
        Trial(number=number, run=f"r{number}", state=TrialState.DONE, values=same, value=number / 10)
        for number in range(1, 6)
    ]
    assert get(name).rate_importance(AXES, trials, is_lower_better=False) == {}
