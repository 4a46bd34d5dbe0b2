"""grid, random and tpe: three ways to choose a trial's values; pruning and importance are Optuna's.

Nothing is kept between two calls: a study is made in memory of the trials that are given, and thrown away.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

import msgspec

from mlwf_tui.entities.axis import Axis
from mlwf_tui.entities.search import Trial, TrialState
from mlwf_tui.errors import PluginError

STARTUP_TRIALS = 5  # that tpe draws at random first, and that are done before one is pruned
FEWEST_RATED = 4  # importance of fewer is noise
RATING_SEED = 0  # the forest's, so that the same trials are rated the same
SEED_STRIDE = 1_000_003  # a prime: searches with seeds side by side draw nothing in common


Values = Mapping[str, Any]
Choose = Callable[[Sequence[Axis], Sequence[Trial], int, bool], Values | None]


class OptunaSampler(msgspec.Struct, frozen=True):
    """One way to choose, from the axes, the trials so far, a seed, and whether low is good."""

    name: str
    summary: str
    choose: Choose

    def suggest(
        self, axes: Sequence[Axis], trials: Sequence[Trial], *, seed: int, is_lower_better: bool
    ) -> Values | None:
        """Return the values of the next trial, decided by what is given alone."""
        return self.choose(axes, trials, seed, is_lower_better)

    def is_unpromising(
        self,
        axes: Sequence[Axis],
        trials: Sequence[Trial],
        trial: Trial,
        *,
        after: int,
        is_lower_better: bool,
    ) -> bool:
        """Whether its best value so far is worse than the median of those done, as they were at its step.

        Source: the median stopping rule of Golovin et al., Google Vizier (2017).
        """
        others = [other for other in trials if other.state is TrialState.DONE and other.curve]
        if len(trial.curve) <= after or len(others) < STARTUP_TRIALS:
            return False
        pruner = _load().pruners.MedianPruner(n_startup_trials=STARTUP_TRIALS, n_warmup_steps=after)
        study = _make_study(axes, others, is_lower_better=is_lower_better)
        return bool(pruner.prune(study, _make_trial(axes, trial)))

    def rate_importance(
        self, axes: Sequence[Axis], trials: Sequence[Trial], *, is_lower_better: bool
    ) -> dict[str, float]:
        """Return the shares of variance by fANOVA.

        Source: Hutter, Hoos and Leyton-Brown, An Efficient Approach for Assessing Hyperparameter
        Importance (2014).
        """
        done = [trial for trial in trials if trial.state is TrialState.DONE and trial.value is not None]
        if len(done) < FEWEST_RATED or len({trial.value for trial in done}) < 2:
            return {}
        if all(trial.values == done[0].values for trial in done):  # what differs is chance alone
            return {}
        importance = _load().importance
        study = _make_study(axes, done, is_lower_better=is_lower_better)
        evaluator = importance.FanovaImportanceEvaluator(seed=RATING_SEED)
        shares = importance.get_param_importances(study, evaluator=evaluator)
        return {name: round(float(share), 4) for name, share in shares.items()}


def make_grid() -> OptunaSampler:
    return OptunaSampler("grid", "every combination of the values, one after the other", _choose_from_grid)


def make_random() -> OptunaSampler:
    return OptunaSampler("random", "values drawn at random", _draw_at_random)


def make_tpe() -> OptunaSampler:
    summary = "values drawn where the better trials lie (Tree-structured Parzen Estimator)"
    return OptunaSampler("tpe", summary, _draw_by_tpe)


def _choose_from_grid(
    axes: Sequence[Axis], trials: Sequence[Trial], seed: int, is_lower_better: bool
) -> Values | None:
    """Return the first combination that no trial has; the last axis changes fastest."""
    done = [dict(trial.values) for trial in trials]
    for combination in product(*(axis.list_values() for axis in axes)):
        values = {axis.name: value for axis, value in zip(axes, combination, strict=True)}
        if values not in done:
            return values
    return None


def _draw_at_random(
    axes: Sequence[Axis], trials: Sequence[Trial], seed: int, is_lower_better: bool
) -> Values:
    sampler = _load().samplers.RandomSampler(seed=_find_seed(seed, trials))
    return _draw(axes, (), sampler, is_lower_better)


def _draw_by_tpe(axes: Sequence[Axis], trials: Sequence[Trial], seed: int, is_lower_better: bool) -> Values:
    """Trials that go on count as bad ones, so that those side by side are not alike."""
    sampler = _load().samplers.TPESampler(
        seed=_find_seed(seed, trials), n_startup_trials=STARTUP_TRIALS, constant_liar=True
    )
    return _draw(axes, trials, sampler, is_lower_better)


def _find_seed(seed: int, trials: Sequence[Trial]) -> int:
    return (seed * SEED_STRIDE + len(trials)) % (1 << 32)


def _draw(axes: Sequence[Axis], trials: Sequence[Trial], sampler: Any, is_lower_better: bool) -> Values:
    study = _make_study(axes, trials, is_lower_better=is_lower_better)
    study.sampler = sampler
    drawn = study.ask(fixed_distributions=_list_distributions(axes)).params
    return {axis.name: drawn[axis.name] if axis.values else axis.round(drawn[axis.name]) for axis in axes}


def _load() -> Any:
    """Return Optuna, quiet: what there is to say, the search says."""
    try:
        import optuna
    except ImportError as error:
        raise PluginError("Optuna is not installed.", hint="pip install optuna") from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def _make_study(axes: Sequence[Axis], trials: Sequence[Trial], *, is_lower_better: bool) -> Any:
    study = _load().create_study(direction="minimize" if is_lower_better else "maximize")
    for trial in trials:
        study.add_trial(_make_trial(axes, trial))
    return study


def _make_trial(axes: Sequence[Axis], trial: Trial) -> Any:
    """Return a trial as Optuna knows it. Of a curve the places count, as epochs that were skipped do not."""
    optuna = _load()
    states = optuna.trial.TrialState
    by_state = {TrialState.DONE: states.COMPLETE, TrialState.PRUNED: states.PRUNED,
                TrialState.FAILED: states.FAIL}  # fmt: skip
    state = by_state.get(trial.state, states.RUNNING)
    if state is states.COMPLETE and trial.value is None:
        state = states.FAIL
    return optuna.trial.create_trial(
        state=state,
        value=trial.value if state is states.COMPLETE else None,
        params={axis.name: _give(axis, trial.values[axis.name]) for axis in axes},
        distributions=_list_distributions(axes),
        intermediate_values={place: value for place, (_, value) in enumerate(trial.curve, start=1)},
    )


def _list_distributions(axes: Sequence[Axis]) -> dict[str, Any]:
    return {axis.name: _make_distribution(axis) for axis in axes}


def _make_distribution(axis: Axis) -> Any:
    found = _load().distributions
    if axis.values:
        return found.CategoricalDistribution(axis.values)
    if axis.is_whole:
        step = round(axis.step or 1)
        return found.IntDistribution(round(axis.low), round(axis.high), log=axis.is_log, step=step)
    return found.FloatDistribution(axis.low, axis.high, log=axis.is_log, step=axis.step)


def _give(axis: Axis, value: Any) -> Any:
    """Return a trial's value as the distribution holds it; a person may have resumed it with another."""
    if axis.values:
        return value if value in axis.values else axis.values[0]
    return axis.round(float(value))
