"""Every kind of image file that people have: read by its header alone, or refused in words."""

from __future__ import annotations

import struct
import tracemalloc
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mlwf_tui.errors import InvalidInput
from mlwf_tui.media.exif import find_orientation
from mlwf_tui.media.probe import ImageFacts, probe_image

WIDTH_PX, HEIGHT_PX = 40, 30
PIXELS = np.random.default_rng(3).integers(0, 255, (HEIGHT_PX, WIDTH_PX, 3), dtype=np.uint8)

Kind = tuple[str, str, dict[str, object]]
COMPRESSIONS: list[dict[str, object]] = [
    {"compression": name} for name in ("tiff_lzw", "jpeg", "packbits", "tiff_deflate")
]
KINDS: list[Kind] = [
    *(("jpeg", mode, {}) for mode in ("RGB", "L", "CMYK")),
    ("jpeg", "RGB", {"progressive": True}),
    *(("png", mode, {}) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")),
    ("webp", "RGB", {}), ("webp", "RGB", {"lossless": True}), ("webp", "RGBA", {}),
    *(("bmp", mode, {}) for mode in ("1", "L", "P", "RGB", "RGBA")),
    *(("gif", mode, {}) for mode in ("1", "L", "P", "RGB", "RGBA")),
    *(("tiff", mode, {}) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "LAB", "I;16", "F")),
    *(("tiff", "RGB", options) for options in COMPRESSIONS),
    ("tiff", "1", {"compression": "group4"}), ("tiff", "RGB", {"big_tiff": True}),
]  # fmt: skip


def encode(format: str, mode: str = "RGB", **options: object) -> bytes:
    if mode == "I;16":
        image = Image.fromarray(PIXELS[:, :, 0].astype(np.uint16) * 257)
    else:
        image = Image.fromarray(PIXELS).convert(mode)
    file = BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def make_frames(format: str) -> bytes:
    return encode(format, save_all=True, append_images=[Image.new("RGB", (WIDTH_PX, HEIGHT_PX), "red")])


def make_exif(order: str = "<", *, tag: int = 0x0112, type: int = 3, value: int = 6, count: int = 1) -> bytes:
    magic = {"<": b"II*\0", ">": b"MM\0*"}[order]
    shown = struct.pack(f"{order}HH", value, 0) if type == 3 else struct.pack(f"{order}I", value)
    entry = struct.pack(f"{order}HHI", tag, type, 1) + shown
    return magic + struct.pack(f"{order}IH", 8, count) + entry + bytes(4)


@pytest.mark.parametrize(("format", "mode", "options"), KINDS)
def test_every_kind_of_pixels_is_known_with_its_size(
    format: str, mode: str, options: dict[str, object]
) -> None:
    assert probe_image(encode(format, mode, **options)) == ImageFacts(WIDTH_PX, HEIGHT_PX, format)


@pytest.mark.parametrize(("format", "mode", "options"), KINDS)
def test_every_kind_that_lacks_its_end_is_refused(format: str, mode: str, options: dict[str, object]) -> None:
    data = encode(format, mode, **options)
    with pytest.raises(InvalidInput, match="cut off"):
        probe_image(data[: len(data) * 3 // 4])


@pytest.mark.parametrize("format", ["gif", "webp", "png"])
def test_of_an_animation_the_first_frame_counts(format: str) -> None:
    assert probe_image(make_frames(format)) == ImageFacts(WIDTH_PX, HEIGHT_PX, format)


def test_a_gif_whose_later_frames_are_lost_is_whole() -> None:
    data = make_frames("gif")
    assert probe_image(data[:-20]).format == "gif"


def test_a_tiff_of_several_pages_is_refused_with_what_to_do() -> None:
    with pytest.raises(InvalidInput, match=r"^has 2 pages, .*: split it into a file for each page$"):
        probe_image(make_frames("tiff"))


@pytest.mark.parametrize("kind", [1, 4])
def test_what_belongs_to_a_page_is_no_page_of_its_own(kind: int) -> None:
    data = bytearray(make_frames("tiff"))
    (first,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, first)
    (second,) = struct.unpack_from("<I", data, first + 2 + 12 * count)
    struct.pack_into("<HHII", data, second + 2, 254, 4, 1, kind)  # in place of its width
    assert probe_image(bytes(data)) == ImageFacts(WIDTH_PX, HEIGHT_PX, "tiff")


def test_a_circle_of_pages_ends() -> None:
    data = bytearray(encode("tiff"))
    (first,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, first)
    struct.pack_into("<I", data, first + 2 + 12 * count, first)
    assert probe_image(bytes(data)).format == "tiff"


def test_directories_that_name_more_than_the_file_holds_are_refused() -> None:
    entries = b"".join(struct.pack("<HHII", 40_000 + n, 1, 9_000, 8) for n in range(1000))
    data = b"II*\0" + struct.pack("<IH", 8, 1000) + entries + bytes(4)
    with pytest.raises(InvalidInput, match="damaged"):
        probe_image(data)


def test_a_tiff_that_nothing_decodes_is_refused() -> None:
    data = bytearray(encode("tiff"))
    at = data.index(struct.pack("<HHI", 277, 3, 1))
    struct.pack_into("<H", data, at + 8, 7)  # samples a pixel
    with pytest.raises(InvalidInput, match="of a kind that cannot be read"):
        probe_image(bytes(data))


def test_a_jpeg_of_twelve_bits_is_refused_with_what_to_do() -> None:
    data = bytearray(encode("jpeg"))
    data[data.index(b"\xff\xc0") + 4] = 12
    with pytest.raises(InvalidInput, match="12 bits") as caught:
        probe_image(bytes(data))
    assert "PNG" in caught.value.hint


def test_a_bmp_that_begins_with_its_upper_row_is_read() -> None:
    data = bytearray(encode("bmp"))
    struct.pack_into("<i", data, 22, -HEIGHT_PX)
    assert probe_image(bytes(data)) == ImageFacts(WIDTH_PX, HEIGHT_PX, "bmp")


@pytest.mark.parametrize(
    ("format", "place", "claim"),
    [
        ("jpeg", b"\xff\xc0", struct.pack(">2xH1xHH", 17, 60_000, 60_000)),
        ("bmp", b"BM", bytes(18) + struct.pack("<ii", 60_000, 60_000)),
        ("gif", b"GIF8", bytes(6) + struct.pack("<HH", 60_000, 60_000)),
    ],
)
def test_a_bomb_is_refused_before_room_is_made_for_it(format: str, place: bytes, claim: bytes) -> None:
    data = bytearray(encode(format))
    at = data.index(place)
    for offset, byte in enumerate(claim):
        data[at + offset] = byte or data[at + offset]
    with pytest.raises(InvalidInput, match=r"claims 60000x60000|cut off"):
        probe_image(bytes(data))


def test_a_webp_that_claims_too_much_is_refused() -> None:
    data = bytearray(encode("webp", lossless=True))
    data[21:25] = struct.pack("<I", (16_383 << 14) | 16_383)
    with pytest.raises(InvalidInput, match="claims 16384x16384"):
        probe_image(bytes(data))


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0", "a HEIC"),
        (b"\0\0\0\x18ftypavif\0\0\0\0", "an AVIF"),
        (b"\xff\x0a\xfa\x7f", "a JPEG XL"),
        (b"8BPS\0\x01", "a Photoshop file"),
    ],
)
def test_a_format_that_is_not_read_is_named(head: bytes, name: str) -> None:
    with pytest.raises(InvalidInput, match=f"^is {name}, which is not read: convert it to JPEG or PNG$"):
        probe_image(head + bytes(40))


@pytest.mark.parametrize("order", ["<", ">"])
def test_an_orientation_is_found_in_both_byte_orders(order: str) -> None:
    assert find_orientation(make_exif(order)) == 6


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"II*\0",
        make_exif(value=0),
        make_exif(value=9),
        make_exif(tag=0x010F),
        make_exif(tag=0x010F, count=65_535),
        make_exif()[:12],
        b"garbage" * 3,
    ],
)
def test_an_exif_block_that_says_nothing_leaves_the_image_as_it_is(block: bytes) -> None:
    assert find_orientation(block) == 1


@settings(max_examples=400, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    changes=st.lists(
        st.tuples(st.integers(0, 300), st.sampled_from([0, 1, 4, 127, 128, 255])), min_size=1, max_size=8
    ),
    words=st.lists(
        st.tuples(st.integers(0, 80), st.sampled_from([0xFFFF_FFFF, 0x7FFF_FFFF, 0x0001_0000])), max_size=2
    ),
)
@pytest.mark.filterwarnings("ignore")
def test_headers_that_lie_give_facts_or_a_reason_and_take_no_room(
    kind: Kind,
    changes: list[tuple[int, int]],
    words: list[tuple[int, int]],
) -> None:
    format, mode, options = kind
    data = bytearray(encode(format, mode, **options))
    for at, value in changes:
        data[at % len(data)] = value
    for word, value in words:
        struct.pack_into("<I", data, word * 4 % (len(data) - 4), value)
    hostile = bytes(data)
    tracemalloc.start()
    try:
        facts = probe_image(hostile)
    except InvalidInput as error:
        assert error.message
    else:
        assert 1 <= facts.width_px * facts.height_px <= 178_000_000
    finally:
        peak_bytes = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak_bytes < 8 << 20
