"""Parses XML that a stranger wrote: no DTD, so no entity can expand or lead anywhere."""

from __future__ import annotations

from xml.etree.ElementTree import Element, ParseError, fromstring

from mlwf_tui.errors import InvalidInput


def parse_xml(content: bytes) -> Element:
    """Return the root of a document.

    Raises:
        InvalidInput: it is not well-formed, or declares a DTD; the message follows its file's name.
    """
    try:
        return fromstring(content) if _has_no_declarations(content) else _parse_guarded(content)
    except (ParseError, ValueError, LookupError) as error:
        raise InvalidInput(f"is not well-formed XML: {error}") from error


def check_declarations(content: bytes) -> None:
    """Refuse a document that may declare entities, before another parser reads it.

    Raises:
        InvalidInput: it has a DTD, or zeros, behind which one may hide; the message follows its file's name.
    """
    if not _has_no_declarations(content):
        raise InvalidInput("declares a DTD or entities, or is no UTF-8, which is not read")


def _has_no_declarations(content: bytes) -> bool:
    """Say whether these bytes can be seen to declare nothing.

    Expat takes only encodings that write ASCII as ASCII, and UTF-16, which has zeros. The guarded
    parser is Python's own and takes five times as long as the one in C.
    """
    return b"<!DOCTYPE" not in content and b"\0" not in content


def _parse_guarded(content: bytes) -> Element:
    from defusedxml.common import DefusedXmlException  # rarely needed
    from defusedxml.ElementTree import fromstring as parse_guarded

    try:
        element: Element = parse_guarded(content, forbid_dtd=True)
    except DefusedXmlException as error:
        raise InvalidInput("declares a DTD or entities, which are not read") from error
    return element
