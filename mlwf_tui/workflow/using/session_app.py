"""The HTTP side of a session: who may ask, how much, and in which words they are answered."""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import Iterable
from typing import Any

from litestar import Litestar, MediaType, Request, Response, get, post
from litestar.datastructures import FormMultiDict, UploadFile
from litestar.exceptions import HTTPException
from litestar.exceptions.http_exceptions import RequestEntityTooLarge

from mlwf_tui.entities.annotation import Geometry, GeometryKind
from mlwf_tui.entities.model import Model
from mlwf_tui.errors import Busy, InvalidInput, InvalidParameter, MlwfError, NotFound
from mlwf_tui.media.probe import probe_image
from mlwf_tui.protocols.trainers import ItemPrediction
from mlwf_tui.workflow.using.batching import Batcher
from mlwf_tui.workflow.using.counting import Counts
from mlwf_tui.workflow.using.ports import digest_token, is_loopback_address
from mlwf_tui.workflow.using.session_pages import Limits, describe_api, draw_page

MAX_PARTS = 256
RETRY_AFTER_S = 1

AnyRequest = Request[Any, Any, Any]


class Unauthorized(MlwfError):
    """The token is missing or wrong."""

    kind = "unauthorized"


class TooLarge(InvalidInput):
    """There are more bytes than a session takes."""

    kind = "too_large"


class WrongMethod(InvalidInput):
    """There is such a path, which is asked in another way."""

    kind = "method_not_allowed"


class Session:
    """What the handlers share: the model's batcher, the counts, and what a caller may do."""

    def __init__(
        self,
        model: Model,
        batcher: Batcher,
        counts: Counts,
        *,
        url: str,
        limits: Limits,
        confidence: float,
        token_digest: str,
        own_name: str | None,
    ) -> None:
        """`own_name` is what a session is known as that this machine alone reaches, None of any other."""
        self.model = model
        self.batcher = batcher
        self.counts = counts
        self.limits = limits
        self.confidence = confidence
        self._token_digest = token_digest
        self._own_name = own_name
        self._began_s = time.monotonic()
        self.document = describe_api(model, url, limits, confidence=confidence, has_token=bool(token_digest))
        self.page = draw_page(self.document, limits, has_token=bool(token_digest))

    @property
    def uptime_s(self) -> float:
        return time.monotonic() - self._began_s

    def check_caller(self, request: AnyRequest) -> None:
        """Raise where the caller has not the token, or comes through another name of this machine.

        A page in a browser can be led here by a name that its maker lets point to 127.0.0.1; what it then
        sends has that name as its host.
        """
        host = _read_host(request)
        if self._own_name is not None and not (
            host in ("localhost", self._own_name.lower()) or is_loopback_address(host)
        ):
            raise Unauthorized(f"This session is not known as {host[:100]!r}.", hint="Ask 127.0.0.1.")
        if not self._token_digest:
            return
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        digest = digest_token(given)
        if not hmac.compare_digest(digest, self._token_digest) or kind.lower() != "bearer":
            raise Unauthorized(
                "The token is missing or wrong.", hint="Send it as Authorization: Bearer TOKEN."
            )

    async def predict(self, request: AnyRequest) -> dict[str, Any]:
        """Read the pictures of a request and return what the model says of them."""
        began_s = time.perf_counter()
        self.check_caller(request)
        confidence = self._read_confidence(request)
        async with asyncio.timeout(self.limits.receive_s):
            named = await self._read_pictures(request)
        if len(named) > self.limits.queue_images:  # it would be told to try again for ever
            raise InvalidInput(
                f"These are {len(named):,} pictures, of at most {self.limits.queue_images:,} a request.",
                hint="Send them in parts.",
            )
        for name, data in named:
            self._check_picture(name, data)
        said = await self.batcher.ask([data for _, data in named])
        predictions = []
        for (name, _), prediction in zip(named, said, strict=True):
            if prediction.problem:
                raise InvalidInput(f"{name or 'The picture'}: {prediction.problem}", hint="Send another.")
            shown = {"name": name, "objects": _to_plain(prediction, confidence)}
            classes = [{"class": tag.name, "confidence": tag.value} for tag in prediction.tags]
            predictions.append({**shown, "classes": classes} if classes else shown)
        self.counts.images += len(named)
        self.counts.objects += sum(len(one["objects"]) for one in predictions)
        took_ms = round(1000 * (time.perf_counter() - began_s), 3)
        return {"model": self.model.name, "predictions": predictions, "took_ms": took_ms}

    def _read_confidence(self, request: AnyRequest) -> float:
        unknown = next((name for name in request.query_params if name != "confidence"), None)
        if unknown is not None:
            raise InvalidParameter(
                f"There is no parameter {unknown[:40]!r}.", hint="There is one: /predict?confidence=0.5."
            )
        words = request.query_params.getall("confidence", [])
        if len(words) > 1:
            raise InvalidParameter(
                f"The confidence is told {len(words)} times.", hint="Tell it once: /predict?confidence=0.5."
            )
        word = next(iter(words), None)
        try:
            value = self.confidence if word is None else float(word)
        except ValueError:
            value = -1.0
        if not self.confidence <= value <= 1:
            raise InvalidParameter(
                f"The confidence {str(word)[:40]!r} cannot be used.",
                hint=f"Give a number from {self.confidence:g} to 1; the session keeps nothing below.",
            )
        return value

    async def _read_pictures(self, request: AnyRequest) -> list[tuple[str, bytes]]:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "multipart/form-data":
            return [("", await request.body())]
        form = await _read_form(request)
        # Not multi_items(), which goes through the names as a set does: in any order.
        parts = [part for part in form.values() if isinstance(part, UploadFile)]
        if not parts:
            raise InvalidInput("The form has no picture.", hint="Send each as a file, as images=@a.jpg.")
        return [(part.filename[:200], await part.read()) for part in parts]

    def _check_picture(self, name: str, data: bytes) -> None:
        """Refuse what is no picture, and what claims more pixels than there may be, by its header alone."""
        shown = name or "The body"
        try:
            facts = probe_image(data)
        except InvalidInput as error:
            raise InvalidInput(f"{shown} {error.message}.", hint="Send a JPEG, PNG or WebP.") from error
        pixels = facts.width_px * facts.height_px
        if pixels > self.limits.picture_pixels:
            raise InvalidInput(
                f"{shown} has {pixels:,} pixels, of at most {self.limits.picture_pixels:,}.",
                hint="Send it smaller, or in parts.",
            )


async def _read_form(request: AnyRequest) -> FormMultiDict:
    try:
        return await request.form()
    except HTTPException as error:
        if error.status_code != 400 or error.detail != RequestEntityTooLarge.detail:
            raise  # of the body itself it is 413; litestar says the same of a form's parts under 400
        raise TooLarge(
            f"The form has more than {MAX_PARTS} parts, or one whose head is too long.",
            hint="Send the pictures in several requests.",
        ) from error


def _read_host(request: AnyRequest) -> str:
    """Return the host that a caller asks, without its port and the brackets of IPv6."""
    given = request.headers.get("host", "").lower()
    return given[1:].partition("]")[0] if given.startswith("[") else given.partition(":")[0]


def make_app(session: Session, on_startup: Iterable[Any] = (), on_shutdown: Iterable[Any] = ()) -> Litestar:
    """Return the ASGI application of a session."""

    @post("/predict", status_code=200)
    async def predict(request: AnyRequest) -> Response[Any]:
        began_s = time.perf_counter()
        status = 500
        try:
            answer = Response(await session.predict(request), media_type=MediaType.JSON)
            status = 200
        except (MlwfError, HTTPException, TimeoutError) as error:
            answer = answer_error(request, error)
            status = answer.status_code or 500
        finally:
            session.counts.note_request(status, time.perf_counter() - began_s)
        return answer

    @get("/health")
    async def health() -> dict[str, Any]:
        return {"status": "ok", "model": session.model.name, "uptime_s": round(session.uptime_s, 3)}

    @get("/metrics")
    async def metrics(request: AnyRequest) -> Response[str]:
        session.check_caller(request)
        text = session.counts.to_text(depth=session.batcher.depth, uptime_s=session.uptime_s)
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")

    @get("/openapi.json")
    async def openapi() -> dict[str, Any]:
        return session.document

    @get("/", media_type=MediaType.HTML)
    async def page() -> str:
        return session.page

    return Litestar(
        [predict, health, metrics, openapi, page],
        openapi_config=None,
        request_max_body_size=session.limits.body_bytes,
        multipart_form_part_limit=MAX_PARTS,
        exception_handlers={MlwfError: answer_error, HTTPException: answer_error},
        on_startup=list(on_startup),
        on_shutdown=list(on_shutdown),
        debug=False,
        logging_config=None,
    )


def answer_error(request: AnyRequest, error: Exception) -> Response[Any]:
    """Return an error in the words of the command line, under the HTTP status that it means."""
    if isinstance(error, HTTPException):
        status = error.status_code
        error = _to_ours(request, error)
    elif isinstance(error, TimeoutError):
        status = 408
        error = InvalidInput("The body did not come in time.", hint="Send it faster, or smaller.")
    else:
        status = _find_status(error)
    assert isinstance(error, MlwfError), "everything else was turned into one"
    content = {"error": {"kind": error.kind, "message": error.message, "hint": error.hint}}
    headers = {"Retry-After": str(RETRY_AFTER_S)} if status == 503 else {}
    if status == 405:
        headers["Allow"] = ", ".join(_list_methods(request))
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if status in (408, 413):
        headers["Connection"] = "close"  # the rest of the body is not waited for
    return Response(content, status_code=status, headers=headers, media_type=MediaType.JSON)


def _to_ours(request: AnyRequest, error: HTTPException) -> MlwfError:
    if error.status_code == 413:
        return TooLarge("The body is larger than this session takes.", hint="Send fewer or smaller pictures.")
    if error.status_code == 404:
        return NotFound(f"There is no {request.url.path[:100]!r} here.", hint="See / for what there is.")
    if error.status_code == 405:
        wanted = " or ".join(method for method in _list_methods(request) if method != "OPTIONS")
        return WrongMethod(f"{request.url.path} does not take {request.method}.", hint=f"Send {wanted}.")
    return InvalidInput(str(error.detail) or "The request cannot be answered.", hint="See / for how to ask.")


def _list_methods(request: AnyRequest) -> list[str]:
    """Return the methods that the path of a request takes."""
    path = request.url.path.rstrip("/") or "/"
    return sorted({method for route in request.app.routes if route.path == path for method in route.methods})


def _find_status(error: Exception) -> int:
    match error:
        case Unauthorized():
            return 401
        case TooLarge():
            return 413
        case InvalidParameter():
            return 400
        case InvalidInput():
            return 422
        case Busy():
            return 503
        case _:
            return 500


def _to_plain(prediction: ItemPrediction, confidence: float) -> list[dict[str, Any]]:
    return [
        {
            "class": found.class_name,
            "confidence": round(found.confidence or 0.0, 6),
            "box": [round(side, 3) for side in found.geometry.bounds],
            **_describe_shape(found.geometry),
        }
        for found in prediction.objects
        if (found.confidence or 0.0) >= confidence
    ]


def _describe_shape(shape: Geometry) -> dict[str, Any]:
    """Return what a shape is beyond its box; nothing of a rectangle."""
    if shape.kind is GeometryKind.RECTANGLE:
        return {}
    described: dict[str, Any] = {"kind": shape.kind.value, "points": shape.points}
    if shape.kind is GeometryKind.MASK:
        described["runs"] = shape.runs
    if shape.kind is GeometryKind.KEYPOINTS:
        described |= {"names": shape.names, "visibility": shape.visibility}
    return {"shape": described}
