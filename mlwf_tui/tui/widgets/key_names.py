"""What the keys of a widget are called now, as a person has remapped them; it draws nothing."""

from __future__ import annotations

from dataclasses import replace  # noqa: TID251 - bindings are Textual's, which are no structs
from typing import Protocol, runtime_checkable

from textual.binding import Binding, BindingsMap
from textual.dom import DOMNode

from mlwf_tui.tui.widgets.formats import format_keys

NO_KEY = "no key"


@runtime_checkable
class Rewording(Protocol):
    """A pane some of whose keys mean something else, or nothing, for what it shows now."""

    def reword(self, binding: Binding) -> Binding:
        """Return a binding as it is to be told; one without a description is not."""


def rename(binding: Binding, description: str, *, is_shown: bool) -> Binding:
    """Return a binding that is told in other words, at the foot of the screen or not."""
    return replace(binding, description=description, show=is_shown)


def find_bindings(node: DOMNode) -> BindingsMap:
    """Return the bindings of a node with the keys that a person has given them."""
    own = node._bindings.copy()
    own.apply_keymap(node.app._keymap)
    return own


def name_key(node: DOMNode, id: str) -> str:
    """Return the first key of the node's binding with this id, as it stands on the keyboard.

    A binding whose keys were given to another action has none.
    """
    for key, bindings in find_bindings(node).key_to_bindings.items():
        if any(binding.id == id for binding in bindings):
            return format_keys(key)
    return NO_KEY
