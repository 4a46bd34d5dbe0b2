"""How long the jobs of a run were at work together; one that nobody saw end counts until it was missed."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime

import msgspec

from mlwf_tui.catalog.database import Database
from mlwf_tui.catalog.fields import Time

# As text: peewee takes half a millisecond to write it, and it is asked whenever a run is read.
_QUERY = """
    SELECT run_id, MIN(started_at), MAX(CASE WHEN finished_at IS NULL THEN started_at END),
        TOTAL(COALESCE(ran_s, MAX(0, finished_at - started_at) / 1e6))
    FROM job WHERE run_id IN (SELECT value FROM json_each(?)) GROUP BY run_id
"""


class JobTimes(msgspec.Struct, frozen=True, kw_only=True):
    """The times of all jobs of a run."""

    first_at: datetime | None
    going_since: datetime | None  # when the job began that has not ended
    ended_s: float  # that those took which have


def read_job_times(database: Database, run_ids: Iterable[str]) -> dict[str, JobTimes]:
    """Return the times of those of the runs that jobs have been at."""
    with database.working_on_rows():
        read = Time().python_value
        return {
            run_id: JobTimes(first_at=read(first), going_since=read(going), ended_s=ended_s)
            for run_id, first, going, ended_s in database.execute_sql(_QUERY, (json.dumps(list(run_ids)),))
        }
