"""The command palette, also in a window that has no room for its lines."""

from __future__ import annotations

from textual.command import CommandList, CommandPalette


class Palette(CommandPalette):
    """Textual's palette, whose list fails at a page key where it has no room for a line."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Refuse what moves by a page as long as no line is laid out."""
        if action == "command_list" and not self.query_one(CommandList).scrollable_content_region:
            return False
        return super().check_action(action, parameters)
