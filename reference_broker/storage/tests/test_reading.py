"""Reading in steps."""

from __future__ import annotations

from reference_broker.storage.reading import FileReading, ReadSteps


def test_requests_and_their_bytes_alternate():
    seen: list[tuple[bytes, ...]] = []

    def steps() -> ReadSteps:
        seen.append((yield "a", ((0, 1),)))
        seen.append((yield "b", ((2, 3), (4, 5))))

    reading = FileReading(steps())
    assert reading.next_read() == reading.next_read() == ("a", ((0, 1),))
    reading.feed((b"x",))
    assert reading.next_read() == ("b", ((2, 3), (4, 5)))
    reading.feed((b"y", b"z"))
    assert reading.next_read() is None
    assert seen == [(b"x",), (b"y", b"z")]


def test_nothing_to_read():
    def steps() -> ReadSteps:
        yield from ()

    assert FileReading(steps()).next_read() is None
