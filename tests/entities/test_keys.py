from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mlwf_tui.entities.keys import KeySet

stretches = st.lists(
    st.tuples(st.integers(0, 3000), st.integers(1, 400), st.sampled_from((1, 2, 7)), st.booleans()),
    max_size=50,
)


@given(stretches)
def test_keys_are_told_apart_as_a_set_does_in_any_order(drawn: list[tuple[int, int, int, bool]]) -> None:
    keys, plain = KeySet(), set[str]()
    for start, count, step, is_backwards in drawn:
        numbers = range(start, start + count * step, step)
        for number in reversed(numbers) if is_backwards else numbers:
            key = f"part/{number:05}.jpg"
            assert keys.holds(key) is (key in plain)
            assert keys.add(key) == (key not in plain)
            plain.add(key)
