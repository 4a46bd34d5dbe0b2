"""What the keys of a widget are called now, as a person has remapped them; it draws nothing."""

from __future__ import annotations

from textual.binding import BindingsMap
from textual.dom import DOMNode

from mlwf_tui.tui.widgets.formats import format_keys

NO_KEY = "no key"


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
