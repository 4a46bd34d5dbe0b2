"""Commands that put a model to use outside of its home: package and serve."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mlwf_tui.cli.face import DONE, Face, command, params_option
from mlwf_tui.cli.terms import DETACH, say_detached, terms_options
from mlwf_tui.entities.queue import Terms
from mlwf_tui.entities.run import Run, RunState
from mlwf_tui.errors import InvalidParameter, Untrusted

if TYPE_CHECKING:  # for the annotation alone; see Face.open
    from mlwf_tui.workspace import Workspace

T = TypeVar("T")
group = click.Group()
TRUST = click.option(
    "--trust", is_flag=True, help="Open weights from elsewhere though they may run code of their maker."
)


@command(group, "package")
@click.argument("model")
@click.argument("target", type=click.Path(path_type=Path), metavar="DEST")
@click.option(
    "--format",
    "format_name",
    default="onnx",
    show_default=True,
    help="onnx, torchscript, pt, openvino or tensorrt.",
)
@TRUST
@params_option
@terms_options
@DETACH
def package_command(
    face: Face,
    model: str,
    target: Path,
    format_name: str,
    trust: bool,
    params: Mapping[str, str],
    detach: bool,
    terms: Terms,
) -> int:
    """Write a model as a folder, or a .zip, that others can run without mlwf.

    DEST gets the weights, model.json with all that goes in and out, a card, and an example that needs
    little more than NumPy. The package is compared with the model on pictures of its data; one that says
    something else is not written.

    \b
    mlwf package cells-1 ~/cells-onnx
    mlwf package cells-1 ~/cells-pt --format pt            # the trained weights: YOLO("model.pt")
    mlwf package cells-1 cells.zip --format openvino -p confidence=0.5 -p sample=false
    """
    from mlwf_tui.workflow.package import submit_package

    def submit(workspace: Workspace, is_trusted: bool) -> Run:
        return submit_package(
            workspace, model, target, format=format_name, params=params, is_trusted=is_trusted, terms=terms
        )

    with face.open() as workspace:
        run = ask_for_trust(face, lambda is_trusted: submit(workspace, is_trusted), is_trusted=trust)
        return finish(face, workspace, run, _format_package, detach=detach)


@command(group, "serve")
@click.argument("model")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="0 takes a free one."
)
@click.option(
    "--token",
    help="What callers have to send, at least 8 plain characters; drawn and printed once where not given.",
)
@click.option("--no-token", is_flag=True, help="Answer everybody who reaches the port.")
@TRUST
@params_option
@terms_options
@DETACH
def serve_command(
    face: Face,
    model: str,
    host: str,
    port: int,
    token: str | None,
    no_token: bool,
    trust: bool,
    params: Mapping[str, str],
    detach: bool,
    terms: Terms,
) -> int:
    """Let programs ask a model over HTTP on this machine, until Ctrl-C or mlwf stop.

    POST /predict takes a picture, or several in a form; GET / says how. Pictures of many callers go to
    the model together. Only this machine is answered, and only with the token, unless you say otherwise.

    \b
    mlwf serve cells-1
    curl -H "Authorization: Bearer TOKEN" --data-binary @a.jpg http://127.0.0.1:8765/predict
    mlwf serve cells-1 --port 0 --detach --json -p confidence=0.4
    """
    from mlwf_tui.workflow.serve import Submitted, is_loopback, submit_serve, wait_until_serving

    if token is not None and no_token:
        raise InvalidParameter("--token and --no-token exclude each other.", hint="Give one of them.")
    asked = "" if no_token else token
    queued: list[Submitted] = []

    with face.open() as workspace:

        def submit(is_trusted: bool) -> Run:
            queued.append(
                submit_serve(
                    workspace, model, host=host, port=port, token=asked, params=params,
                    is_trusted=is_trusted, terms=terms,
                )
            )  # fmt: skip
            return queued[-1].run

        run = ask_for_trust(face, submit, is_trusted=trust)
        if not is_loopback(host):
            _warn_of_others(host, has_token=not no_token)
        drawn = queued[-1].token if token is None else ""
        document = {
            "run": run.id,
            "state": run.state.value,
            "model": run.params["model"],
            "url": None,
            "token": drawn or None,
            "waits_for": run.waits_for,
        }
        if drawn and not face.is_json:
            click.echo(f"token: {drawn}   (told this once)")  # before anything that may be killed meanwhile
        is_waiting = run.state is RunState.QUEUED
        if is_waiting and (detach or face.is_json):
            face.show(document, lambda: _format_waiting(run))
        if is_waiting and detach:
            return DONE
        with nullcontext() if detach else _ended_by_sigterm():
            try:
                place = wait_until_serving(workspace, run, on_wait=lambda reason: _say_waits(run, reason))
                if not (is_waiting and face.is_json):
                    face.show(
                        {**document, "state": "running", "url": place.url, "waits_for": ""},
                        lambda: _format_session(run, place.url, needs_token=not no_token, is_detached=detach),
                    )
                return DONE if detach else _follow_session(face, workspace, run)
            except KeyboardInterrupt:
                return _end_session(face, workspace, run)


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM be as Ctrl-C: what starts services ends them so."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _say_waits(run: Run, reason: str) -> None:
    click.echo(f"serve {run.id} waits for {reason}", err=True)


def _format_waiting(run: Run) -> str:
    return f"{say_detached('serve', run)}\nonce it answers, mlwf show {run.id} says where"


def _follow_session(face: Face, workspace: Workspace, run: Run) -> int:
    from mlwf_tui.cli.following import follow_run, raise_failure

    finished = follow_run(workspace, run)
    raise_failure(finished)
    if not face.is_json:
        click.echo(f"{finished.state}: {finished.result.get('summary', 'answered nothing')}")
    return DONE


def _end_session(face: Face, workspace: Workspace, run: Run) -> int:
    """Stop a session at its person's wish, which is how each ends."""
    from mlwf_tui.cli.following import raise_failure, stop_followed

    click.echo("finishing what was begun …", err=True)
    finished = stop_followed(workspace, run)
    raise_failure(finished)
    if not face.is_json:
        click.echo(f"{finished.state}: {finished.result.get('summary', 'answered nothing')}")
    return DONE


def _warn_of_others(host: str, *, has_token: bool) -> None:
    who = "whoever has the token" if has_token else "everybody"
    click.echo(
        f"warning: on {host} other machines reach this session, and {who} may ask it; what they send and"
        " get, the token too, goes over the network in the clear.",
        err=True,
    )


def _format_session(run: Run, url: str, *, needs_token: bool, is_detached: bool) -> str:
    lines = [f"serving at {url} (run {run.id})"]
    header = ' -H "Authorization: Bearer TOKEN"' if needs_token else ""
    lines.append(f"ask: curl{header} --data-binary @picture.jpg {url}/predict")
    lines.append(f"stop: {f'mlwf stop {run.id}' if is_detached else 'Ctrl-C'}")
    return "\n".join(lines)


def ask_for_trust(face: Face, submit: Callable[[bool], T], *, is_trusted: bool) -> T:
    """Queue what `submit` does; where weights may run code, ask a person who sits there, and nobody else."""
    try:
        return submit(is_trusted)
    except Untrusted as error:
        if face.is_json or not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise
        click.echo(error.message, err=True)
        if not click.confirm("Open them all the same?", default=False, err=True):
            raise
        return submit(True)


def finish(face: Face, workspace: Workspace, run: Run, tell: Callable[[Run], str], *, detach: bool) -> int:
    """Follow the run to its end, or leave it to itself, and show what became of it."""
    from mlwf_tui.cli.following import exit_code_of_run, follow_to_end

    if detach:
        document: dict[str, Any] = {"run": run.id, "state": run.state.value, "waits_for": run.waits_for}
        face.show(document, say_detached(run.verb, run))
        return DONE
    finished = follow_to_end(workspace, run, stopping="stopping")
    face.show({"run": run.id, "state": finished.state.value, **finished.result}, lambda: tell(finished))
    return exit_code_of_run(finished)


def _format_package(run: Run) -> str:
    result: Mapping[str, Any] = run.result
    if not result:
        return f"{run.state}: nothing was written"
    agreement = dict(result["agreement"])
    on = agreement.pop("compared_on")
    figures = ", ".join(f"{name} {facts['max_difference']:.2g}" for name, facts in agreement.items())
    known = ", known from before" if result["cached"] else ""
    return "\n".join([
        f"{run.state}: {result['target']}, {result['size_bytes'] / 1e6:.1f} MB as {result['format']}{known}",
        f"  {', '.join(result['files'])}",
        f"  differs on {on} by at most: {figures}",
    ])  # fmt: skip
