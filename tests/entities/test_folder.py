from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlwf_tui.entities.folder import SIGNATURE_BYTES, FileFinder, FolderListing, Page

names = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="/"), min_size=1
).filter(lambda name: not name.startswith("."))
SUFFIXES = frozenset({".jpg", ".png"})


def sign(number: int) -> bytes:
    return number.to_bytes(SIGNATURE_BYTES)


def make_listing(files: dict[str, list[str]]) -> FolderListing:
    """Return a listing of files by folder, in small pages; each signature is the file's position."""
    pages: list[Page] = []
    for folder, listed in files.items():
        for at in range(0, len(listed), 3):
            start, part = pages[-1].end if pages else 0, listed[at : at + 3]
            signatures = b"".join(sign(start + index) for index in range(len(part)))
            pages.append(Page(start, folder, "/".join(part), signatures))
    return FolderListing(Path("/root"), tuple(pages), (), 0)


@given(st.sets(names | st.sampled_from(["a.jpg", "b.jpg", "B.JPG", "c.txt", "d", "e.", "f.jpg.txt"])))
def test_a_page_knows_its_names_by_their_suffix(drawn: set[str]) -> None:
    listed = sorted(drawn | {"a.jpg"})
    page = Page(0, "", "/".join(listed), b"".join(map(sign, range(len(listed)))))
    expected = [(at, name) for at, name in enumerate(listed) if name.lower().endswith((".jpg", ".png"))]
    assert page.list_ending(SUFFIXES) == expected


@pytest.mark.parametrize(
    "listed",
    [
        ["README", "SIDE"],
        ["a.txE", "b.txE"],
        ["a.jpg", "b.jpg"],
        ["a", "a.jpg"],
        ["a.gif", "a.txt", "b.gif", "b.txt"],
        ["a.jpg", "a.txE", "b.jpg"],
        ["a.gif", "a.txt", "b.jpg"],
    ],
)
def test_names_that_all_end_alike_are_told_by_their_suffix(listed: list[str]) -> None:
    page = Page(0, "", "/".join(listed), b"".join(map(sign, range(len(listed)))))
    suffixes = {".txe", ".jpg"}
    expected = [(at, name) for at, name in enumerate(listed) if name[-4:].lower() in suffixes]
    assert page.list_ending(suffixes) == expected


@given(
    st.dictionaries(st.sampled_from(["", "a", "a/b", "c"]), st.sets(names, min_size=1), min_size=1), st.data()
)
def test_files_are_found_in_any_order(drawn: dict[str, set[str]], data: st.DataObject) -> None:
    listing = make_listing({folder: sorted(listed) for folder, listed in drawn.items()})
    finder = FileFinder(listing)
    files = list(listing.iter_files())
    assert listing.count == len(files)
    for position in data.draw(st.permutations(range(len(files)))):
        file = files[position]
        assert finder.find(file.folder, file.name) == position
        assert finder.get(position) == file
        assert file.signature == sign(position)
    missing = data.draw(names)
    for folder, listed in drawn.items():
        found = finder.find(folder, missing)
        assert (found is not None) == (missing in listed)
        beginning = [name for _, name in finder.iter_beginning(folder, missing[:1])]
        assert beginning == sorted(name for name in listed if name.startswith(missing[:1]))
    assert finder.find("nowhere", missing) is None
