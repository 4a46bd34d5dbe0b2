"""XML from strangers: what declares anything is refused, whatever its encoding hides."""

from __future__ import annotations

import pytest

from mlwf_tui.errors import InvalidInput
from mlwf_tui.plugins.importers.xml_documents import parse_xml

BOMB = '<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;">]><a>&y;</a>'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-be", "utf-8-sig", "latin-1"])
def test_a_document_type_is_refused_in_every_encoding(encoding: str) -> None:
    with pytest.raises(InvalidInput, match="DTD"):
        parse_xml(BOMB.encode(encoding))


@pytest.mark.parametrize("encoding", ["cp037", "utf-7", "utf-16", "hz", "no-such"])
def test_an_encoding_that_could_hide_a_declaration_is_refused(encoding: str) -> None:
    hidden = b"" if encoding == "no-such" else BOMB.encode(encoding)
    with pytest.raises(InvalidInput):
        parse_xml(f'<?xml version="1.0" encoding="{encoding}"?>'.encode() + hidden)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1", "cp1252"])
def test_text_is_read_in_the_encoding_that_is_declared(encoding: str) -> None:
    root = parse_xml(f'<?xml version="1.0" encoding="{encoding}"?><a>é</a>'.encode(encoding))
    assert root.text == "é"


@pytest.mark.parametrize(
    ("head", "told"),
    [
        ("", "is not UTF-8 and declares no other"),
        ('<?xml version="1.0" encoding="UTF-8"?>', "declares UTF-8"),
    ],
)
def test_text_in_another_encoding_than_it_says_leads_to_what_to_do(head: str, told: str) -> None:
    with pytest.raises(InvalidInput, match=f"{told}.*save it as UTF-8, or declare"):
        parse_xml(f"{head}<a>é</a>".encode("latin-1"))


@pytest.mark.parametrize(
    "content", [b"", b"<a>", b"<a/><b/>", b"\xff\xfe\0", b"<a>&x;</a>", b"<!doctype a><a/>"]
)
def test_what_is_no_document_is_refused_in_words(content: bytes) -> None:
    with pytest.raises(InvalidInput, match="is not well-formed XML"):
        parse_xml(content)
