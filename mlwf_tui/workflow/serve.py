"""serve: let others ask a model over HTTP on this machine, in a worker process, until it is stopped."""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from mlwf_tui.entities.card import Card
from mlwf_tui.entities.model import Model
from mlwf_tui.entities.queue import Terms, Wants
from mlwf_tui.entities.run import Run, RunState
from mlwf_tui.errors import Conflict, InvalidParameter, MlwfError
from mlwf_tui.params import ParamSpec, build_params, describe_params, param
from mlwf_tui.protocols.observer import Observer
from mlwf_tui.protocols.trainers import PredictRequest
from mlwf_tui.workflow.running.follow import RunUpdate, wait_for
from mlwf_tui.workflow.running.jobs import check_terms, queue_run, start_queued
from mlwf_tui.workflow.running.leases import find_device
from mlwf_tui.workflow.running.recorder import Recorder
from mlwf_tui.workflow.using.ports import digest_token, is_loopback_address, open_port
from mlwf_tui.workflow.using.samples import draw_picture
from mlwf_tui.workflow.using.trust import check_model
from mlwf_tui.workflow.using.weights import open_weights
from mlwf_tui.workspace import Workspace

if TYPE_CHECKING:  # the web framework costs half a second that only the session's own process has to pay
    from mlwf_tui.workflow.using.counting import Counts
    from mlwf_tui.workflow.using.session_guard import Patience

DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 8765
SHORTEST_TOKEN = 8
WARM_BATCH = 8  # pictures of the largest batch that the model is warmed up with
_FILE = "session.json"
_TELL_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class ServeParams:
    """How a session answers, and what it takes at most."""

    confidence: float = param(
        0.25, "keep objects at least this sure; a request may ask for surer ones", low=0, high=1
    )
    iou: float = param(0.7, "of two objects that overlap more the surer one is kept", low=0.01, high=1)
    max_objects: int = param(300, "most objects of one picture", low=1, high=10_000)
    tile: int = param(0, "side in pixels of the tiles that larger pictures are looked at in; 0: none", low=0)
    overlap: float = param(0.2, "share of a tile's side that the next one has too", low=0, high=0.9)
    max_batch: int = param(8, "most pictures that the model looks at together", low=1, high=256)
    max_wait_ms: float = param(5.0, "longest that a batch waits for further pictures", low=0, high=1000)
    max_queue: int = param(
        64, "most pictures that wait; further requests are refused with 503", low=1, high=100_000
    )
    max_body_mb: float = param(32.0, "largest request", low=0.001, high=4096)
    max_megapixels: float = param(64.0, "largest picture, by its header", low=0.001, high=178)
    max_receive_s: float = param(
        60.0, "longest that a caller may take to send a request, or to take its answer", low=0.1, high=3600
    )
    device: str = param("auto", "auto, cpu, or a GPU's index")


class Submitted(msgspec.Struct, frozen=True):
    """A queued session, and the token that it asks for, which is told once and kept nowhere."""

    run: Run
    token: str


class SessionPlace(msgspec.Struct, frozen=True, kw_only=True):
    """Where a session answers, or has answered when `job` was at it."""

    url: str
    model: str
    has_token: bool
    job: str = ""


def list_params() -> tuple[ParamSpec, ...]:
    """Return the declared parameters of serve."""
    return describe_params(ServeParams)


def submit_serve(
    workspace: Workspace,
    model_ref: str,
    *,
    host: str = DEFAULT_HOST,
    port: int = DEFAULT_PORT,
    token: str | None = None,
    params: Mapping[str, Any],
    is_trusted: bool = False,
    terms: Terms | None = None,
) -> Submitted:
    """Queue a session, which begins when there is room, and return at once.

    `token` None draws one, an empty one lets everybody ask who reaches the port. On a CPU a session takes
    no slot: it would keep trainings waiting for as long as it stands there.

    Raises:
        NotFound: there is no such model.
        InvalidParameter: a parameter does not fit, or there is no such address.
        Untrusted: opening the weights may run code of their maker, and nobody vouches for them.
        Conflict: the port is in use.
    """
    model = workspace.catalog.models.get(model_ref)
    checked = asdict(build_params(ServeParams, params))
    chosen = _choose_token(token)
    check_model(workspace, model, is_trusted=is_trusted)
    open_port(host, port).close()  # the worker opens it anew, and says the same where it cannot
    agreed = check_terms(workspace, terms or Terms(), uses_gpu=True, device=checked["device"])
    if terms is None or terms.wants is None:
        wants = agreed.wants or Wants()
        agreed = msgspec.structs.replace(agreed, wants=wants if wants.gpu_count else Wants(slots=0))
    shown: dict[str, Any] = {"model": model.name, "host": host, "port": port, **checked}
    shown |= {"is_trusted": True} if is_trusted else {}
    digest = digest_token(chosen) if chosen else ""
    with workspace.catalog.transaction():
        recorder = queue_run(workspace, "serve", shown, None, terms=agreed, call={"token_sha256": digest})
        recorder.read_model(model.id)
    return Submitted(start_queued(workspace, recorder.run), chosen)


def wait_until_serving(
    workspace: Workspace,
    run: Run,
    *,
    timeout_s: float = 600.0,
    on_wait: Callable[[str], None] = lambda reason: None,
) -> SessionPlace:
    """Return where a session answers, once it does; `on_wait` is told what it waits for in the queue.

    Raises:
        MlwfError: it has failed, was stopped, or does not answer within `timeout_s` after it has begun.
    """
    deadline = time.monotonic() + timeout_s
    waited_for = ""

    def check(update: RunUpdate) -> None:
        nonlocal deadline, waited_for
        place = find_place(workspace, update.run)
        if place is not None:
            raise _Found(place)
        if update.run.state is RunState.QUEUED:
            deadline = time.monotonic() + timeout_s
        if update.run.waits_for and update.run.waits_for != waited_for:
            on_wait(update.run.waits_for)
        waited_for = update.run.waits_for
        if time.monotonic() > deadline:
            raise MlwfError(
                f"The session {run.id} does not answer yet.", hint=f"mlwf logs -f {run.id} follows it."
            )

    try:
        ended = wait_for(workspace, run.id, check)
    except _Found as found:
        return found.place
    raise MlwfError(
        ended.error or f"The session {run.id} has ended.", hint=ended.hint or f"mlwf logs {run.id} says why."
    )


class _Found(Exception):
    """Ends the waiting."""

    def __init__(self, place: SessionPlace) -> None:
        super().__init__()
        self.place = place


def find_place(workspace: Workspace, run: Run) -> SessionPlace | None:
    """Return where a session answers now, None where it does not, or not yet."""
    if run.verb != "serve" or run.state not in (RunState.RUNNING, RunState.PAUSING, RunState.STOPPING):
        return None
    place, job = _read_place(workspace, run), workspace.catalog.jobs.latest(run.id)
    return place if place is not None and job is not None and place.job == job.id else None


def _read_place(workspace: Workspace, run: Run) -> SessionPlace | None:
    """Return what the newest job that has answered noted, None where none has."""
    try:
        data = (workspace.run_folder(run.id) / _FILE).read_bytes()
        return msgspec.json.decode(data, type=SessionPlace)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def perform_serve(recorder: Recorder, model: Model, observer: Observer) -> None:
    """Do a queued session: called by the worker. It is closed as stopped, with what it has answered."""
    from mlwf_tui.workflow.using.batching import Batcher
    from mlwf_tui.workflow.using.counting import Counts
    from mlwf_tui.workflow.using.session_app import Session, make_app
    from mlwf_tui.workflow.using.session_guard import guard
    from mlwf_tui.workflow.using.session_loop import answer_until_stopped
    from mlwf_tui.workflow.using.session_pages import Limits

    workspace, run = recorder.workspace, recorder.run
    names = ServeParams.__dataclass_fields__
    params = build_params(ServeParams, {k: v for k, v in run.params.items() if k in names})
    token_digest = str(run.call.get("token_sha256", ""))
    host, place = str(run.params["host"]), workspace.run_folder(run.id) / _FILE
    job = workspace.catalog.jobs.latest(run.id)
    assert job is not None, "a worker has one"
    counts = Counts()
    with (
        _open_port(workspace, run, host) as opened,
        open_weights(workspace, model, run.id) as (weights, scratch),
    ):
        url = _write_url(host, opened.getsockname()[1])
        session_artifact = workspace.catalog.artifacts.add_session(run.id, f"{model.name} at {url}")
        request = _make_request(run, params, model, weights, scratch)
        with workspace.registry.get_trainer(model.trainer).open_predictor(request) as predictor:
            batcher = Batcher(
                predictor.predict,
                max_batch=params.max_batch,
                max_wait_s=params.max_wait_ms / 1000,
                max_queue=params.max_queue,
                on_batch=counts.note_batch,
            )
            session = Session(
                model,
                batcher,
                counts,
                url=url,
                limits=Limits(
                    body_bytes=int(params.max_body_mb * 1_000_000),
                    picture_pixels=int(params.max_megapixels * 1_000_000),
                    queue_images=params.max_queue,
                    receive_s=params.max_receive_s,
                ),
                confidence=params.confidence,
                token_digest=token_digest,
                own_name=host if is_loopback(str(opened.getsockname()[0])) else None,
            )
            teller = _Teller(observer, counts, url)
            observer.progress(0, None, f"{model.name} warms up")
            batcher.warm_up(draw_picture(model.image_size_px, 0), (1, min(params.max_batch, WARM_BATCH)))

            async def begin() -> None:
                answers = SessionPlace(url=url, model=model.name, has_token=bool(token_digest), job=job.id)
                _note_place(place, answers)
                teller.tell(is_forced=True)

            reason = answer_until_stopped(
                make_app(session, on_startup=[begin]), opened, batcher,
                protocol=guard(_find_patience(params), counts.note_dropped),
                check=observer.check_cancelled, tell=teller.tell,
            )  # fmt: skip
    _close(recorder, session_artifact.id, counts, url, session.uptime_s)
    if reason is None:
        raise MlwfError("The session has ended by itself.", hint=f"mlwf logs {run.id} says why.")


def _open_port(workspace: Workspace, run: Run, host: str) -> socket.socket:
    """Open the port that was asked for; where any was, the one at which a former job has answered."""
    before = _read_place(workspace, run)
    port = int(run.params["port"]) or (before and urlsplit(before.url).port) or 0
    try:
        return open_port(host, port)
    except Conflict as error:
        if before is None:
            raise
        raise Conflict(
            error.message, hint=f"Once it is free: mlwf resume {run.id}. Or serve the model anew."
        ) from error


def _find_patience(params: ServeParams) -> Patience:
    """Return how long callers are waited for; one whose body is late is answered by the session itself."""
    from mlwf_tui.workflow.using.session_guard import Patience

    usual, most_s = Patience(), params.max_receive_s
    rest_s = min(usual.rest_s, most_s)
    return Patience(head_s=min(usual.head_s, most_s), body_s=most_s + rest_s, take_s=most_s, rest_s=rest_s)


def is_loopback(host: str) -> bool:
    """Whether only programs of this machine reach an address."""
    return host == "localhost" or is_loopback_address(host)


def _close(recorder: Recorder, session_id: str, counts: Counts, url: str, uptime_s: float) -> None:
    recorder.is_stopped = True  # a session has no other end
    said = f"{counts.request_count:,} requests, {counts.images:,} pictures, {counts.objects:,} objects"
    with recorder.finishing():
        author = recorder.workspace.settings.author
        card = Card(description=f"answered {said}")
        recorder.workspace.catalog.cards.change(f"session:{session_id}", lambda before: card, author=author)
        recorder.result = {
            "url": url,
            "requests": counts.request_count,
            "requests_by_status": {str(status): n for status, n in sorted(counts.requests.items())},
            "images": counts.images,
            "objects": counts.objects,
            "uptime_s": round(uptime_s, 3),
            "summary": said,
        }


class _Teller:
    """Tells the observer how many requests were answered, where there were any since it said so last."""

    def __init__(self, observer: Observer, counts: Counts, url: str) -> None:
        self._observer = observer
        self._counts = counts
        self._url = url
        self._told_at_s = 0.0
        self._told_count = -1
        self._seconds = 0

    def tell(self, *, is_forced: bool = False) -> None:
        now_s = time.monotonic()
        count = self._counts.request_count
        if not is_forced and (now_s - self._told_at_s < _TELL_EVERY_S or count == self._told_count):
            return
        elapsed_s = now_s - self._told_at_s if self._told_at_s else 0.0
        if self._told_count >= 0 and elapsed_s:
            self._seconds += round(elapsed_s)
            rate = (count - self._told_count) / elapsed_s
            self._observer.metric("requests_per_second", rate, self._seconds)
        self._told_at_s, self._told_count = now_s, count
        self._observer.progress(count, None, f"{self._url} has answered {count:,} requests")


def _make_request(
    run: Run, params: ServeParams, model: Model, weights: Path, scratch: Path
) -> PredictRequest:
    return PredictRequest(
        weights=weights,
        image_size_px=model.image_size_px,
        confidence=params.confidence,
        folder=scratch,
        device=find_device(params.device, os.environ),
        iou=params.iou,
        max_objects=params.max_objects,
        tile_px=params.tile,
        tile_overlap=params.overlap,
        is_trusted=bool(run.params.get("is_trusted")),
    )


def _choose_token(given: str | None) -> str:
    if given is None:
        return secrets.token_urlsafe(24)
    if given and (len(given) < SHORTEST_TOKEN or not given.isascii() or not given.isprintable()):
        raise InvalidParameter(
            f"A token has at least {SHORTEST_TOKEN} plain characters.", hint="Leave it out, and one is drawn."
        )
    return given


def _write_url(host: str, port: int) -> str:
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"


def _note_place(path: Path, place: SessionPlace) -> None:
    part = path.with_suffix(".part")
    part.write_bytes(msgspec.json.encode(place))
    part.replace(path)
