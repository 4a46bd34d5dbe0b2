"""Putting a pipeline together: what the editor's keys do, and the draft that is kept through all of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from msgspec.structs import replace

from mlwf_tui.entities.pipeline import Pipeline, Source, Step, Sweep
from mlwf_tui.errors import InvalidParameter, MlwfError
from mlwf_tui.params import ParamSpec
from mlwf_tui.tui.observer import ScreenObserver
from mlwf_tui.tui.screens.checked_form import CheckedForm, Looks, StepForm
from mlwf_tui.tui.screens.counting_form import draw_error
from mlwf_tui.tui.screens.picking import NO_PICK, OperationPicker, Pick
from mlwf_tui.tui.screens.pipeline_editor import (
    KEYS_BY_ID,
    PipelineEditor,
    find_last,
    find_reason,
)
from mlwf_tui.tui.screens.pipeline_rows import Part
from mlwf_tui.tui.screens.previewing import PreviewScreen, Wanted
from mlwf_tui.tui.screens.verbs import draft_forms as forms
from mlwf_tui.tui.screens.verbs import draft_subjects as subjects
from mlwf_tui.tui.screens.verbs.draft_files import DraftFiles
from mlwf_tui.tui.screens.verbs.draft_keeper import DraftKeeper
from mlwf_tui.tui.screens.verbs.draft_looks import look_at
from mlwf_tui.tui.screens.verbs.draft_subjects import Subject, Values
from mlwf_tui.tui.screens.verbs.host import Again, Host, ask_form
from mlwf_tui.tui.screens.verbs.piping import Piping
from mlwf_tui.tui.widgets.context_menu import ContextMenu
from mlwf_tui.tui.widgets.entry import Entry, EntryKind
from mlwf_tui.workflow import apply
from mlwf_tui.workflow.operations import OperationInfo, list_operations
from mlwf_tui.workflow.pipelines import drafting
from mlwf_tui.workflow.pipelines.drafts import (
    DraftCheck,
    Opened,
    check_draft,
    find_preview,
    read_draft,
    write_part,
)
from mlwf_tui.workflow.pipelines.files import DRAFT
from mlwf_tui.workflow.training.starts import DEFAULT_ARCHITECTURE

MAX_UNDONE = 200


class Drafting:
    """One pipeline that is worked on, through all changes of it; the home keeps it from one to the next."""

    def __init__(self, host: Host, piping: Piping) -> None:
        self._host = host
        self._piping = piping
        self._keeper = DraftKeeper(host)
        self._files = DraftFiles(host, on_saved=self._take_saved, on_opened=self._take_opened)
        self._opened = Opened(pipeline=drafting.make_pipeline())
        self._undone: list[Opened] = []
        self._before: list[Opened] = []
        self._editor: PipelineEditor | None = None

    # --- coming to it --------------------------------------------------------------------------

    def draft(self, entry: Entry | None) -> None:
        """Go on with the draft, or open the selected recipe; without one begin with the selected data."""
        if entry is not None and entry.kind is EntryKind.RECIPE:
            self._read(lambda: self._files.open(entry.ref), ())
        else:
            self._read(self._show_editor, _list_refs(entry))

    def add(self, step: Step, refs: Sequence[str]) -> None:
        """Put a step behind those of the draft; a new draft reads `refs`."""

        def add() -> None:
            is_new = not self._opened.pipeline.steps
            pipeline = drafting.make_pipeline(refs) if is_new and refs else self._opened.pipeline
            names = tuple(source.name for source in pipeline.sources)
            inputs = names if is_new and len(names) > 1 else ()
            changed = drafting.add_step(pipeline, replace(step, inputs=inputs))
            if is_new and inputs:
                changed = drafting.replace_output(
                    changed, 0, replace(changed.outputs[0], result=changed.steps[0].name)
                )
            self._show_editor()
            added = next(s.name for s in changed.steps if drafting.find_step(pipeline, s.name) is None)
            self._change(changed, f"step:{added}")

        self._read(add, refs)

    def _read(self, then: Callable[[], None], refs: Sequence[str]) -> None:
        """Take up what the home has kept, unless that was done before."""

        def taken(kept: Opened | None) -> None:
            is_begun = kept is not None and (kept.pipeline.steps or not refs)
            self._opened = kept if kept and is_begun else Opened(pipeline=drafting.make_pipeline(refs))
            then()

        def unread(error: MlwfError) -> None:
            self._host.work.fail(error)
            taken(None)

        if self._before or self._undone:
            then()
        else:
            work = partial(read_draft, self._host.workspace)
            self._host.work.start("draft", work, taken, fail=unread)

    def _show_editor(self) -> None:
        editor = PipelineEditor(self._opened, self.act)
        self._editor = editor
        self._host.put(editor, lambda _: None)
        self._look()

    # --- what its keys do ----------------------------------------------------------------------

    def act(self, name: str, part: Part | None) -> None:
        """Do what a key of the editor stands for, to the part under its cursor."""
        if name in ("menu", "keys"):
            self._show_menu(part, is_all=name == "keys")
            return
        reason = find_reason(KEYS_BY_ID[name], part)
        if reason:
            self._host.say(reason)
            return
        match name:
            case "add":
                self._pick(part, is_branching=False)
            case "branch":
                self._pick(part, is_branching=True)
            case "model":
                self._ask_step(self._make_step(Step(name="apply"), part, is_branching=False), None)
            case "edit" if part is not None:
                self._edit(part)
            case "duplicate" | "up" | "down" | "delete" if part is not None:
                self._reshape(name, part)
            case "sweep" if part is not None:
                self._ask_sweep(Sweep(step=part.name, param="", values=()))
            case "source":
                self._ask_source(None)
            case "output":
                self._ask_output(None, part)
            case "train":
                self._ask_training()
            case "head":
                self._ask_head()
            case "undo":
                self._go_back()
            case "redo":
                self._go_forth()
            case "dry_run":
                self._count()
            case "run":
                self._run()
            case "save":
                self._files.save(self._opened, self._opened.path)
            case "save_as":
                self._files.save(self._opened)
            case "open":
                self._files.ask()
            case "new":
                self._replace(Opened(pipeline=drafting.make_pipeline()))

    def _show_menu(self, part: Part | None, *, is_all: bool) -> None:
        assert self._editor is not None
        choices = self._editor.list_choices()
        at = None if is_all else self._editor.find_menu_place()
        title = "Keys of the pipeline" if is_all or part is None else part.title.strip()
        menu = ContextMenu(title, choices, at=at, is_wide=is_all)
        self._host.put(menu, lambda name: self.act(name, part))

    def _reshape(self, name: str, part: Part) -> None:
        """Move, copy or delete a part, which needs no form."""
        pipeline = self._opened.pipeline
        try:
            match name, part.kind:
                case "up", _:
                    self._change(drafting.move_step(pipeline, part.name, -1), part.key)
                case "down", _:
                    self._change(drafting.move_step(pipeline, part.name, 1), part.key)
                case "duplicate", _:
                    self._change(drafting.duplicate_step(pipeline, part.name))
                case "delete", "step":
                    self._change(drafting.delete_step(pipeline, part.name))
                case "delete", "source":
                    self._change(drafting.delete_source(pipeline, part.name))
                case "delete", "output":
                    self._change(drafting.delete_output(pipeline, part.place))
                case "delete", "sweep":
                    sweep = pipeline.sweeps[part.place]
                    self._change(drafting.set_sweep(pipeline, replace(sweep, values=())))
                case "delete", "train":
                    self._change(drafting.set_training(pipeline, None))
        except InvalidParameter as error:
            self._host.say(f"{error.message} {error.hint}")

    def _edit(self, part: Part) -> None:
        pipeline = self._opened.pipeline
        match part.kind:
            case "step":
                self._edit_step(part.name)
            case "branch":
                self._edit_step(drafting.list_row(pipeline, part.name)[0].name)
            case "source":
                self._ask_source(next(s for s in pipeline.sources if s.name == part.name))
            case "output":
                self._ask_output(part.place, part)
            case "sweep":
                self._ask_sweep(pipeline.sweeps[part.place])
            case "train":
                self._ask_training()

    # --- steps ---------------------------------------------------------------------------------

    def _pick(self, part: Part | None, *, is_branching: bool, start: Pick = NO_PICK) -> None:
        """Have an operation chosen for a new step behind a part."""

        def listed(operations: tuple[OperationInfo, ...]) -> None:
            by_name = {operation.name: operation for operation in operations}

            def picked(pick: Pick) -> None:
                operation = by_name[pick.name]
                step = Step(name=pick.name, operation=pick.name)
                made = self._make_step(step, part, is_branching=is_branching)
                back = partial(self._pick, part, is_branching=is_branching, start=pick)
                self._ask_step(made, operation, is_branching=is_branching, closed=back)

            title = "A branch that begins with" if is_branching else "Add a step"
            self._host.put(OperationPicker(title, operations, start=start), picked)

        self._host.ask("operations", partial(list_operations, self._host.workspace), listed)

    def _make_step(self, step: Step, part: Part | None, *, is_branching: bool) -> Step:
        """Return a new step as it would stand behind a part."""
        pipeline = self._opened.pipeline
        after = self._find_place(part)
        branch = drafting.find_free_name(pipeline, f"{after or 'data'}-{step.verb}") if is_branching else ""
        step = replace(step, name=drafting.find_free_name(pipeline, step.name), branch=branch)
        placed = drafting.find_step(drafting.add_step(pipeline, step, after=after), step.name)
        assert placed is not None
        return placed

    def _find_place(self, part: Part | None) -> str:
        """Return the source or step that a new step comes behind."""
        match part.kind if part is not None else "":
            case "source" | "step" if part is not None:
                return part.name
            case "branch" if part is not None:
                return drafting.list_row(self._opened.pipeline, part.name)[-1].name
            case _:
                main = drafting.list_row(self._opened.pipeline, "")
                return main[-1].name if main else self._opened.pipeline.sources[0].name

    def _edit_step(self, name: str) -> None:
        step = drafting.find_step(self._opened.pipeline, name)
        assert step is not None

        def listed(operations: tuple[OperationInfo, ...]) -> None:
            found = next((one for one in operations if one.name == step.operation), None)
            if step.operation and found is None:
                self._host.say(f"There is no operation {step.operation} any more: D takes the step out.")
            else:
                self._ask_step(step, found)

        self._host.ask("operations", partial(list_operations, self._host.workspace), listed)

    def _ask_step(
        self,
        step: Step,
        operation: OperationInfo | None,
        *,
        is_branching: bool = False,
        closed: Callable[[], None] | None = None,
    ) -> None:
        """Ask for a step: one that is there, or a new one that says what it reads; None applies a model."""
        pipeline, workspace = self._opened.pipeline, self._host.workspace
        is_new = drafting.find_step(pipeline, step.name) is None

        def build(values: Values) -> tuple[Pipeline, str]:
            changed = forms.read_step(workspace, step, values)
            if not is_new:
                return drafting.replace_step(pipeline, step.name, changed), f"step:{changed.name}"
            return self._add_new(step, changed, is_branching=is_branching), f"step:{changed.name}"

        params: Sequence[ParamSpec] = apply.list_params() if operation is None else operation.params
        self._ask_part(
            Subject(
                title=f"{step.name}: {operation.summary if operation else 'let a model annotate'}",
                fields=forms.list_step_fields(
                    pipeline, step, params, models=tuple(m.name for m in self._host.snapshot.models),
                    is_branching=is_branching, is_random=operation is not None and operation.is_random,
                ),
                build=build,
                text=lambda values: f"- {write_part(forms.read_step(workspace, step, values))}",
                verb="add" if is_new else "take",
                given=forms.list_given(step),
                is_step=True,
            ),
            closed=closed,
        )  # fmt: skip

    def _add_new(self, placed: Step, changed: Step, *, is_branching: bool) -> Pipeline:
        """Return the pipeline with a new step: in its row, unless it was told to read something else."""
        pipeline = self._opened.pipeline
        for name in (changed.name, *((changed.branch,) if is_branching else ())):
            fault = drafting.check_new_name(pipeline, name)
            if fault:
                raise InvalidParameter(fault, hint="Choose another name.")
        if changed.inputs == placed.inputs and not is_branching:
            return drafting.add_step(pipeline, replace(changed, inputs=()), after=placed.inputs[0])
        return drafting.add_step(pipeline, changed, after=changed.inputs[0])

    # --- the other parts -----------------------------------------------------------------------

    def _ask_source(self, source: Source | None) -> None:
        refs = tuple(self._host.snapshot.iter_data_refs())
        self._ask_part(subjects.make_source_subject(self._opened.pipeline, source, refs))

    def _ask_output(self, at: int | None, part: Part | None) -> None:
        projects = tuple(self._host.snapshot.refer_to(p) for p in self._host.snapshot.projects)
        result = self._find_place(part)
        self._ask_part(subjects.make_output_subject(self._opened.pipeline, at, result, projects))

    def _ask_sweep(self, before: Sweep) -> None:
        pipeline = self._opened.pipeline

        def listed(operations: tuple[OperationInfo, ...]) -> None:
            self._ask_part(subjects.make_sweep_subject(pipeline, before, operations))

        self._host.ask("operations", partial(list_operations, self._host.workspace), listed)

    def _ask_training(self) -> None:
        models = (DEFAULT_ARCHITECTURE, *(model.name for model in self._host.snapshot.models))
        self._ask_part(subjects.make_training_subject(self._opened.pipeline, models))

    def _ask_head(self) -> None:
        self._ask_part(subjects.make_head_subject(self._opened.pipeline))

    def _ask_part(self, subject: Subject, *, closed: Callable[[], None] | None = None) -> None:
        """Ask for a part, and say while its values are written what would be wrong with it."""
        form_type = StepForm if subject.is_step else CheckedForm
        form = form_type(
            subject.title,
            subject.fields,
            text=subject.text,
            verb=subject.verb,
            work=self._host.work,
            looks=Looks(
                check=partial(look_at, self._host.workspace, subject.build),
                count=partial(look_at, self._host.workspace, subject.build, is_counting=True),
                preview=partial(self._preview, subject) if subject.is_step else None,
            ),
            given=subject.given,
        )

        def begin(values: dict[str, str], again: Again) -> None:
            try:
                self._change(*subject.build(values))
            except InvalidParameter as error:
                again(error)

        ask_form(self._host, form, begin, closed=closed)

    def _preview(self, subject: Subject, form: CheckedForm) -> None:
        """Show the step on some items that it would read, or where none are there yet, on those before."""

        def find() -> tuple[PreviewScreen, str]:
            pipeline, key = subject.build(form.collect())
            found = find_preview(self._host.workspace, pipeline, key.partition(":")[2],
                                 ScreenObserver(lambda _: None))  # fmt: skip
            screen = PreviewScreen(
                self._host.workspace, self._host.work, found.operation, found.refs, params=found.params,
                seed=found.seed, is_random=found.is_random, sources=found.sources,
            )  # fmt: skip
            return screen, found.note

        def show(made: tuple[PreviewScreen, str]) -> None:
            screen, note = made
            if note:
                self._host.say(note)
            self._host.put(screen, wanted)

        def wanted(answer: Wanted) -> None:
            if answer.is_start:
                form.action_submit()

        self._host.work.start("preview", find, show, fail=lambda error: form.tell(draw_error(error)))

    # --- from one state to the next ------------------------------------------------------------

    def _change(self, pipeline: Pipeline, cursor: str = "") -> None:
        if pipeline != self._opened.pipeline:
            self._replace(replace(self._opened, pipeline=pipeline), cursor)

    def _replace(self, opened: Opened, cursor: str = "") -> None:
        self._before = [*self._before[-MAX_UNDONE:], self._opened]
        self._undone = []
        self._take(opened, cursor)

    def _go_back(self) -> None:
        if not self._before:
            self._host.say("Nothing was changed before that.")
            return
        self._undone.append(self._opened)
        self._take(self._before.pop())

    def _go_forth(self) -> None:
        if not self._undone:
            self._host.say("Nothing was taken back.")
            return
        self._before.append(self._opened)
        self._take(self._undone.pop())

    def _take(self, opened: Opened, cursor: str = "") -> None:
        self._opened = opened
        self._keeper.keep(opened)
        if self._editor is not None:
            self._editor.show(opened, cursor=cursor)
        self._look()

    def _look(self) -> None:
        """Have what is worked on checked in a thread."""
        opened, editor = self._opened, self._editor
        if editor is not None:
            work = partial(check_draft, self._host.workspace, opened.pipeline, ScreenObserver(lambda _: None))
            self._host.work.start("check", work, partial(editor.take, opened))

    # --- counting, running, files --------------------------------------------------------------

    def _count(self) -> None:
        """Say of each step how it stands and how many items would go through it."""
        opened, editor = self._opened, self._editor
        assert editor is not None
        work = partial(check_draft, self._host.workspace, opened.pipeline, is_counting=True)

        def counted(check: DraftCheck) -> None:
            editor.take(opened, check)
            if not check.is_sound:
                self._host.say("It cannot be run yet: the parts with ✗ say why.")

        self._host.do_long("Dry run", lambda seen: work(observer=seen), counted)

    def _run(self) -> None:
        """Ask how to run it; the editor is left as it begins, for the lineage shows its steps."""
        editor = self._editor

        def close() -> None:
            if editor is not None and editor.is_mounted:
                editor.dismiss(None)

        def kept(_: None) -> None:
            ref = DRAFT if self._opened.is_changed else self._opened.path
            self._piping.ask(None, ref=ref, begun=close)

        self._host.ask("draft", partial(self._keeper.keep_now, self._opened), kept)

    def _take_saved(self, saved: Opened) -> None:
        if self._opened.pipeline == saved.pipeline:
            self._take(saved)
        else:  # it was changed while it was written
            self._take(replace(self._opened, path=saved.path, saved=saved.saved))

    def _take_opened(self, found: Opened) -> None:
        if self._editor is None or not self._editor.is_mounted:
            self._show_editor()
        self._replace(found, find_last(found))


def _list_refs(entry: Entry | None) -> tuple[str, ...]:
    is_data = entry is not None and entry.kind in (EntryKind.PROJECT, EntryKind.VERSION)
    return (entry.ref,) if is_data and entry is not None else ()
