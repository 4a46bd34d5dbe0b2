"""What a search reads of its trials."""

from __future__ import annotations

import math

from mlwf_tui.entities.search import SearchPlan, find_best
from mlwf_tui.workflow.running.recorder import record
from mlwf_tui.workflow.searching.trials import Trials
from mlwf_tui.workspace import Workspace


def test_a_trial_whose_metric_is_no_number_is_not_the_best(workspace: Workspace) -> None:
    plan = SearchPlan(data="cells@1", model="learner", axes=())
    with record(workspace, "search", params={}) as search:
        for value in (math.nan, 0.5, math.inf):
            with record(workspace, "train", params={}, parent=search.run_id) as trial:
                trial.result = {"metrics": {plan.metric: value}}
        trials = Trials(workspace, search.run_id, plan).read()
    assert [trial.value for trial in trials] == [None, 0.5, None]
    best = find_best(trials, is_lower_better=False)
    assert best is not None
    assert best.number == 2
