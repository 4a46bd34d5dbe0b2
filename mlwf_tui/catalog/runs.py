"""Runs from their beginning to their end, after which nothing about them changes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
import peewee as pw

from mlwf_tui.catalog.database import Database
from mlwf_tui.catalog.edges import RunEdges, add_edge, read_edges
from mlwf_tui.catalog.job_times import JobTimes, read_job_times
from mlwf_tui.catalog.journal import Journal
from mlwf_tui.catalog.lookup import find_by_prefix, is_one_of, missing
from mlwf_tui.catalog.tables import EdgeRow, JobRow, RunRow
from mlwf_tui.entities.ids import Digest, RunId, new_id
from mlwf_tui.entities.lineage import Direction
from mlwf_tui.entities.queue import Terms
from mlwf_tui.entities.run import ArtifactRef, Run, RunState
from mlwf_tui.errors import Conflict

MAX_SUMMARY_COUNTS = 3


class RunTie(NamedTuple):
    """What a run belongs to: the run that it is a part of, or the process that has opened it."""

    run_id: str
    parent: str
    process: str


class Runs:
    """The runs of a home, with what they read and made."""

    def __init__(self, database: Database, journal: Journal) -> None:
        self._database = database
        self._journal = journal

    def create(
        self,
        verb: str,
        *,
        params: Mapping[str, Any],
        seed: int | None,
        author: str,
        workspace: str,
        environment: Mapping[str, str],
        state: RunState = RunState.RUNNING,
        recipe: Digest | None = None,
        terms: Terms | None = None,
        call: Mapping[str, Any] | None = None,
        parent: RunId | None = None,
    ) -> Run:
        """Add a run; one that is created running has started now, one with terms waits in the queue."""
        run_id = RunId(new_id())
        with self._database.transaction():
            now = self._database.now()
            self._database.execute(
                RunRow.insert(
                    id=run_id,
                    verb=verb,
                    params=params,
                    state=state,
                    seed=seed,
                    author=author,
                    workspace=workspace,
                    environment=environment,
                    recipe=recipe,
                    result={},
                    summary="",
                    error="",
                    hint="",
                    created_at=now,
                    started_at=now if state is RunState.RUNNING else None,
                    terms=terms,
                    call=call or {},
                    priority=0 if terms is None else terms.priority,
                    waits_for="",
                    retry_count=0,
                    parent_id=parent,
                )
            )
            self._journal.append("run.created", run_id, author=author, verb=verb, state=state)
            rows = self._database.fetch(RunRow.select().where(RunRow.id == run_id))
        return _to_run(rows[0], RunEdges([]), None)  # each query costs a verb half a millisecond

    def get(self, ref: str) -> Run:
        """Return the run with this id, or whose id alone starts with it.

        Raises:
            NotFound: there is none.
            InvalidInput: several ids start with it.
        """
        found = find_by_prefix(self._database, RunRow, ref, "run")
        if found is None:
            raise missing(ref, "run", ())
        return self._get_by_id(RunId(found))

    def list(
        self,
        *,
        limit: int | None = 100,
        states: Collection[RunState] | None = None,
        workspace: str | None = None,
        is_detached: bool | None = None,
        ids: Iterable[str] | None = None,
        verbs: Collection[str] | None = None,
    ) -> tuple[Run, ...]:
        """Return the newest runs, newest first, of these ids or all; `limit` None gives all."""
        conditions = _choose(states, verbs)
        if ids is not None:
            conditions.append(is_one_of(RunRow.id, ids))
        if workspace is not None:
            conditions.append(RunRow.workspace == workspace)
        if is_detached is not None:
            conditions.append(RunRow.terms.is_null(not is_detached))
        return self._read(*conditions, limit=limit)

    def count(
        self, *, states: Collection[RunState] | None = None, verbs: Collection[str] | None = None
    ) -> int:
        """Return how many runs there are of these states and verbs, or of all."""
        query = RunRow.select(pw.fn.COUNT(RunRow.id))
        conditions = _choose(states, verbs)
        return self._database.read_value(query.where(*conditions) if conditions else query) or 0

    def list_names(self, verb: str) -> set[str]:
        """Return the names that runs of a verb were called with, for what they make; no run is read."""
        name = pw.fn.json_extract(RunRow.call, "$.name")
        found = self._database.fetch(RunRow.select(name).where(RunRow.verb == verb).tuples())
        return {given for (given,) in found if given}

    def list_readers(self, artifact: ArtifactRef) -> tuple[Run, ...]:
        """Return the runs that have read an artifact, newest first."""
        edges = EdgeRow.select(EdgeRow.run_id).where(
            EdgeRow.kind == artifact.kind,
            EdgeRow.artifact_id == artifact.id,
            EdgeRow.direction == Direction.INPUT,
        )
        return self._read(RunRow.id.in_(edges), limit=None)

    def list_parts(self, run_id: RunId) -> tuple[Run, ...]:
        """Return the runs that are parts of this one, newest first."""
        return self._read(RunRow.parent_id == run_id, limit=None)

    def read_ties(self, run_ids: Iterable[str]) -> tuple[RunTie, ...]:
        """Return of these runs the ones that belong to others, and to what; oldest first."""
        wanted = is_one_of(RunRow.id, run_ids)
        parts = RunRow.select(RunRow.sequence, RunRow.id, RunRow.parent_id).where(
            RunRow.parent_id.is_null(False), wanted
        )
        process = JobRow.boot_id.concat(":").concat(JobRow.pid).concat(":").concat(JobRow.start_ticks)
        opened = (
            RunRow.select(RunRow.sequence, RunRow.id, process)
            .join(JobRow, on=(JobRow.run_id == RunRow.id))
            .where(pw.fn.INSTR(RunRow.environment, '"program"') > 0, wanted)
        )
        with self._database.working_on_rows():
            ties = [(at, RunTie(id, parent, "")) for at, id, parent in self._database.fetch(parts.tuples())]
            ties += [(at, RunTie(id, "", job)) for at, id, job in self._database.fetch(opened.tuples())]
        return tuple(tie for _, tie in sorted(ties))

    def find_by_recipe(self, recipe: Digest) -> Run | None:
        """Return the newest run of this recipe that is done."""
        found = self._read(RunRow.recipe == recipe, RunRow.state == RunState.DONE, limit=1)
        return found[0] if found else None

    def list_by_recipe(self, recipe: Digest) -> tuple[Run, ...]:
        """Return the runs of this recipe that are done, newest first."""
        return self._read(RunRow.recipe == recipe, RunRow.state == RunState.DONE, limit=None)

    def start(self, run_id: RunId) -> Run:
        """Let a queued or claimed run begin.

        Raises:
            Conflict: it is neither.
        """
        with self._database.transaction():
            state = self._get_unfinished_state(run_id)
            if state not in (RunState.QUEUED, RunState.CLAIMED):
                raise Conflict(f"The run {run_id} is {state}, not queued.", hint="See mlwf runs.")
            now = self._database.now()
            self._update(run_id, state=RunState.RUNNING, started_at=now, waits_for="", error="", hint="")
            self._journal.append("run.started", run_id)
            return self._get_by_id(run_id)

    def mark(self, run_id: RunId, state: RunState, *, expected: Collection[RunState]) -> bool:
        """Set the state if it is one of `expected`, and say whether it was.

        Raises:
            Conflict: the run is finished.
        """
        with self._database.transaction():
            if self._get_unfinished_state(run_id) not in expected:
                return False
            waits = {} if state is RunState.QUEUED else {"waits_for": ""}
            self._update(run_id, state=state, **waits, **self._end_if(state))
            self._journal.append("run.marked", run_id, state=state)
            return True

    def finish(
        self,
        run_id: RunId,
        state: RunState,
        *,
        result: Mapping[str, Any],
        error: str = "",
        hint: str = "",
        at: datetime | None = None,
    ) -> None:
        """Close a run with its outcome, for good; `at` is when it ended, where that is not now.

        Raises:
            Conflict: it is finished already.
        """
        assert state.is_finished, state
        with self._database.transaction():
            self._get_unfinished_state(run_id)
            known = {"result": result, "summary": _summarise(result)} if result else {}
            self._update(
                run_id,
                state=state,
                **known,
                error=error,
                hint=hint,
                waits_for="",
                **({"finished_at": at} if at is not None else self._end_if(state)),
            )
            self._journal.append("run.finished", run_id, state=state)

    def set_recipe(self, run_id: RunId, recipe: Digest) -> None:
        """Note all that decides the run's output, known once its inputs are.

        Raises:
            Conflict: the run is finished.
        """
        with self._database.transaction():
            self._get_unfinished_state(run_id)
            self._update(run_id, recipe=recipe)

    def set_params(self, run_id: RunId, params: Mapping[str, Any]) -> None:
        """Note the parameters as the verb has checked them.

        Raises:
            Conflict: the run is finished.
        """
        with self._database.transaction():
            self._get_unfinished_state(run_id)
            self._update(run_id, params=params)

    def note_result(self, run_id: RunId, result: Mapping[str, Any]) -> None:
        """Say what is known of the result while the run goes on; kept where it ends without another.

        Raises:
            Conflict: the run is finished.
        """
        with self._database.transaction():
            self._get_unfinished_state(run_id)
            self._update(run_id, result=result, summary=_summarise(result))
            self._journal.append("run.noted", run_id)

    def extend_result(self, run_id: RunId, values: Mapping[str, Any]) -> None:
        """Say more of the result while the run goes on, beside what the run itself has said by then.

        Raises:
            Conflict: the run is finished.
        """
        with self._database.transaction():
            self._get_unfinished_state(run_id)
            self.note_result(run_id, {**self._get_by_id(run_id).result, **values})

    def set_environment(self, run_id: RunId, environment: Mapping[str, str]) -> None:
        """Note what the run was done with: versions, device.

        Raises:
            Conflict: the run is finished.
        """
        with self._database.transaction():
            self._get_unfinished_state(run_id)
            self._update(run_id, environment=environment)

    def add_input(self, run_id: RunId, ref: ArtifactRef) -> None:
        """Say that the run reads an artifact; saying it twice changes nothing.

        Raises:
            Conflict: the run is finished.
            NotFound: there is no such run or artifact.
        """
        self._add_edge(run_id, Direction.INPUT, ref)

    def add_output(self, run_id: RunId, ref: ArtifactRef) -> None:
        """Say that the run has made a new artifact; saying it twice changes nothing.

        Raises:
            Conflict: the run is finished, or the artifact was made or read by a run before.
            NotFound: there is no such run or artifact.
        """
        self._add_edge(run_id, Direction.OUTPUT, ref)

    def _add_edge(self, run_id: RunId, direction: Direction, ref: ArtifactRef) -> None:
        with self._database.transaction():
            self._get_unfinished_state(run_id)
            if add_edge(self._database, run_id, direction, ref):
                self._journal.append(f"run.{direction}", run_id, artifact=f"{ref.kind}:{ref.id}")

    def _get_unfinished_state(self, run_id: RunId) -> RunState:
        state = find_state(self._database, run_id)
        if state is None:
            raise missing(run_id, "run", ())
        if state.is_finished:
            raise Conflict(
                f"The run {run_id} is finished ({state}) and cannot be changed.", hint="Start a new run."
            )
        return state

    def _end_if(self, state: RunState) -> dict[str, Any]:
        return {"finished_at": self._database.now()} if state.is_finished else {}

    def _update(self, run_id: RunId, **values: Any) -> None:
        self._database.execute(RunRow.update(**values).where(RunRow.id == run_id))

    def _get_by_id(self, run_id: RunId) -> Run:
        return self._read(RunRow.id == run_id, limit=1)[0]

    def _read(self, *conditions: Any, limit: int | None) -> tuple[Run, ...]:
        query = RunRow.select().order_by(RunRow.sequence.desc()).limit(limit)
        with self._database.snapshot():  # or a run would be seen without the edges of its end
            rows = self._database.fetch(query.where(*conditions) if conditions else query)
            edges = read_edges(self._database, (row.id for row in rows))
            times = read_job_times(self._database, (row.id for row in rows if row.started_at))
        return self._database.make_all(rows, lambda row: _to_run(row, edges, times.get(row.id)))


def _choose(states: Collection[RunState] | None, verbs: Collection[str] | None) -> list[Any]:
    """Return the conditions of being in one of some states, and done by one of some verbs; None: any."""
    conditions = []
    if states is not None:
        conditions.append(RunRow.state.in_(tuple(states)))
    if verbs is not None:
        conditions.append(RunRow.verb.in_(tuple(verbs)))
    return conditions


def find_state(database: Database, run_id: RunId) -> RunState | None:
    """Return where a run stands, if there is one of that id."""
    state = database.read_value(RunRow.select(RunRow.state).where(RunRow.id == run_id))
    with database.working_on_rows():
        return None if state is None else RunState(state)


def _summarise(result: Mapping[str, Any]) -> str:
    """Return a verb's own summary, else the first counts of its document: "items added 364, …"."""
    if isinstance(result.get("summary"), str):
        return str(result["summary"])
    counts = [
        f"{key.replace('_', ' ')} {value:,}"
        for key, value in result.items()
        if isinstance(value, int) and not isinstance(value, bool)
    ]
    return ", ".join(counts[:MAX_SUMMARY_COUNTS])


def _to_run(row: RunRow, edges: RunEdges, times: JobTimes | None) -> Run:
    return Run(
        id=RunId(row.id),
        verb=row.verb,
        params=row.params,
        state=RunState(row.state),
        seed=row.seed,
        author=row.author,
        created_at=row.created_at,
        started_at=row.started_at if times is None else times.first_at,
        finished_at=row.finished_at,
        restarted_at=None if times is None else times.going_since,
        earlier_s=None if times is None else times.ended_s,
        inputs=edges.select(row.id, Direction.INPUT),
        outputs=edges.select(row.id, Direction.OUTPUT),
        recipe=None if row.recipe is None else Digest(row.recipe),
        environment=row.environment,
        result=row.result,
        error=row.error,
        hint=row.hint,
        workspace=row.workspace,
        terms=None if row.terms is None else msgspec.convert(row.terms, Terms),
        call=row.call,
        priority=row.priority,
        waits_for=row.waits_for,
        not_before=row.not_before,
        retry_count=row.retry_count,
        parent=None if row.parent_id is None else RunId(row.parent_id),
    )
