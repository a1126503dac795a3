from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from suites.fuzz.oracles.pieces import PIECES_MAX, pieces


@given(st.binary(max_size=300))
def test_pieces_make_up_the_data(data):
    cut = pieces(data)
    assert b"".join(cut) == data
    assert 1 <= len(cut) <= PIECES_MAX
    assert all(cut) or not data


def test_headers_are_cut_into_single_bytes():
    # The last two bytes say where to begin: at the start, a multiple of the length.
    assert pieces(bytes(12)) == [b"\0"] * (PIECES_MAX - 1) + [bytes(12 - PIECES_MAX + 1)]


def test_the_last_two_bytes_say_where_cuts_begin():
    assert pieces(bytes(19) + b"\x07")[0] == bytes(7)
