"""Putting a model to use outside of the home: package and serve; and asking whether weights are trusted."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from textual.content import Content

from mlwf_tui.entities.run import Run
from mlwf_tui.errors import Untrusted
from mlwf_tui.protocols.trainers import ExportTarget
from mlwf_tui.tui.screens import command_lines
from mlwf_tui.tui.screens.verbs.fields import make_model_field
from mlwf_tui.tui.screens.verbs.host import Again, Host, ask_form, finish, follow
from mlwf_tui.tui.screens.verbs.terms import list_terms_fields, read_terms
from mlwf_tui.tui.widgets.completing import PATH_TYPE
from mlwf_tui.tui.widgets.confirm import Confirm
from mlwf_tui.tui.widgets.entry import Entry
from mlwf_tui.tui.widgets.form import Form, FormField, make_field
from mlwf_tui.tui.widgets.sheet import Sheet
from mlwf_tui.workflow import package, serve

OPEN = "everybody who reaches it"
WITH_TOKEN = "who has the token"
Submit = Callable[[bool], Run]


class Deploying:
    """Asks for what a package or a session needs, starts it and follows it."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def package(self, entry: Entry) -> None:
        model = make_model_field(self._host.snapshot, entry)
        work = partial(package.list_targets, self._host.workspace, str(model.spec.default))
        self._host.ask("formats", work, partial(self._ask_package, entry, model))

    def _ask_package(self, entry: Entry, model: FormField, targets: tuple[ExportTarget, ...]) -> None:
        snapshot = self._host.snapshot

        def begin(values: dict[str, str], again: Again) -> None:
            own, params = command_lines.split_values(values, command_lines.OF_PACKAGE)

            model = snapshot.find_model_target(own["model"])

            def submit(is_trusted: bool) -> Run:
                return package.submit_package(
                    self._host.workspace, model, Path(own["target"]), format=own["format"],
                    params=params, is_trusted=is_trusted, terms=read_terms(own),
                )  # fmt: skip

            ask_for_trust(self._host, "package", submit, partial(follow, self._host), again)

        made = [target.name for target in targets if not target.missing]
        others = ", ".join(f"{target.name}: {target.hint}" for target in targets if target.missing)
        help = f"not here: {others}" if others else "what others will run it with"
        fields = (
            model,
            make_field("target", "new folder, or a .zip", type_name=PATH_TYPE, is_required=True),
            make_field("format", help, made[0], choices=tuple(made), is_required=True),
            *(FormField(spec) for spec in package.list_params()),
            *list_terms_fields(self._host.snapshot, entry),
        )
        form = Form("Package a model", fields, command=command_lines.write_package, verb="package")
        ask_form(self._host, form, begin)

    def serve(self, entry: Entry) -> None:
        snapshot = self._host.snapshot

        def begin(values: dict[str, str], again: Again) -> None:
            own, params = command_lines.split_values(values, command_lines.OF_SESSION)
            model, tokens = snapshot.find_model_target(own["model"]), list[str]()

            def submit(is_trusted: bool) -> Run:
                queued = serve.submit_serve(
                    self._host.workspace, model, host=own["host"], port=int(own["port"]),
                    token="" if own.get("answers") == OPEN else None, params=params,
                    is_trusted=is_trusted, terms=read_terms(own),
                )  # fmt: skip
                tokens.append(queued.token)
                return queued.run

            ask_for_trust(
                self._host, "serve", submit, lambda run: self._say_served(run, own, tokens[-1]), again
            )

        fields = (
            make_model_field(self._host.snapshot, entry),
            make_field("host", "address to listen on; others than 127.0.0.1 are reached from elsewhere",
                       serve.DEFAULT_HOST, is_required=True),
            make_field("port", "0 takes a free one", str(serve.DEFAULT_PORT), type_name="int",
                       low=0, high=65_535, is_required=True),
            make_field("answers", "a token is drawn, and shown once", WITH_TOKEN, choices=(WITH_TOKEN, OPEN)),
            *(FormField(spec) for spec in serve.list_params()),
            *list_terms_fields(self._host.snapshot, entry),
        )  # fmt: skip
        form = Form("Serve a model", fields, command=command_lines.write_serve, verb="serve")
        ask_form(self._host, form, begin)

    def _say_served(self, run: Run, own: dict[str, str], token: str) -> None:
        """Show where the session will answer and its token, which nobody can look up later."""
        follow(self._host, run)
        lines = [f"The run {run.id} says where it answers, as soon as it does; s stops it."]
        if not serve.is_loopback(own["host"]):
            lines.append(
                f"On {own['host']} other machines reach it. What they send and get goes over the network in"
                " the clear."
            )
        if not token:
            finish(self._host, "\n".join(lines))
            return
        shown = Content.assemble(
            "\n".join(lines), "\n\nCallers send this token, which is shown this once:\n\n", (token, "bold")
        )

        def answered(answer: str | None) -> None:
            if answer:
                self._host.copy(token)

        self._host.put(Sheet("Serve a model", shown, yes="copy the token"), answered)


def ask_for_trust(
    host: Host, what: str, submit: Submit, done: Callable[[Run], None], again: Again | None = None
) -> None:
    """Queue a run; where its weights may run code, ask the person once more before they are opened."""

    def try_once() -> Run | Untrusted:
        try:
            return submit(False)
        except Untrusted as error:
            return error

    def told(outcome: Run | Untrusted) -> None:
        if isinstance(outcome, Run):
            done(outcome)
            return

        def confirmed(is_wanted: bool) -> None:
            if is_wanted:
                host.ask(what, partial(submit, True), done, failed=again)

        text = f"{outcome.message} Open them only where you trust whoever made them."
        host.put(Confirm("Open untrusted weights", text, yes="Open them", is_dangerous=True), confirmed)

    host.ask(what, try_once, told, failed=again)
