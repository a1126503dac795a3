from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_broker.base import WireError
from reference_broker.wire import HEARTBEAT_REQUEST, Event, EventReader
from suites.fuzz.seeds.recorded import event_reader_seeds
from suites.fuzz.targets import fuzz_event_reader

SEEDS = event_reader_seeds()


@pytest.mark.parametrize("name", SEEDS)
def test_seed(name):
    fuzz_event_reader.test_one_input(SEEDS[name])


@given(st.binary(max_size=200))
def test_any_bytes(data):
    fuzz_event_reader.test_one_input(data)


@given(st.sampled_from(sorted(SEEDS)), st.data())
def test_a_seed_with_one_byte_changed(name, data):
    changed = bytearray(SEEDS[name])
    changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    fuzz_event_reader.test_one_input(bytes(changed))


class _Reader(EventReader):
    """A reader with one defect; see the subclasses."""

    __slots__ = ()


class _Chunky(_Reader):
    """Forgets what it has kept when the next bytes come."""

    def feed(self, data):
        self._waiting.clear()
        yield from super().feed(data)


class _Lossy(_Reader):
    """Buffers nothing that is unfinished."""

    def _keep(self, data, position, need):
        pass


class _Late(_Reader):
    """Tells only the second half of the body."""

    def feed(self, data):
        for event in super().feed(data):
            yield Event(*event[:3], (event.start + event.end) // 2, event.end - 1)


class _Undead(_Reader):
    """Goes on after an error."""

    def feed(self, data):
        self.error = None
        yield from super().feed(data)


class _Misplaced(_Reader):
    """Gives offsets outside of the header."""

    def feed(self, data):
        try:
            yield from super().feed(data)
        except WireError as error:
            error.offset = 9
            raise


@pytest.mark.parametrize(
    ("reader", "data"),
    [
        (_Chunky, HEARTBEAT_REQUEST * 3),
        (_Lossy, HEARTBEAT_REQUEST + b"\0\0\0"),
        (_Late, SEEDS["c2b_put_old_plain_hello_ack"] * 2),
        (_Undead, SEEDS["fragment_bit"]),
        (_Misplaced, SEEDS["fragment_bit"]),
    ],
)
def test_a_broken_reader_is_found_out(monkeypatch, reader, data):
    monkeypatch.setattr(fuzz_event_reader, "EventReader", reader)
    with pytest.raises(AssertionError):
        fuzz_event_reader.test_one_input(data)


def test_an_untyped_error_comes_through(monkeypatch):
    def broken(_event):
        raise IndexError("out of range")

    monkeypatch.setattr(fuzz_event_reader, "check_event", broken)
    with pytest.raises(IndexError):
        fuzz_event_reader.test_one_input(HEARTBEAT_REQUEST)
