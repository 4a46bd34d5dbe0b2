"""Saving a pipeline that is put together to a file, and opening another: asks, and says what came of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from textual.content import Content

from mlwf_tui.tui.screens.checked_form import CheckedForm, Looks
from mlwf_tui.tui.screens.command_lines import write_command
from mlwf_tui.tui.screens.verbs.draft_subjects import Values
from mlwf_tui.tui.screens.verbs.host import Again, Host, ask_form
from mlwf_tui.tui.widgets.completing import PATH_TYPE
from mlwf_tui.tui.widgets.confirm import Confirm
from mlwf_tui.tui.widgets.form import make_field
from mlwf_tui.tui.widgets.prompt import Prompt
from mlwf_tui.workflow.pipelines.drafts import Opened, open_pipeline, save_pipeline
from mlwf_tui.workflow.pipelines.files import ReadyRecipe, list_ready


class DraftFiles:
    """Hands on what was saved or opened."""

    def __init__(
        self, host: Host, *, on_saved: Callable[[Opened], None], on_opened: Callable[[Opened], None]
    ) -> None:
        self._host = host
        self._on_saved = on_saved
        self._on_opened = on_opened

    def save(self, opened: Opened, path: str = "") -> None:
        """Save a pipeline to a file, which is asked for where none is given, before it overwrites another."""

        def save(path: str, *, is_forced: bool = False) -> None:
            work = partial(save_pipeline, opened, Path(path), is_forced=is_forced)
            self._host.work.start("save", work, self._say_saved, fail=partial(refused, path))

        def refused(path: str, error: Exception) -> None:
            if getattr(error, "kind", "") == "conflict":
                text = f"{error} What is there now goes."
                confirm = Confirm(f"Overwrite {Path(path).name}", text, yes="Overwrite it", is_dangerous=True)
                self._host.put(confirm, lambda is_wanted: save(path, is_forced=True) if is_wanted else None)
            else:
                self._host.say(f"{error} {getattr(error, 'hint', '')}")

        if path:
            save(path)
        else:
            value = opened.path or f"{opened.pipeline.name}.yaml"
            self._host.put(Prompt("Save the pipeline as", value=value, help="a YAML file"), save)

    def _say_saved(self, saved: Opened) -> None:
        self._host.say(f"Saved {saved.path}.")
        self._on_saved(saved)

    def ask(self) -> None:
        """Ask which file or recipe to open."""
        self._host.ask("recipes", list_ready, self._ask)

    def _ask(self, ready: tuple[ReadyRecipe, ...]) -> None:
        names = tuple(recipe.name for recipe in ready)
        field = make_field("pipeline", f"a YAML file, or one of {', '.join(names)}", suggestions=names,
                           type_name=PATH_TYPE if not names else "str", is_required=True)  # fmt: skip
        form = CheckedForm(
            "Open a pipeline", (field,), verb="open", work=self._host.work,
            text=lambda values: f"$ {write_command('pipeline', values.get('pipeline', ''), '--show')}",
            looks=Looks(check=self._look_into),
        )  # fmt: skip
        ask_form(self._host, form, lambda values, again: self.open(values["pipeline"], again))

    def _look_into(self, values: Values) -> Content:
        """Say what is in a file while its name is written."""
        if not values.get("pipeline"):
            return Content("")
        pipeline = open_pipeline(self._host.workspace, values["pipeline"]).pipeline
        steps = " → ".join(step.name for step in pipeline.steps)
        return Content.assemble((pipeline.description or pipeline.name, "bold"), f"\n{steps}")

    def open(self, ref: str, again: Again | None = None) -> None:
        """Open a file or a recipe; where it cannot be, `again` asks once more."""
        work = partial(open_pipeline, self._host.workspace, ref)
        self._host.ask("pipeline", work, self._on_opened, failed=again)
