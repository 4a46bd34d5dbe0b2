"""A form made from declared parameters, with the command line that would do the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import ClassVar

import msgspec
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.events import DescendantFocus
from textual.widgets import Input, Label, Static

from mlwf_tui.entities.counts import format_count
from mlwf_tui.params import UNSETS, ParamSpec, parse_number
from mlwf_tui.tui.widgets.choice_field import ChoiceField
from mlwf_tui.tui.widgets.completing import make_suggester
from mlwf_tui.tui.widgets.dialog import Dialog
from mlwf_tui.tui.widgets.key_names import name_key
from mlwf_tui.tui.widgets.line_field import LineField
from mlwf_tui.tui.widgets.recall import Recall

LOW_ROWS = 36  # of a window below which the fields get fewer rows
FIELD_ROWS, LOW_FIELD_ROWS = 26, 13
YES_NO = {"true": "yes", "false": "no"}  # what is written on the command line, and how it is shown here


class FormField(msgspec.Struct, frozen=True):
    """One thing that a form asks for.

    `suggestions` complete free text, where `spec.choices` allow nothing else; `labels` say how a choice is
    shown. Fields of one `group` stand below its name, and of these two short ones share a line. A `label` is
    shown in place of the name, which a plug-in's parameter may have as well. `is_wanted` looks at all
    that stands in the form; where it is false the field is neither shown nor returned.
    """

    spec: ParamSpec
    is_required: bool = False
    suggestions: tuple[str, ...] = ()
    labels: Mapping[str, str] | None = None
    find_fault: Callable[[str], str] | None = None  # returns what is wrong with a text, or ""
    group: str = ""
    is_short: bool = False
    label: str = ""
    is_wanted: Callable[[Mapping[str, str]], bool] | None = None
    takes_several: bool = False  # suggestions complete what follows the last comma
    is_bounded: bool = False  # its bounds are shown beside it, though it is in a group

    @property
    def title(self) -> str:
        """What the field is called on the screen."""
        return self.label or self.spec.name


def make_field(
    name: str,
    help: str,
    value: str = "",
    *,
    type_name: str = "str",
    low: int | None = None,
    high: int | None = None,
    choices: Sequence[str] = (),
    suggestions: Sequence[str] = (),
    is_required: bool = False,
) -> FormField:
    """Return a text field that is no declared parameter of a plug-in."""
    spec = ParamSpec(
        name=name, type_name=type_name, default=value, help=help, low=low, high=high, choices=tuple(choices)
    )
    return FormField(spec, is_required, tuple(suggestions))


class TextField(LineField):
    """A field to write in. It is styled as it is mounted, not twice before that as it is filled in."""

    def update_node_styles(self, animate: bool = True) -> None:
        if self.is_attached:
            super().update_node_styles(animate)


class Form(Dialog[dict[str, str] | None]):
    """Asks for values and returns those that differ from their defaults, and all required ones.

    ⏎ in any field or ctrl+g sends it; Esc gives up. Faults are said beside the field they are in.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "cancel", show=False, id="form.close"),
        Binding("enter,ctrl+g", "submit", "start", show=False, id="form.submit"),
        Binding("ctrl+r", "reset", "the defaults again", show=False, priority=True, id="form.reset"),
        Binding("f2", "copy", "copy the command line", show=False, priority=True, id="form.copy"),
        # With priority they hold at once: what is typed in a burst must not reach the field before.
        Binding("tab", "complete", "complete, or next field", show=False, priority=True, id="form.next"),
        Binding("shift+tab", "app.focus_previous", "field before", show=False, priority=True, id="form.back"),
        Binding("up", "recall", "value before, or field before", show=False, priority=True, id="form.up"),
        Binding("down", "recall_on", "value after, or next field", show=False, priority=True, id="form.down"),
    ]
    DEFAULT_CSS = """
    Form {
        background: transparent;
        align: center middle;
        & > Vertical {
            width: 84; max-width: 100%; height: auto; max-height: 100%;
            background: $panel; border: round $primary; padding: 0 1;
        }
        & VerticalScroll { height: auto; background: $panel; }
        & .field, & .pair { height: 1; }
        & .pair .field { width: 1fr; }
        & .pair .field:last-child Label { width: 10; padding-left: 1; }
        & .group { color: $text-muted; text-style: bold; }
        & .field.-fault Label { color: $error; }
        & Label { width: 22; color: $text-muted; }
        & .bounds { width: 20; color: $text-muted; padding-left: 1; }
        & Input { width: 1fr; height: 1; border: none; padding: 0 1; background: $boost; }
        & Input:focus { background-tint: $foreground 8%; }
        & #note { height: auto; margin-top: 1; color: $text-muted; display: none; }
        & #help { height: auto; color: $text-muted; margin-top: 1; }
        & #command { height: auto; color: $secondary; margin-top: 1; }
        & #told { height: auto; margin-top: 1; display: none; }
    }
    """
    MORE_KEYS: ClassVar[str] = ""
    """What else can be pressed, for the form's border."""
    PROMPT: ClassVar[str] = "$ "
    """What stands before the command line."""

    def __init__(
        self,
        title: str,
        fields: Sequence[FormField],
        *,
        command: Callable[[Mapping[str, str]], str],
        verb: str,
        given: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__()
        self._title = title
        self._fields = tuple(fields)
        self._given = given or {}
        self._opening = {
            field.spec.name: _find_opening(field, self._given.get(field.spec.name)).strip()
            for field in self._fields
        }
        self._faults: dict[str, str] = {}  # by field
        self.recall = Recall()
        self._command = command
        self._verb = verb
        self._first: Mapping[str, str] = {}  # what stands in its fields as it appears
        self._trouble = ""  # why what it began has failed
        self._culprit = ""  # the field that this is about
        self._is_taken_up = False
        self.unsent: Mapping[str, str] = {}
        """What stood in its fields as it was given up, where that is not what it opened with."""
        self.begins_at = ""
        """The name of the field that gets the cursor first; "" for the first one."""
        self.copy: Callable[[str], None] | None = None
        """Takes the command line to the person's clipboard; without it there is no key for that."""

    def refill(self, values: Mapping[str, str]) -> Form:
        """Return the same form once more, filled in with values that another one returned."""
        return Form(self._title, self._fields, command=self._command, verb=self._verb, given=values)

    def come_back(self, values: Mapping[str, str], trouble: str = "", culprit: str = "") -> Form:
        """Return it filled in once more, with the cursor where it was left.

        `trouble` says what was wrong, until something is changed; `culprit` is the field that it is about.
        """
        again = self.refill(values)
        again._opening = self._opening
        again._trouble, again._culprit = trouble, culprit
        again.begins_at = culprit or self.begins_at
        return again

    @property
    def identity(self) -> tuple[object, ...]:
        """What tells it from other forms: what it asks, and what it opens with."""
        return self._title, *self._opening.items()

    def take_up(self, values: Mapping[str, str]) -> None:
        """Open with what stood in its fields when it was given up."""
        self._given = values
        self._is_taken_up = True

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = self._title
            copying = " · F2 copy" if self.copy is not None else ""
            moving = "" if self.MORE_KEYS and copying else " · tab next"  # 80 columns have no room for all
            box.border_subtitle = f"⏎ {self._verb}{self.MORE_KEYS}{moving}{copying} · esc cancel"
            with VerticalScroll(can_focus=False) as rows:
                self._bound(rows)
                for group, fields in groupby(self._fields, lambda field: field.group):
                    if group:
                        yield Static(f"── {group} ──", classes="group", markup=False)
                    for line in _fill_lines(fields):
                        if len(line) == 1:
                            yield from self._compose_field(line[0])
                        else:
                            with Horizontal(classes="pair"):
                                for field in line:
                                    yield from self._compose_field(field)
            yield Static(id="note", markup=False)
            yield Static(id="help", markup=False)
            yield Static(id="command", markup=False)
            yield Static(id="told", markup=False)

    def _compose_field(self, field: FormField) -> ComposeResult:
        with Horizontal(classes="field", id=f"row-{field.spec.name}"):
            yield Label(field.title + (" *" if field.is_required else ""))
            yield _make_control(field, self._given.get(field.spec.name))
            if not field.group or field.is_bounded:
                yield Static("" if field.spec.choices else field.spec.bounds, classes="bounds", markup=False)

    def on_mount(self) -> None:
        if self.begins_at:
            self.query_one(f"#field-{self.begins_at}").focus()
        self._first = self._read_all()
        self._show_note()
        self.call_after_refresh(self._show_command)

    def on_resize(self) -> None:
        self._bound(self.query_one(VerticalScroll))

    def _bound(self, rows: VerticalScroll) -> None:
        """Give the fields their rows; by classes of the form all of them would be styled anew."""
        is_low = self.app.size.height < LOW_ROWS
        rows.styles.max_height = LOW_FIELD_ROWS if is_low else FIELD_ROWS

    def _show_note(self) -> None:
        """Say why it came back, until something is changed, or that it stands as it was left."""
        if not self._trouble and not self._is_taken_up:
            return
        standing = self._read_all()
        is_wrong = bool(self._trouble) and standing == self._first
        is_left = self._is_taken_up and standing != self._opening
        kept = f"As you left it. {name_key(self, 'form.reset')} puts back what it opens with."
        note = self.query_one("#note", Static)
        note.display = is_wrong or is_left
        note.update(Content.styled(f"✗ {self._trouble}", "$text-error") if is_wrong else Content(kept))
        if self._culprit:
            is_faulty = is_wrong or self._culprit in self._faults
            self.query_one(f"#row-{self._culprit}").set_class(is_faulty, "-fault")

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        for field in self._fields:
            if event.widget.id == f"field-{field.spec.name}":
                self.begins_at = field.spec.name
                self._show_help(field)

    def _show_help(self, field: FormField) -> None:
        """Say what is wrong with a field, or else what it means."""
        fault = self._faults.get(field.spec.name)
        told = Content.styled(f"✗ {fault}", "$error") if fault else Content(field.spec.help)
        count = 0 if field.spec.choices else self.recall.count(field.spec.name)
        past = f"  ↑ {format_count(count, 'past value')}" if count else ""
        self.query_one("#help", Static).update(Content.assemble(told, (past, "$text-disabled")))

    def take_past(self, past: Mapping[str, Sequence[str]]) -> None:
        """Offer what was entered before, by field."""
        self.recall.take(past)
        field = self._find_field()
        if self.is_mounted and field is not None:
            self._show_help(field)

    def _find_field(self) -> FormField | None:
        """Return the field that has the focus, where it is one to write in."""
        control = self.focused
        if not isinstance(control, Input):
            return None
        return next((field for field in self._fields if control.id == f"field-{field.spec.name}"), None)

    def action_complete(self) -> None:
        """Take the completion that is offered; where none is, go to the next field."""
        control = self.focused
        offered = control._suggestion if isinstance(control, Input) else ""
        if isinstance(control, Input) and len(offered) > len(control.value):
            control.value = offered
            control.cursor_position = len(offered)
        else:
            self.focus_next()

    def action_recall(self) -> None:
        """Put what was entered before into the field; from one without a past go to the field before."""
        field = self._find_field()
        if field is None or not self.recall.count(field.spec.name):
            self.focus_previous()
            return
        self._put(field, self.recall.go_back(field.spec.name, self._read(field)))

    def action_recall_on(self) -> None:
        """Put what was entered after that into the field; where that was the last, go to the next field."""
        field = self._find_field()
        value = self.recall.go_on(field.spec.name) if field is not None else None
        if field is None or value is None:
            self.focus_next()
        else:
            self._put(field, value)

    def _put(self, field: FormField, value: str | None) -> None:
        control = self.query_one(f"#field-{field.spec.name}")
        if value is not None and isinstance(control, Input):
            control.value = value
            control.cursor_position = len(value)

    def tell(self, text: Content | str) -> None:
        """Say something below the command line; "" takes it away."""
        told = self.query_one("#told", Static)
        told.display = bool(text)
        told.update(text)

    def fill(self, name: str, value: str) -> None:
        """Put a value into a field."""
        control = self.query_one(f"#field-{name}")
        assert isinstance(control, Input | ChoiceField)
        control.value = value

    def action_close(self) -> None:
        if self.is_mounted:
            standing = self._read_all()
            self.unsent = standing if standing != self._opening else {}
        self.dismiss(None)

    def action_reset(self) -> None:
        """Put back what the form opens with, where it was taken up as it had been left."""
        if self.is_mounted and self._is_taken_up:
            for name, value in self._opening.items():
                self.fill(name, value)

    def action_copy(self) -> None:
        """Have what stands below the fields copied, as the shell takes it."""
        if self.is_mounted and self.copy is not None:
            self.copy(self._command(self.collect()))

    def action_submit(self) -> None:
        if not self.is_mounted:
            return  # a key in the same burst that opened the form
        if self.check():
            self.dismiss(self.collect())

    def check(self) -> bool:
        """Whether all fields can be used; else the first that cannot gets the focus and its fault is said."""
        found = ((field, find_fault(field, value)) for field, value in self._read_wanted())
        first = next(((field, fault) for field, fault in found if fault), None)
        self._faults = {first[0].spec.name: first[1]} if first is not None else {}
        for field in self._fields:
            self.query_one(f"#row-{field.spec.name}").set_class(field.spec.name in self._faults, "-fault")
        if first is not None:
            self.query_one(f"#field-{first[0].spec.name}").focus()
            self._show_help(first[0])
        return first is None

    @on(Input.Submitted)
    def _on_submitted(self, event: Input.Submitted) -> None:
        event.input.value = event.value  # without what was typed behind ⏎ in the same burst
        self.action_submit()

    @on(Input.Changed)
    def _check_typed(self, event: Input.Changed) -> None:
        """Say at once what is wrong with the field that is typed in; one that is still empty is let be."""
        for field in self._fields:
            if event.input.id == f"field-{field.spec.name}" and self.is_mounted:
                fault = find_fault(field, event.value.strip()) if event.value.strip() else ""
                self._note_fault(field, fault)

    def _note_fault(self, field: FormField, fault: str) -> None:
        name = field.spec.name
        if fault == self._faults.get(name, ""):
            return
        self._faults = {other: said for other, said in self._faults.items() if other != name}
        if fault:
            self._faults[name] = fault
        self.query_one(f"#row-{name}").set_class(bool(fault), "-fault")
        self._show_help(field)

    @on(Input.Changed)
    @on(ChoiceField.Changed)
    def _show_command(self) -> None:
        if not self.is_mounted:
            return  # what was pasted in the same burst that opened the form; on_mount shows it
        self._show_wanted()
        self._show_note()
        self.query_one("#command", Static).update(self.PROMPT + self._command(self.collect()))

    def collect(self) -> dict[str, str]:
        """Return the values that differ from their defaults, and all required ones."""
        return {
            field.spec.name: value
            for field, value in self._read_wanted()
            if field.is_required or value != format_default(field.spec)
        }

    def _show_wanted(self) -> None:
        wanted = {field.spec.name for field, _ in self._read_wanted()}
        for field in self._fields:
            if field.is_wanted is not None:
                self.query_one(f"#row-{field.spec.name}").display = field.spec.name in wanted

    def _read_wanted(self) -> list[tuple[FormField, str]]:
        """Return the fields that count as the others stand now, each with what stands in it."""
        values = self._read_all()
        return [
            (field, values[field.spec.name])
            for field in self._fields
            if field.is_wanted is None or field.is_wanted(values)
        ]

    def _read_all(self) -> dict[str, str]:
        return {field.spec.name: self._read(field) for field in self._fields}

    def _read(self, field: FormField) -> str:
        control = self.query_one(f"#field-{field.spec.name}")
        assert isinstance(control, Input | ChoiceField)
        return control.value.strip()


def find_fault(field: FormField, text: str) -> str:
    """Return what is wrong with `text` for this field, or "".

    The verb checks again, with the types themselves; this is only so that a slip is said in place.
    """
    spec = field.spec
    if not text or text in UNSETS:
        return f"{field.title} is needed." if field.is_required and not text else ""
    if field.find_fault is not None:
        return field.find_fault(text)
    if spec.type_name not in ("int", "float"):
        return ""
    try:
        value = parse_number(text, int if spec.type_name == "int" else float)
    except ValueError:
        return f"{field.title} must be {'a whole number' if spec.type_name == 'int' else 'a number'}."
    is_low = spec.low is not None and not value >= spec.low
    is_high = spec.high is not None and not value <= spec.high
    return f"{field.title} must be {spec.bounds}." if is_low or is_high else ""


def format_default(spec: ParamSpec) -> str:
    """Return a default as a person would type it."""
    value = spec.default
    if value is None:
        return spec.unset
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ",".join(str(part) for part in value)
    return str(value)


def _find_opening(field: FormField, given: str | None) -> str:
    """Return what stands in a field that opens with a value, or with its default."""
    offered, default = _list_offered(field.spec), format_default(field.spec)
    if given is None or (offered and given not in offered):
        return default
    return given


def _list_offered(spec: ParamSpec) -> tuple[str, ...]:
    """Return what a field lets a person choose from; nothing where they write."""
    choices = tuple(YES_NO) if spec.type_name == "bool" else spec.choices
    return tuple(dict.fromkeys((*choices, format_default(spec)))) if choices else ()


def _fill_lines(fields: Iterable[FormField]) -> Iterator[tuple[FormField, ...]]:
    """Yield what stands on each line: one field, or two short ones that follow each other."""
    waiting: FormField | None = None
    for field in fields:
        if waiting is not None and field.is_short:
            yield waiting, field
            waiting = None
            continue
        if waiting is not None:
            yield (waiting,)
        waiting = field if field.is_short else None
        if waiting is None:
            yield (field,)
    if waiting is not None:
        yield (waiting,)


def _make_control(field: FormField, given: str | None) -> Input | ChoiceField:
    spec = field.spec
    control_id = f"field-{spec.name}"
    offered, value = _list_offered(spec), _find_opening(field, given)
    if offered:
        labels = field.labels or (YES_NO if spec.type_name == "bool" else None)
        return ChoiceField(offered, value, labels=labels, id=control_id)
    return TextField(
        value,
        compact=True,
        suggester=make_suggester(field.spec.type_name, field.suggestions, takes_several=field.takes_several),
        id=control_id,
    )
