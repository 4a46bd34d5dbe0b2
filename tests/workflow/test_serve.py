"""A session answers over HTTP from a real worker: in batches, within limits, to those who have the token."""

from __future__ import annotations

import http.client
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mlwf_tui.cli.main import main
from mlwf_tui.entities.queue import Terms, Wants
from mlwf_tui.entities.run import ArtifactKind, Run, RunState
from mlwf_tui.errors import Conflict, InvalidParameter, Untrusted
from mlwf_tui.workflow.graph import read_graph
from mlwf_tui.workflow.resume import resume_run
from mlwf_tui.workflow.retry import retry_run
from mlwf_tui.workflow.serve import SessionPlace, find_place, submit_serve, wait_until_serving
from mlwf_tui.workflow.stop import stop_run
from mlwf_tui.workflow.using.samples import draw_picture
from mlwf_tui.workspace import Workspace
from tests import jobs
from tests.fakes.seeing import add_seer

SPOTS = [("spot", 4, 3, 20, 20)]
PICTURE = draw_picture(32, 0)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    with jobs.open_job_home(tmp_path, monkeypatch) as workspace:
        yield workspace


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)


class Caller:
    """Asks one session."""

    def __init__(self, place: SessionPlace, token: str) -> None:
        self.address = place.url.removeprefix("http://")
        self._token = token

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        given = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        line = http.client.HTTPConnection(self.address, timeout=60)
        try:
            line.request(method, path, body, {**given, **headers})
            found = line.getresponse()
            return Answer(found.status, found.headers, found.read())
        finally:
            line.close()

    def predict(self, body: Any = PICTURE, path: str = "/predict", **headers: str) -> Answer:
        return self.ask("POST", path, body, **headers)


def begin(workspace: Workspace, **params: Any) -> tuple[Run, Caller]:
    queued = submit_serve(workspace, "eye", port=0, params={"device": "cpu", **params})
    return queued.run, Caller(wait_until_serving(workspace, queued.run), queued.token)


def begin_gated(workspace: Workspace, tmp_path: Path, **params: Any) -> tuple[Run, Caller, Path, Path]:
    """Begin a session whose model waits for a gate from now on; return its trace and its gate too."""
    trace, gate = tmp_path / "trace", tmp_path / "gate"
    add_seer(workspace, "eye", SPOTS, trace=str(trace), gate=str(gate))
    gate.touch()  # for what the model is warmed up with
    run, caller = begin(workspace, **params)
    assert trace.read_text().split() == ["1", str(params.get("max_batch", 8))]
    gate.unlink()
    trace.unlink()
    return run, caller, trace, gate


def write_form(
    parts: dict[str, bytes], field: Callable[[str], str] = lambda _: "images"
) -> tuple[bytes, str]:
    border = "border0123456789"
    begin = f"--{border}\r\nContent-Disposition: form-data; "
    body = b"".join(
        f'{begin}name="{field(name)}"; filename="{name}"\r\n\r\n'.encode() + data + b"\r\n"
        for name, data in parts.items()
    )
    return body + f"--{border}--\r\n".encode(), f"multipart/form-data; boundary={border}"


def test_a_session_answers_counts_and_is_stopped_like_a_job(home: Workspace) -> None:
    add_seer(home, "eye", SPOTS)
    run, caller = begin(home)

    one = caller.predict()
    assert one.status == 200
    assert one.document["model"] == "eye"
    assert one.document["predictions"] == [
        {"name": "", "objects": [{"class": "spot", "confidence": 0.9, "box": [4, 3, 20, 20]}]}
    ]
    body, kind = write_form({"a.png": PICTURE, "b.png": draw_picture(40, 1)})
    several = caller.predict(body, "/predict?confidence=0.95", **{"Content-Type": kind})
    assert [p["name"] for p in several.document["predictions"]] == ["a.png", "b.png"]
    assert [p["objects"] for p in several.document["predictions"]] == [[], []]
    health = caller.ask("GET", "/health")
    assert health.status == 200
    assert health.document["status"] == "ok"
    text = caller.ask("GET", "/metrics").body.decode()
    assert 'mlwf_requests_total{status="200"} 2' in text
    assert "mlwf_images_total 3" in text
    assert 'mlwf_request_seconds_bucket{le="+Inf"} 2' in text

    stopped = stop_run(home, run.id)

    assert stopped.state is RunState.STOPPED
    assert stopped.result["requests"] == 2
    assert stopped.result["images"] == 3
    assert find_place(home, stopped) is None
    session = next(node for node in read_graph(home).nodes if node.kind == ArtifactKind.SESSION)
    assert session.title.startswith("eye at http://127.0.0.1:")
    assert session.card is not None
    assert session.card.description == "answered 2 requests, 3 pictures, 1 objects"
    with pytest.raises(OSError):
        caller.predict()


def test_a_session_that_was_lost_or_stopped_comes_back_where_it_was(
    home: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    add_seer(home, "eye", SPOTS)
    run, caller = begin(home)
    job = home.catalog.jobs.latest(run.id)
    assert job is not None
    assert job.worker is not None
    os.kill(job.worker.pid, signal.SIGKILL)
    jobs.wait_for_state(home, run, RunState.LOST)
    assert main(["runs", "--home", str(home.home)]) == 0
    assert f"mlwf resume {run.id}" in capsys.readouterr().out

    assert main(["resume", run.id, "--home", str(home.home)]) == 0

    assert wait_until_serving(home, run).url == f"http://{caller.address}"
    assert caller.predict().status == 200
    assert (
        Caller(SessionPlace(url=caller.address, model="eye", has_token=True), "x" * 32).predict().status
        == 401
    )

    assert stop_run(home, run.id).state is RunState.STOPPED
    again = retry_run(home, run.id)
    assert find_place(home, again) is None  # what the job before noted is not taken for an answer
    wait_until_serving(home, again)
    assert caller.predict().status == 200
    stopped = stop_run(home, run.id)
    assert stopped.result["requests"] == 1
    assert len(stopped.outputs) == 1
    assert len([node for node in read_graph(home).nodes if node.kind == ArtifactKind.SESSION]) == 1


def test_a_session_whose_port_was_taken_meanwhile_says_so_and_can_be_resumed_later(home: Workspace) -> None:
    add_seer(home, "eye", SPOTS)
    run, caller = begin(home)
    stop_run(home, run.id)
    host, _, port = caller.address.partition(":")
    with socket.create_server((host, int(port))):
        resume_run(home, run.id)
        failed = jobs.wait_for_end(home, run)
    assert failed.state is RunState.FAILED
    assert "in use" in failed.error
    assert f"mlwf resume {run.id}" in failed.hint
    wait_until_serving(home, resume_run(home, run.id))
    assert caller.predict().status == 200


def test_a_session_without_a_slot_does_not_wait_for_those_who_do(home: Workspace) -> None:
    add_seer(home, "eye", SPOTS)
    all_slots = Terms(wants=Wants(slots=home.settings.slots))
    jobs.wait_for_state(home, jobs.act(home, jobs.FOREVER, terms=all_slots), RunState.RUNNING)
    behind = jobs.act(home, jobs.FOREVER, seed=1, terms=Terms(wants=Wants()))
    assert behind.state is RunState.QUEUED

    _, caller = begin(home)

    assert caller.predict().status == 200


def test_a_session_that_has_to_wait_says_for_what_and_its_token_is_told_before(
    home: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    add_seer(home, "eye", SPOTS)
    before = jobs.act(home, jobs.FOREVER)
    words = [
        "serve",
        "eye",
        "--home",
        str(home.home),
        "--port",
        "0",
        "--after",
        before.id,
        "-p",
        "device=cpu",
    ]

    assert main([*words, "--detach"]) == 0
    told = capsys.readouterr().out
    assert re.search(r"^token: \S{32,}", told)
    assert f"it waits for run {before.id} to finish" in told

    assert main([*words, "--detach", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["state"], document["url"]) == ("queued", None)
    assert document["waits_for"] == f"run {before.id} to finish"
    assert len(document["token"]) >= 32

    command = [sys.executable, "-m", "mlwf_tui", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith("token: ")
        assert process.stderr.readline().endswith(f"waits for run {before.id} to finish\n")
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_command_ends_the_session(home: Workspace, number: signal.Signals) -> None:
    add_seer(home, "eye", SPOTS)
    words = ["--home", str(home.home), "serve", "eye", "--port", "0", "-p", "device=cpu"]
    command = [sys.executable, "-m", "mlwf_tui", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "http://" in line:
                break
        process.send_signal(number)
        process.communicate(timeout=jobs.PATIENCE_S)
    assert process.returncode == 0
    assert home.catalog.runs.list()[0].state.is_finished


def test_pictures_under_several_names_are_answered_in_the_order_in_which_they_came(home: Workspace) -> None:
    add_seer(home, "eye", SPOTS)
    run, caller = begin(home)
    names = [f"{letter}.png" for letter in "abcdefgh"]
    for order in (names, names[::-1], names[3:] + names[:3]):
        form, kind = write_form(dict.fromkeys(order, PICTURE), field=lambda name: name[0])
        said = caller.predict(form, **{"Content-Type": kind}).document["predictions"]
        assert [one["name"] for one in said] == order
    stop_run(home, run.id)


def test_only_who_has_the_token_is_answered_and_nobody_can_read_it_in_the_home(home: Workspace) -> None:
    add_seer(home, "eye", SPOTS)
    queued = submit_serve(home, "eye", port=0, params={"device": "cpu"})
    place = wait_until_serving(home, queued.run)

    for token in ("", "wrong", queued.token + "x", queued.token[:-1]):
        for method, path in (("POST", "/predict"), ("GET", "/metrics")):
            refused = Caller(place, token).ask(method, path, PICTURE)
            assert refused.status == 401
            assert refused.headers["WWW-Authenticate"] == "Bearer"
            assert refused.document["error"]["kind"] == "unauthorized"
    caller = Caller(place, queued.token)
    assert caller.predict().status == 200
    assert caller.predict(Host="evil.example:80").status == 401  # a name that was led to this machine
    assert caller.predict(Host="localhost:1").status == 200
    for file in home.home.rglob("*"):
        if file.is_file():
            assert queued.token.encode() not in file.read_bytes(), file


@pytest.mark.parametrize(
    ("given", "is_needed"), [(["--token", "secretsecret"], True), ([], True), (["--no-token"], False)]
)
def test_how_to_ask_says_that_a_token_is_needed(
    home: Workspace, capsys: pytest.CaptureFixture[str], given: list[str], is_needed: bool
) -> None:
    add_seer(home, "eye", SPOTS)
    words = ["serve", "eye", "--port", "0", "--detach", "-p", "device=cpu", *given]
    assert main(["--home", str(home.home), *words]) == 0
    told = capsys.readouterr().out
    assert ('curl -H "Authorization: Bearer TOKEN" --data-binary' in told) is is_needed
    assert "secret" not in told
    stop_run(home, home.catalog.runs.list(limit=1)[0].id)


def test_more_pictures_than_could_ever_wait_are_refused_for_good(home: Workspace) -> None:
    add_seer(home, "eye", SPOTS)
    _, caller = begin(home, max_queue=2)
    body, kind = write_form({f"{number}.png": PICTURE for number in range(3)})

    refused = caller.predict(body, **{"Content-Type": kind})

    assert refused.status == 422
    assert refused.headers["Retry-After"] is None
    assert "3 pictures, of at most 2" in refused.document["error"]["message"]
    body, kind = write_form({f"{number}.png": PICTURE for number in range(2)})
    assert caller.predict(body, **{"Content-Type": kind}).status == 200


@pytest.mark.parametrize("host", ["127.0.0.2", "127.1"])
def test_whatever_this_machine_is_called_it_is_answered_and_no_other_name_is(
    home: Workspace, host: str
) -> None:
    add_seer(home, "eye", SPOTS)
    queued = submit_serve(home, "eye", host=host, port=0, token="", params={"device": "cpu"})
    caller = Caller(wait_until_serving(home, queued.run), "")

    assert caller.address.startswith(f"{host}:")
    assert caller.predict().status == 200
    assert caller.predict(Host="LOCALHOST").status == 200
    assert caller.predict(Host="[::1]:80").status == 200
    for led_here in ("evil.example:80", "evil.example", "127.0.0.1.evil.example", "[evil.example]"):
        assert caller.predict(Host=led_here).status == 401, led_here


def test_what_is_no_picture_or_too_large_is_refused_in_one_sentence(home: Workspace) -> None:
    add_seer(home, "eye", SPOTS)
    run, caller = begin(home, max_body_mb=0.2, max_megapixels=0.01)
    bomb = draw_picture(128, 0)
    form, kind = write_form({"a.png": PICTURE, "b.png": b"no picture"})
    empty, empty_kind = write_form({})
    large, large_kind = write_form({"a.png": bytes(300_000)})
    many, many_kind = write_form({f"{number}.png": b"" for number in range(257)})

    refusals = {
        "not one": (422, caller.predict(b"no picture")),
        "nothing": (422, caller.predict(b"")),
        "cut off": (422, caller.predict(PICTURE[:-20])),
        "pixels": (422, caller.predict(bomb)),
        "one of two": (422, caller.predict(form, **{"Content-Type": kind})),
        "no part": (422, caller.predict(empty, **{"Content-Type": empty_kind})),
        "decoding": (422, caller.predict(PICTURE + b"broken")),
        "no border": (400, caller.predict(form, **{"Content-Type": "multipart/form-data"})),
        "confidence": (400, caller.predict(PICTURE, "/predict?confidence=sure")),
        "parameter": (400, caller.predict(PICTURE, "/predict?conf=0.5")),
        "below": (400, caller.predict(PICTURE, "/predict?confidence=0.1")),
        "twice": (400, caller.predict(PICTURE, "/predict?confidence=0.3&confidence=0.9")),
        "parts": (413, caller.predict(many, **{"Content-Type": many_kind})),
        "body": (413, caller.predict(bytes(300_000))),
        "large": (413, caller.predict(large, **{"Content-Type": large_kind})),
        "method": (405, caller.ask("GET", "/predict")),
        "place": (404, caller.ask("GET", "/nowhere")),
    }

    for name, (status, answer) in refusals.items():
        assert answer.status == status, (name, answer)
        assert answer.document["error"]["message"], name
    assert "more than 256 parts" in refusals["parts"][1].document["error"]["message"]
    assert "larger than this session takes" in refusals["large"][1].document["error"]["message"]
    assert "2 times" in refusals["twice"][1].document["error"]["message"]
    assert refusals["method"][1].headers["Allow"] == "OPTIONS, POST"
    assert refusals["method"][1].document["error"] == {
        "kind": "method_not_allowed", "message": "/predict does not take GET.", "hint": "Send POST.",
    }  # fmt: skip
    assert refusals["place"][1].document["error"]["kind"] == "not_found"
    assert "'conf'" in refusals["parameter"][1].document["error"]["message"]
    assert "confidence" in refusals["parameter"][1].document["error"]["hint"]
    assert refusals["one of two"][1].document["error"]["message"].startswith("b.png ")
    assert caller.predict().status == 200
    assert stop_run(home, run.id).result["requests_by_status"]["422"] == 7


def test_a_body_of_a_gigabyte_is_refused_while_it_comes(home: Workspace) -> None:
    add_seer(home, "eye", SPOTS)
    _, caller = begin(home, max_body_mb=1)
    host, port = caller.address.split(":")

    for head in ("Content-Length: 1000000000", "Transfer-Encoding: chunked"):
        sent = 0
        with socket.create_connection((host, int(port)), timeout=60) as line:
            line.sendall(
                f"POST /predict HTTP/1.1\r\nHost: {caller.address}\r\n"
                f"Authorization: Bearer {caller._token}\r\n{head}\r\n\r\n".encode()
            )
            part = b"10000\r\n" + bytes(1 << 16) + b"\r\n" if "chunked" in head else bytes(1 << 16)
            try:
                while sent < 1_000_000_000:
                    line.sendall(part)
                    sent += 1 << 16
                    line.setblocking(False)
                    try:
                        said = line.recv(4096)
                        break
                    except BlockingIOError:
                        line.settimeout(60)
            except ConnectionError:
                said = b"413"  # it has hung up in the middle of it
        assert b"413" in said
        assert sent < 64_000_000
    assert caller.predict().status == 200


@pytest.mark.slow
def test_callers_who_do_not_send_are_hung_up_on_and_the_others_are_answered(home: Workspace) -> None:
    add_seer(home, "eye", SPOTS)
    _, caller = begin(home, max_receive_s=0.5)
    host, port = caller.address.split(":")
    asked = f"POST /predict HTTP/1.1\r\nHost: {caller.address}\r\nContent-Length: 1000\r\n"
    known = f"Authorization: Bearer {caller._token}\r\n"
    whole = f"GET /health HTTP/1.1\r\nHost: {caller.address}\r\n\r\n"

    said = {
        name: _read_to_the_end((host, int(port)), sent.encode(), drip)
        for name, sent, drip in (
            ("nothing", "", b""),
            ("a head that does not end", "POST /predict HTT", b""),
            ("a head that drips", "POST /predict HTTP/1.1\r\nHost: ", b"a"),
            ("a second head", whole + "GET /hea", b""),
            ("a body that does not come", f"{asked}{known}\r\n", b""),
            ("a body that drips", f"{asked}{known}\r\n", b"a"),
            ("a refused body that drips", f"{asked}\r\n", b"a"),
        )
    }

    assert said["nothing"] == b""
    for name in ("a head that does not end", "a head that drips"):
        assert said[name].startswith(b"HTTP/1.1 408 "), name
    assert said["a second head"].startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 408 " in said["a second head"]
    for name in ("a body that does not come", "a body that drips"):
        assert said[name].startswith(b"HTTP/1.1 408 "), name
        assert b"did not come in time" in said[name], name
    assert said["a refused body that drips"].startswith(b"HTTP/1.1 401 ")
    assert caller.predict().status == 200
    assert "mlwf_dropped_total 5" in caller.ask("GET", "/metrics").body.decode()


def test_a_caller_who_does_not_take_answers_is_hung_up_on(home: Workspace) -> None:
    add_seer(home, "eye", SPOTS)
    _, caller = begin(home, max_receive_s=0.5)
    host, port = caller.address.split(":")
    many = f"GET /openapi.json HTTP/1.1\r\nHost: {caller.address}\r\n\r\n".encode() * 1000

    assert _is_cut_off((host, int(port)), many)
    assert "mlwf_dropped_total 1" in caller.ask("GET", "/metrics").body.decode()


def _is_cut_off(address: tuple[str, int], requests: bytes) -> bool:
    """Whether the other side ends a connection on which requests are sent and no answer is ever read."""
    with socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 12)
        line.settimeout(0.2)
        line.connect(address)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                line.send(requests)
            except TimeoutError:
                continue  # it takes no more, and waits for us
            except ConnectionError:
                return True
    return False


def _read_to_the_end(address: tuple[str, int], sent: bytes, drip: bytes) -> bytes:
    """Return all that is answered until the other side hangs up, while further bytes are sent, one by one."""
    said = b""
    with socket.create_connection(address, timeout=60) as line, suppress(ConnectionError):
        line.sendall(sent)
        while True:
            if select.select([line], [], [], 0.05 if drip else 60)[0]:
                part = line.recv(4096)
                if not part:
                    return said
                said += part
            line.sendall(drip)
    return said


def test_requests_of_many_callers_meet_in_a_batch_and_a_full_queue_refuses(
    home: Workspace, tmp_path: Path
) -> None:
    _, caller, trace, gate = begin_gated(home, tmp_path, max_batch=4, max_queue=8, max_wait_ms=0)

    with ThreadPoolExecutor(10) as pool:
        first = pool.submit(caller.predict)  # the model now looks at it, until the gate opens
        jobs.wait_until(lambda: trace.exists() and trace.read_text() == "1\n", lambda: "nobody asked")
        others = [pool.submit(caller.predict) for _ in range(8)]
        jobs.wait_until(
            lambda: "mlwf_queue_images 8" in caller.ask("GET", "/metrics").body.decode(), lambda: "no queue"
        )
        refused = caller.predict()
        assert refused.status == 503
        assert refused.headers["Retry-After"] == "1"
        gate.touch()
        assert [one.result().status for one in (first, *others)] == [200] * 9

    assert trace.read_text().split() == ["1", "4", "4"]


def test_what_was_begun_is_answered_when_the_session_is_stopped(home: Workspace, tmp_path: Path) -> None:
    run, caller, trace, gate = begin_gated(home, tmp_path)
    with ThreadPoolExecutor(2) as pool:
        asked = pool.submit(caller.predict)
        jobs.wait_until(trace.exists, lambda: "nobody asked")
        stopping = pool.submit(stop_run, home, run.id)
        jobs.wait_until(
            lambda: home.catalog.runs.get(run.id).state is RunState.STOPPING, lambda: "is not stopping"
        )
        threading.Timer(0.5, gate.touch).start()
        assert asked.result().status == 200
        assert stopping.result().state is RunState.STOPPED


def test_its_description_is_openapi_and_its_page_needs_no_network(home: Workspace) -> None:
    from openapi_spec_validator import validate

    add_seer(home, "eye<script>", SPOTS)
    queued = submit_serve(home, "eye<script>", port=0, token="", params={"device": "cpu"})
    caller = Caller(wait_until_serving(home, queued.run), "")

    document = caller.ask("GET", "/openapi.json").document
    validate(document)
    assert set(document["paths"]) == {"/predict", "/health", "/metrics"}
    page = caller.ask("GET", "/").body.decode()
    assert "eye&lt;script&gt;" in page
    assert "<script" not in page
    assert all(f"<td>{status}<td>" in page for status in (200, 400, 401, 404, 405, 408, 413, 422, 503))
    assert page.count("http") == page.count(document["servers"][0]["url"])  # no other address
    assert caller.predict().status == 200  # nobody needs a token


def test_a_port_in_use_is_one_sentence_with_its_exit_code(
    home: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    add_seer(home, "eye", SPOTS)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Conflict, match="in use"):
            submit_serve(home, "eye", port=port, params={})
        assert main(["serve", "eye", "--home", str(home.home), "--port", str(port)]) == 5
    assert "is in use" in capsys.readouterr().err
    for host in ("nowhere.invalid", "203.0.113.7"):
        with pytest.raises(InvalidParameter):
            submit_serve(home, "eye", host=host, port=0, params={})
    with pytest.raises(InvalidParameter, match="at least 8"):
        submit_serve(home, "eye", port=0, token="short", params={})
    assert not [run for run in home.catalog.runs.list() if run.verb == "serve"]


def test_weights_from_elsewhere_that_may_run_code_are_not_served_without_a_word(
    home: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    add_seer(home, "eye", SPOTS, danger=True)
    with pytest.raises(Untrusted):
        submit_serve(home, "eye", port=0, params={})
    assert main(["serve", "eye", "--home", str(home.home), "--port", "0", "--json", "--detach"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["kind"] == "untrusted"

    words = ["serve", "eye", "--home", str(home.home), "--port", "0", "--json", "--detach", "--trust"]
    assert main([*words, "-p", "device=cpu"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["url"].startswith("http://127.0.0.1:")
    assert len(document["token"]) >= 32
    assert main(["runs", "--home", str(home.home), "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["runs"][0]
    assert (listed["verb"], listed["state"]) == ("serve", "running")
    assert home.catalog.runs.get(document["run"]).params["is_trusted"] is True
    assert main(["stop", document["run"], "--home", str(home.home)]) == 0
