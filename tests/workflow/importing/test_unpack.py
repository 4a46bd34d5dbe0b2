"""Archives of all kinds are unpacked whole; hostile ones write nothing outside, and are told in words."""

from __future__ import annotations

import gzip
import io
import os
import random
import stat
import struct
import tarfile
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlwf_tui.errors import Cancelled, InvalidInput, MlwfError, StorageFailed
from mlwf_tui.workflow.importing import members
from mlwf_tui.workflow.importing.members import ArchiveKind
from mlwf_tui.workflow.importing.unpack import Limits, open_archive, split_name, unpack
from mlwf_tui.workflow.importing.unpacked import clear_unpacked, hold_place
from tests.fakes.observers import KeepingObserver, StoppingObserver
from tests.making import make_voc
from tests.workflow.archiving import make_member, pack, pack_files, pack_members

FILES = {"a/1.txt": b"one\n" * 1000, "a/b/2.bin": bytes(range(256)) * 9000, "top.json": b"{}"}


def unpack_all(
    home: Path, data: bytes, *, limits: Limits | None = None
) -> tuple[dict[str, bytes], dict[str, str]]:
    """Return what an archive of these bytes is unpacked to, and what is said of the rest."""
    home.mkdir(exist_ok=True)
    path = home / "given.archive"
    path.write_bytes(data)
    observer = KeepingObserver()
    with unpack(home, open_archive(path, observer), observer, limits=limits) as found:
        files = {
            file.relative_to(found.root).as_posix(): file.read_bytes()
            for file in found.root.rglob("*")
            if file.is_file()
        }
        assert not [file for file in found.root.rglob("*") if file.is_symlink()]
        problems = {problem.path: problem.reason for problem in found.problems}
    assert not found.root.exists()
    return files, problems


@pytest.mark.parametrize("kind", ArchiveKind)
def test_every_kind_is_unpacked_whole(tmp_path: Path, kind: ArchiveKind) -> None:
    assert unpack_all(tmp_path, pack_files(FILES, kind)) == (FILES, {})


@pytest.mark.parametrize("kind", ArchiveKind)
def test_an_archive_that_is_cut_off_is_refused(tmp_path: Path, kind: ArchiveKind) -> None:
    data = pack_files({"a.bin": random.Random(1).randbytes(300_000), "b.txt": b"b"}, kind)
    for length in (len(data) - 9000, len(data) // 2):
        with pytest.raises(InvalidInput, match=r"given\.archive is damaged or cut off") as caught:
            unpack_all(tmp_path, data[:length])
        assert "Get it again" in caught.value.hint


def test_a_tar_that_is_cut_between_two_files_is_refused(tmp_path: Path) -> None:
    data = pack_files({"a.bin": b"x" * 512, "b.bin": b"y" * 512}, ArchiveKind.TAR)
    with pytest.raises(InvalidInput, match="its end is missing"):
        unpack_all(tmp_path, data[:1024])


def test_a_tar_with_a_header_of_nonsense_in_it_is_refused(tmp_path: Path) -> None:
    data = bytearray(pack_files({"a.bin": b"x" * 512, "b.bin": b"y" * 512}, ArchiveKind.TAR))
    data[1024:1034] = b"nonsense!!"
    with pytest.raises(InvalidInput, match="damaged or cut off"):
        unpack_all(tmp_path, bytes(data))


def test_a_damaged_member_of_a_zip_is_named_and_the_others_are_unpacked(tmp_path: Path) -> None:
    data = bytearray(pack_files({"a.bin": b"x" * 512, "b.bin": b"y" * 512}, ArchiveKind.ZIP))
    at = data.index(b"a.bin") + 5
    data[at : at + 4] = b"\xff\xff\xff\xff"
    files, problems = unpack_all(tmp_path, bytes(data))
    assert files == {"b.bin": b"y" * 512}
    assert list(problems) == ["a.bin"]
    assert "is damaged in the archive" in problems["a.bin"]


NAMES = {
    "/etc/passwd": "has an absolute path",
    "C:\\x.jpg": "has an absolute path",
    "../out.jpg": "leads out",
    "a/../../out.jpg": "leads out",
    "a/..": "leads out",
    "x" * 256: "longer than 255 bytes",
    "a\nb.jpg": "control character",
    "/".join(["d"] * 101): "lies too deep",
}


@pytest.mark.parametrize("kind", [ArchiveKind.ZIP, ArchiveKind.TAR])
def test_names_that_lead_elsewhere_are_left_out(tmp_path: Path, kind: ArchiveKind) -> None:
    files, problems = unpack_all(
        tmp_path / "home", pack_files({**dict.fromkeys(NAMES, b"bad"), "ok.txt": b"ok"}, kind)
    )
    assert files == {"ok.txt": b"ok"}
    assert len(problems) == len(NAMES)
    for expected in set(NAMES.values()):
        assert any(expected in reason for reason in problems.values()), expected
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home"]


def test_links_and_devices_are_never_made(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    data = pack_members(
        [
            make_member("link", type=tarfile.SYMTYPE, link=str(tmp_path)),
            make_member("link/secret.txt", b"overwritten"),
            make_member("hard", type=tarfile.LNKTYPE, link="ok.txt"),
            make_member("null", type=tarfile.CHRTYPE),
            make_member("disk", type=tarfile.BLKTYPE),
            make_member("pipe", type=tarfile.FIFOTYPE),
            make_member("ok.txt", b"ok"),
        ]
    )
    files, problems = unpack_all(tmp_path / "home", data)
    assert files == {"link/secret.txt": b"overwritten", "ok.txt": b"ok"}
    assert secret.read_text() == "secret"
    assert {name: reason.partition(",")[0] for name, reason in problems.items()} == {
        "link": "is a link", "hard": "is a link", "null": "is a device or a pipe",
        "disk": "is a device or a pipe", "pipe": "is a device or a pipe",
    }  # fmt: skip


def test_a_link_in_a_zip_is_never_made(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as made:
        for name, mode in (("link", stat.S_IFLNK), ("pipe", stat.S_IFIFO), ("ok.txt", stat.S_IFREG)):
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (mode | 0o644) << 16
            made.writestr(entry, "/etc/passwd")
    files, problems = unpack_all(tmp_path, stream.getvalue())
    assert list(files) == ["ok.txt"]
    assert set(problems) == {"link", "pipe"}


@pytest.mark.parametrize("kind", [ArchiveKind.ZIP, ArchiveKind.TAR])
def test_a_name_that_comes_twice_keeps_its_first_bytes_and_is_told(tmp_path: Path, kind: ArchiveKind) -> None:
    if kind is ArchiveKind.TAR:
        data = pack_members([make_member("a.txt", b"first"), make_member("a.txt", b"second")])
    else:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as made:
            made.writestr("a.txt", "first")
            with pytest.warns(UserWarning, match="Duplicate"):
                made.writestr("a.txt", "second")
        data = stream.getvalue()
    files, problems = unpack_all(tmp_path, data)
    assert files == {"a.txt": b"first"}
    assert "comes a second time" in problems["a.txt"]


def test_what_lies_below_a_file_is_told(tmp_path: Path) -> None:
    data = pack_members([make_member("a", b"file"), make_member("a/b", b"below"), make_member("c/d", b"")])
    files, problems = unpack_all(tmp_path, data)
    assert (set(files), set(problems)) == ({"a", "c/d"}, {"a/b"})


def test_hidden_files_are_passed_over_as_in_a_folder(tmp_path: Path) -> None:
    names = ("./a.txt", ".git/config", "__MACOSX/._a.txt", "b//c.txt")
    files, problems = unpack_all(tmp_path, pack_files(dict.fromkeys(names, b"x"), ArchiveKind.TAR))
    assert (set(files), problems) == ({"a.txt", "b/c.txt"}, {})


def test_names_in_other_encodings_are_read_as_they_were_meant(tmp_path: Path) -> None:
    zipped = pack_files({"bild.txt": b"z", "xxxx.txt": b"u"}, ArchiveKind.ZIP)
    zipped = zipped.replace(b"bild.txt", "b\x81ld.txt".encode("latin-1"))  # ü in the old code page
    zipped = zipped.replace(b"xxxx.txt", "xxü.txt".encode())  # UTF-8 that does not say so
    assert set(unpack_all(tmp_path, zipped)[0]) == {"büld.txt", "xxü.txt"}
    member = make_member("bild.txt", b"t")
    member[0].name = "b\udcfcld.txt"
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT, errors="surrogateescape") as made:
        made.addfile(member[0], io.BytesIO(b"t"))
    assert set(unpack_all(tmp_path, stream.getvalue())[0]) == {"büld.txt"}


def test_backslashes_of_windows_tools_lead_into_folders(tmp_path: Path) -> None:
    data = pack_files({"img/x.txt": b"x", "top.txt": b""}, ArchiveKind.ZIP).replace(
        b"img/x.txt", b"img\\x.txt"
    )
    assert set(unpack_all(tmp_path, data)[0]) == {"img/x.txt", "top.txt"}


# --- bombs ---------------------------------------------------------------------------------------

SMALL = Limits(ratio=10, least_bytes=100_000, files=50)


@pytest.mark.parametrize("kind", [kind for kind in ArchiveKind if kind is not ArchiveKind.TAR])
def test_a_bomb_is_refused_before_it_goes_off(tmp_path: Path, kind: ArchiveKind) -> None:
    data = pack_files({"a.bin": bytes(5_000_000)}, kind)
    with pytest.raises(InvalidInput, match="it looks like a bomb") as caught:
        unpack_all(tmp_path, data, limits=SMALL)
    assert caught.value.hint == "If you trust it, unpack it yourself, and import the folder."
    assert list((tmp_path / "cache" / "unpacked").iterdir()) == []


def test_a_zip_that_lies_about_a_size_gets_no_more_than_it_said(tmp_path: Path) -> None:
    data = bytearray(pack_files({"a.bin": bytes(5_000_000)}, ArchiveKind.ZIP))
    at = data.index(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 10)
    files, problems = unpack_all(tmp_path, bytes(data), limits=SMALL)
    assert files == {} or len(files["a.bin"]) <= 10
    assert files or "damaged" in problems["a.bin"]


def test_what_is_not_unpacked_counts_as_well(tmp_path: Path) -> None:
    data = gzip.compress(pack_members([make_member(".hidden", bytes(5_000_000))]))
    with pytest.raises(InvalidInput, match="bomb"):
        unpack_all(tmp_path, data, limits=SMALL)


def test_too_many_files_are_refused(tmp_path: Path) -> None:
    data = pack_files({f"{number}.txt": b"" for number in range(51)}, ArchiveKind.TAR)
    with pytest.raises(InvalidInput, match="holds more than 50 files"):
        unpack_all(tmp_path, data, limits=SMALL)


def test_a_sparse_file_of_a_tar_is_counted_in_full(tmp_path: Path) -> None:
    big, small = tmp_path / "big.bin", tmp_path / "sparse.tar"
    with big.open("wb") as file:
        file.truncate(50_000_000)
    member = tarfile.TarInfo("big.bin")
    member.pax_headers = {
        "GNU.sparse.map": "0,0", "GNU.sparse.size": "50000000", "GNU.sparse.numblocks": "1",
        "GNU.sparse.offset": "0", "GNU.sparse.numbytes": "0",
    }  # fmt: skip
    with tarfile.open(small, "w", format=tarfile.PAX_FORMAT) as made:
        made.addfile(member, io.BytesIO())
    with pytest.raises(InvalidInput, match="bomb"):
        unpack_all(tmp_path / "home", small.read_bytes(), limits=SMALL)


def test_a_header_beyond_all_measure_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(members, "MAX_HEADER_BYTES", 100_000)
    long = pack_members([make_member("x" * 200_000, b"")])
    with pytest.raises(InvalidInput, match=r"given\.archive has a header of more than"):
        unpack_all(tmp_path, gzip.compress(long))


def test_a_directory_beyond_all_measure_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(members, "MAX_DIRECTORY_BYTES", 100)
    with pytest.raises(InvalidInput, match=r"given\.archive has a directory of"):
        unpack_all(tmp_path, pack_files(FILES, ArchiveKind.ZIP))


def test_the_disk_of_the_home_is_not_filled(tmp_path: Path) -> None:
    limits = Limits(spare_bytes=1 << 60, look_bytes=1 << 20)
    assert unpack_all(tmp_path, pack_files({"a.bin": bytes(1000)}, ArchiveKind.TAR), limits=limits)[1] == {}
    with pytest.raises(StorageFailed, match=r"given\.archive was not unpacked: it would fill the disk"):
        unpack_all(tmp_path, pack_files(FILES, ArchiveKind.TAR), limits=limits)
    assert list((tmp_path / "cache" / "unpacked").iterdir()) == []


def test_an_encrypted_zip_is_refused_in_words(tmp_path: Path) -> None:
    data = bytearray(pack_files({"a.txt": b"x"}, ArchiveKind.ZIP))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(InvalidInput, match=r"given\.archive is encrypted") as caught:
        unpack_all(tmp_path, bytes(data))
    assert "password" in caught.value.hint


@pytest.mark.parametrize("data", [b"", b"text", b"\xff\xd8\xff" + bytes(2000), bytes(2000)])
def test_what_is_no_archive_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(InvalidInput, match="no archive"):
        unpack_all(tmp_path, data)


def test_a_video_says_what_takes_its_frames(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"\0\0\0\x10ftypisom")
    with pytest.raises(InvalidInput, match=r"a\.mp4 is a video") as caught:
        open_archive(path, KeepingObserver())
    assert f"mlwf apply MODEL {path} --to PROJECT" in caught.value.hint


# --- where it goes, and how it ends --------------------------------------------------------------


def test_one_folder_around_all_is_left_away(tmp_path: Path) -> None:
    folder = make_voc(tmp_path / "voc", {"a.jpg": [("cell", 1, 2, 30, 40)]})
    files, _ = unpack_all(tmp_path / "home", pack(folder, ArchiveKind.ZIP, prefix="VOCdevkit/VOC2007/"))
    assert set(files) == {"Annotations/a.xml", "JPEGImages/a.jpg"}
    files, _ = unpack_all(
        tmp_path / "home", pack_files({"cats/1.jpg": b"", "cats/2.jpg": b""}, ArchiveKind.ZIP)
    )
    assert set(files) == {"cats/1.jpg", "cats/2.jpg"}


def test_a_stop_is_heard_within_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(pack_files(FILES, ArchiveKind.TAR))
    archive = open_archive(path, KeepingObserver())
    with pytest.raises(Cancelled), unpack(tmp_path, archive, StoppingObserver(looks_left=2)):
        raise AssertionError("it was to stop before")
    assert list((tmp_path / "cache" / "unpacked").iterdir()) == []


def test_an_archive_that_changes_meanwhile_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(pack_files(FILES, ArchiveKind.TAR))
    archive = open_archive(path, KeepingObserver())
    path.write_bytes(pack_files({"other.txt": b""}, ArchiveKind.TAR))
    with (
        pytest.raises(InvalidInput, match="changes while it is read"),
        unpack(tmp_path, archive, KeepingObserver()),
    ):
        raise AssertionError("it was to be refused")


def test_progress_says_how_far_and_how_fast(tmp_path: Path) -> None:
    path = tmp_path / "photos.tar"
    path.write_bytes(pack_files({"a.bin": bytes(3_000_000), "b.bin": b""}, ArchiveKind.TAR))
    observer = KeepingObserver()
    with unpack(tmp_path, open_archive(path, observer), observer):
        pass
    step, total, text = observer.steps[-1]
    assert (step, total) == (3, 3)
    assert text.startswith("MB unpacked of photos.tar, ")
    assert text.endswith(" MB/s: b.bin")


def test_what_a_killed_import_left_is_cleared_and_what_goes_on_is_not(tmp_path: Path) -> None:
    left = tmp_path / "cache" / "unpacked" / "dead"
    left.mkdir(parents=True)
    (left / "a.jpg").write_bytes(b"x")
    left.with_suffix(".lock").touch()
    with hold_place(tmp_path) as place:
        (place / "b.jpg").write_bytes(b"y")
        pid = os.fork()
        if pid == 0:  # another process: a lock of our own would not be in our way
            clear_unpacked(tmp_path)
            os._exit(0)
        os.waitpid(pid, 0)
        assert (place / "b.jpg").exists()
    assert list((tmp_path / "cache" / "unpacked").iterdir()) == []


# --- whatever comes ------------------------------------------------------------------------------


def check_harmless(data: bytes) -> None:
    """Unpack, or be told in words; nothing is written beside the folder."""
    with TemporaryDirectory() as name:
        home = Path(name) / "inner" / "home"
        home.mkdir(parents=True)
        try:
            unpack_all(home, data, limits=Limits(ratio=1000, least_bytes=1 << 22, files=200))
        except MlwfError as error:
            assert str(home / "cache") not in error.message
        assert [path.name for path in Path(name).iterdir()] == ["inner"]
        assert [path.name for path in home.parent.iterdir()] == ["home"]
        assert sorted(path.name for path in home.iterdir()) in (["given.archive"], ["cache", "given.archive"])


SEEDS = {kind: pack_files({"a/1.txt": b"one\n" * 40, "ü.bin": bytes(700)}, kind) for kind in ArchiveKind}


@pytest.mark.parametrize("kind", ArchiveKind)
@settings(max_examples=60)
@given(data=st.data())
def test_a_mutated_archive_is_unpacked_or_refused_in_words(kind: ArchiveKind, data: st.DataObject) -> None:
    mutated = bytearray(SEEDS[kind])
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(mutated) - 1))
        mutated[at] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        del mutated[data.draw(st.integers(1, len(mutated))) :]
    check_harmless(bytes(mutated))


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.text(max_size=12)
            | st.sampled_from(["a", "a/b", "../a", "/a", "a/../b", ".", "..", "a//", "b"]),
            st.sampled_from(
                [tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE]
            ),
            st.sampled_from(["", "a", "..", "/tmp", "../.."]),
            st.binary(max_size=20),
        ),
        max_size=6,
    )
)
def test_any_members_are_harmless(drawn: list[tuple[str, bytes, str, bytes]]) -> None:
    made = [
        make_member(name, data if type == tarfile.REGTYPE else b"", type=type, link=link)
        for name, type, link, data in drawn
        if "\0" not in name
    ]
    try:
        tar = pack_members(made)
    except (ValueError, UnicodeError):
        return  # a name that no tar can hold
    check_harmless(tar)


@given(st.text(max_size=30) | st.lists(st.sampled_from(["..", ".", "", "a", "b.jpg"])).map("/".join))
def test_a_split_name_stays_below(name: str) -> None:
    parts, fault = split_name(name)
    assert not (parts and fault)
    assert not any(part in ("", ".", "..") or "/" in part or "\0" in part for part in parts)
