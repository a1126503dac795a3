"""Payloads come back as they went, or are known not to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suites.stress.payload import STAMP_BYTES, Oddity, PayloadFormat, Stamp

BITS_64 = st.integers(0, 2**64 - 1)


@given(BITS_64, st.integers(0, 2**32 - 1), st.integers(0, 2**60), BITS_64, BITS_64)
def test_a_batch_comes_back(
    run: int, producer: int, first: int, intended_ns: int, sent_ns: int
) -> None:
    payloads = PayloadFormat(run, 100, seed=1)
    written = payloads.write(producer, first, 3, intended_ns, sent_ns)
    assert [payloads.read(payload) for payload in written] == [
        Stamp(run, producer, first + n, intended_ns, sent_ns) for n in range(3)
    ]
    assert {len(payload) for payload in written} == {100}


def test_the_smallest_payload_is_its_stamp() -> None:
    payloads = PayloadFormat(1, STAMP_BYTES, seed=1)
    (payload,) = payloads.write(1, 0, 1, 2, 3)
    assert payloads.read(payload) == Stamp(1, 1, 0, 2, 3)


def test_the_filling_is_of_the_seed() -> None:
    one, same, other = (PayloadFormat(1, 100, seed).write(1, 0, 1, 2, 3) for seed in (5, 5, 6))
    assert one == same
    assert one != other


@given(st.integers(0, 99), st.integers(1, 255))
def test_a_changed_byte_is_seen(position: int, change: int) -> None:
    payloads = PayloadFormat(1, 100, seed=1)
    payload = bytearray(payloads.write(1, 0, 1, 2, 3)[0])
    payload[position] ^= change
    is_magic = position < 4
    assert payloads.read(bytes(payload)) is (Oddity.FOREIGN if is_magic else Oddity.DAMAGED)


@pytest.mark.parametrize("size", [STAMP_BYTES, 99])
def test_a_cut_payload_is_damaged(size: int) -> None:
    payloads = PayloadFormat(1, 100, seed=1)
    assert payloads.read(payloads.write(1, 0, 1, 2, 3)[0][:size]) is Oddity.DAMAGED


@pytest.mark.parametrize("payload", [b"x", b"y" * 200])
def test_what_has_no_stamp_is_foreign(payload: bytes) -> None:
    assert PayloadFormat(1, 100, seed=1).read(payload) is Oddity.FOREIGN


def test_what_another_run_left_is_foreign() -> None:
    (payload,) = PayloadFormat(1, 100, seed=1).write(1, 0, 1, 2, 3)
    assert PayloadFormat(2, 80, seed=7).read(payload) is Oddity.FOREIGN
