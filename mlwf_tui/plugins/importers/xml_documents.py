"""Parses XML that a stranger wrote: no DTD, so no entity can expand or lead anywhere."""

from __future__ import annotations

import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from typing import Final
from xml.etree.ElementTree import Element, ParseError, fromstring

from mlwf_tui.errors import InvalidInput

_DECLARED: Final = re.compile(rb"""\s*<\?xml[^>]*?encoding\s*=\s*["']([\w.-]+)""")


def parse_xml(content: bytes) -> Element:
    """Return the root of a document.

    Raises:
        InvalidInput: it is not well-formed, or declares a DTD; the message follows its file's name.
    """
    try:
        return fromstring(content) if _has_no_declarations(content) else _parse_guarded(content)
    except (ParseError, ValueError, LookupError) as error:
        raise InvalidInput(f"is not well-formed XML: {_find_encoding_fault(content) or error}") from error


def _find_encoding_fault(content: bytes) -> str:
    """Say that a document is not in the encoding that it declares, or has to be in; empty where it is."""
    declared = _DECLARED.match(content)
    encoding = declared[1].decode().lower() if declared else "utf-8"
    if encoding not in ("utf-8", "utf8") or content.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        return ""
    try:
        content.decode("utf-8-sig")
    except UnicodeDecodeError:
        told = "declares UTF-8 and is not" if declared else "is not UTF-8 and declares no other encoding"
        return f'it {told}; save it as UTF-8, or declare what it is: <?xml version="1.0" encoding="latin-1"?>'
    return ""


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
