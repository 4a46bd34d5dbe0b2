"""BLAKE3 a second time, from its paper and in plain Python: a mistake of ours would have to be made twice.

Source: O'Connor, Aumasson, Neves, Wilcox-O'Hearn: BLAKE3, one function, fast everywhere, section 2.
"""

from __future__ import annotations

import struct

_START = (
    0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19,
)  # fmt: skip
_ORDER = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
_CHUNK_START, _CHUNK_END, _PARENT, _ROOT = 1, 2, 4, 8
_BLOCK_BYTES, _CHUNK_BYTES = 64, 1024
_MIXES = (
    (0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
    (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14),
)  # fmt: skip


def compute_blake3(data: bytes) -> bytes:
    """Return the digest of 32 bytes; a megabyte takes half a minute."""
    return _hash_tree(data, 0, _ROOT)


def _hash_tree(data: bytes, first_chunk: int, flags: int) -> bytes:
    """Return the chaining value of the subtree over `data`; of the root, the digest."""
    if len(data) <= _CHUNK_BYTES:
        return _hash_chunk(data, first_chunk, flags)
    left_chunks = 1
    while 2 * left_chunks * _CHUNK_BYTES < len(data):
        left_chunks *= 2
    split = left_chunks * _CHUNK_BYTES
    left = _hash_tree(data[:split], first_chunk, 0)
    right = _hash_tree(data[split:], first_chunk + left_chunks, 0)
    return _compress(_START, left + right, 0, _BLOCK_BYTES, _PARENT | flags)


def _hash_chunk(data: bytes, number: int, flags: int) -> bytes:
    blocks = [data[at : at + _BLOCK_BYTES] for at in range(0, len(data), _BLOCK_BYTES)] or [b""]
    value = struct.pack("<8I", *_START)
    for place, block in enumerate(blocks):
        own = (_CHUNK_START if place == 0 else 0) | (_CHUNK_END | flags if place == len(blocks) - 1 else 0)
        value = _compress(
            struct.unpack("<8I", value), block.ljust(_BLOCK_BYTES, b"\0"), number, len(block), own
        )
    return value


def _compress(chain: tuple[int, ...], block: bytes, counter: int, length: int, flags: int) -> bytes:
    words = struct.unpack("<16I", block)
    state = [*chain, *_START[:4], counter & 0xFFFFFFFF, counter >> 32, length, flags]
    for turn in range(7):
        for place, (a, b, c, d) in enumerate(_MIXES):
            _mix(state, a, b, c, d, words[2 * place], words[2 * place + 1])
        if turn < 6:
            words = tuple(words[place] for place in _ORDER)
    return struct.pack("<8I", *(state[place] ^ state[place + 8] for place in range(8)))


def _mix(state: list[int], a: int, b: int, c: int, d: int, x: int, y: int) -> None:
    for word, far, near in ((x, 16, 12), (y, 8, 7)):
        state[a] = (state[a] + state[b] + word) & 0xFFFFFFFF
        state[d] = _rotate(state[d] ^ state[a], far)
        state[c] = (state[c] + state[d]) & 0xFFFFFFFF
        state[b] = _rotate(state[b] ^ state[c], near)


def _rotate(word: int, bits: int) -> int:
    return word >> bits | (word << (32 - bits)) & 0xFFFFFFFF
