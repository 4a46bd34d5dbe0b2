from __future__ import annotations

import os
from pathlib import Path

from mlwf_tui.entities.folder import PAGE_FILES, SIGNATURE_BYTES
from mlwf_tui.workflow.importing.scan import scan_folder
from mlwf_tui.workflow.importing.signatures import get_size
from mlwf_tui.workflow.importing.signing import sign_status


def write(path: Path, content: bytes = b"") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_files_come_in_path_order_with_their_signatures(tmp_path: Path) -> None:
    for name in ("b/x", "b/a/y", "b.txt", "a", "c/z", "B"):
        write(tmp_path / name, name.encode())
    listing = scan_folder(tmp_path)
    files = list(listing.iter_files())
    assert [file.relative for file in files] == ["B", "a", "b/a/y", "b/x", "b.txt", "c/z"]
    assert all(file.signature == sign_status(file.path.stat()) for file in files)
    assert [get_size(file.signature) for file in files] == [len(file.relative) for file in files]
    assert {len(file.signature) for file in files} == {SIGNATURE_BYTES}
    assert listing.list_signatures() == {file.relative: file.signature for file in files}


def test_a_large_folder_takes_several_pages(tmp_path: Path) -> None:
    count = 3 * PAGE_FILES
    for number in range(count):
        write(tmp_path / "many" / f"{number:05}")
    write(tmp_path / "many" / "00003-folder" / "inside")
    listing = scan_folder(tmp_path)
    assert listing.count == count + 1
    assert [page.start for page in listing.pages[:3]] == [0, 4, 5]
    assert [page.start for page in listing.pages[1:]] == [page.end for page in listing.pages[:-1]]
    assert {page.end - page.start <= PAGE_FILES for page in listing.pages} == {True}
    paths = [file.relative.replace("/", "\0") for file in listing.iter_files()]
    assert paths == sorted(paths)


def test_a_new_file_leaves_all_pages_but_its_own_as_they_are(tmp_path: Path) -> None:
    for number in range(5 * PAGE_FILES):
        write(tmp_path / f"{number:05}")
    before = [page.names for page in scan_folder(tmp_path).pages]
    write(tmp_path / "00500-new")
    after = [page.names for page in scan_folder(tmp_path).pages]
    assert len(before) > 4
    assert after[2:] == before[2:]


def test_links_are_followed_to_files_inside_alone(tmp_path: Path) -> None:
    root = tmp_path / "root"
    outside = write(tmp_path / "outside")
    write(root / "real", b"content")
    (root / "inside").symlink_to("real")
    (root / "outside").symlink_to(outside)
    (root / "nothing").symlink_to("missing")
    (root / "loop").symlink_to("loop")
    (root / "folder").symlink_to(root)
    os.mkfifo(root / "pipe")
    listing = scan_folder(root)
    assert [file.relative for file in listing.iter_files()] == ["inside", "real"]
    assert {fault.name: fault.reason for fault in listing.faults} == {
        "outside": "is a link that leads out of the folder",
        "nothing": "is a link to nothing",
        "loop": f"cannot be read: {os.strerror(40)}",
        "folder": "is a link to a folder, which is not followed",
        "pipe": "is not a regular file",
    }
