"""How a program says what its cards on the lineage look like: the fields and rules of Supervisely's SDK."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import msgspec

from mlwf_tui.entities.card import Card, make_card
from mlwf_tui.errors import InvalidInput

logger = logging.getLogger(__name__)


class WorkflowSettings(msgspec.Struct, frozen=True):
    """What one card shows; `icon` is the name of a Material icon, `url` may be relative.

    Icon, its colour and its background go together, and so do url and url_title: where one of them is
    missing, all are None, and the log says so.
    """

    title: str | None = None
    icon: str | None = None
    icon_color: str | None = None
    icon_bg_color: str | None = None
    url: str | None = None
    url_title: str | None = None
    description: str | None = None

    def __post_init__(self) -> None:
        self._keep_all_or_none("icon", "icon_color", "icon_bg_color")
        self._keep_all_or_none("url", "url_title")

    @property
    def as_dict(self) -> dict[str, Any]:
        """The settings as a card's JSON."""
        document: dict[str, Any] = {}
        if self.title:
            document["title"] = f"<h4>{self.title}</h4>"
        if self.description:
            document["description"] = f"<small>{self.description}</small>"
        if self.icon:
            document["icon"] = {
                "icon": f"zmdi-{self.icon}", "color": self.icon_color, "backgroundColor": self.icon_bg_color,
            }  # fmt: skip
        if self.url:
            document["mainLink"] = {"url": self.url, "title": self.url_title}
        return document

    def to_card(self) -> Card:
        """Return the settings as mlwf keeps them."""
        return make_card({name: getattr(self, name) for name in self.__struct_fields__})

    def _keep_all_or_none(self, *names: str) -> None:
        values = [getattr(self, name) for name in names]
        if any(values) and not all(values):
            logger.info("%s are left out: they go together.", ", ".join(names))
            for name in names:
                msgspec.structs.force_setattr(self, name, None)


class WorkflowMeta(msgspec.Struct, frozen=True):
    """The cards at both ends of an edge: that of the data (relation), and that of the run (node)."""

    relation_settings: WorkflowSettings | None = None
    node_settings: WorkflowSettings | None = None

    def __post_init__(self) -> None:
        if self.relation_settings is None and self.node_settings is None:
            raise ValueError("WorkflowMeta needs relation_settings or node_settings.")

    @property
    def as_dict(self) -> dict[str, Any]:
        """The cards as the JSON of an edge."""
        document = {}
        if self.relation_settings is not None:
            document["customRelationSettings"] = self.relation_settings.as_dict
        if self.node_settings is not None:
            document["customNodeSettings"] = self.node_settings.as_dict
        return document

    @classmethod
    def create_as_dict(
        cls, relation_settings: WorkflowSettings | None = None, node_settings: WorkflowSettings | None = None
    ) -> dict[str, Any]:
        """Return the JSON of an edge without keeping the meta."""
        return cls(relation_settings, node_settings).as_dict


class _Icon(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    icon: str
    color: str
    backgroundColor: str


class _Link(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    url: str
    title: str


class _Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    title: str | None = None
    description: str | None = None
    icon: _Icon | None = None
    mainLink: _Link | None = None


class _Meta(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    customRelationSettings: _Settings | None = None
    customNodeSettings: _Settings | None = None


def read_meta(meta: WorkflowMeta | Mapping[str, Any]) -> tuple[Card | None, Card | None]:
    """Return the cards of the data and of the run.

    Raises:
        InvalidInput: it is neither a WorkflowMeta nor JSON after its schema; no other key may be in it.
    """
    if isinstance(meta, WorkflowMeta):
        sides = (meta.relation_settings, meta.node_settings)
        relation, node = (None if side is None else side.to_card() for side in sides)
        return relation, node
    try:
        known = msgspec.convert(meta, _Meta)
    except (msgspec.ValidationError, TypeError) as error:
        raise InvalidInput(
            f"The meta of a card is not after its schema: {error}.", hint="Use WorkflowMeta."
        ) from error
    if known.customRelationSettings is None and known.customNodeSettings is None:
        raise InvalidInput("The meta of a card says nothing.", hint="Use WorkflowMeta.")
    return _to_card(known.customRelationSettings), _to_card(known.customNodeSettings)


def _to_card(settings: _Settings | None) -> Card | None:
    if settings is None:
        return None
    icon, link = settings.icon, settings.mainLink
    return Card(
        title=_strip(settings.title, "h4"),
        description=_strip(settings.description, "small"),
        icon=icon.icon.removeprefix("zmdi-") if icon else "",
        icon_color=icon.color if icon else "",
        icon_bg_color=icon.backgroundColor if icon else "",
        url=link.url if link else "",
        url_title=link.title if link else "",
    )


def _strip(text: str | None, element: str) -> str:
    return (text or "").removeprefix(f"<{element}>").removesuffix(f"</{element}>")
