"""A style sheet for tests that remembers which widgets were styled anew."""

from __future__ import annotations

from collections.abc import Iterable

from textual.app import App
from textual.css.stylesheet import Stylesheet
from textual.dom import DOMNode


class StyledNodes(Stylesheet):
    """Remembers what was styled again since `begin`; what is styled as it is mounted does not count."""

    nodes: set[DOMNode]

    @classmethod
    def begin(cls, app: App[None]) -> set[DOMNode]:
        """Let an app's style sheet remember, and return where it does so."""
        app.stylesheet.__class__ = cls
        assert isinstance(app.stylesheet, cls)
        app.stylesheet.nodes = set()
        return app.stylesheet.nodes

    def update_nodes(self, nodes: Iterable[DOMNode], animate: bool = False) -> None:
        styled = list(nodes)
        self.nodes.update(styled)
        super().update_nodes(styled, animate)
