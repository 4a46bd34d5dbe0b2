"""Changes of classes that concern one widget alone, without its whole subtree being styled anew."""

from __future__ import annotations

from textual.widget import Widget


def set_class_alone(widget: Widget, is_on: bool, name: str) -> None:
    """Set a class that no rule for anything below the widget names.

    Textual would style all below it as well: of a pane with every view in it that takes 150 ms.
    """
    if widget.has_class(name) is not is_on:
        widget.set_class(is_on, name, update=False)
        if widget.is_attached:  # else it is styled as it is mounted
            widget.app.stylesheet.update_nodes([widget])
