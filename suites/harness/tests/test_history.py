from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from suites.harness.history import (
    LINE_BYTES_MAX,
    Event,
    EventType,
    Function,
    HistoryError,
    HistoryWriter,
    read_history,
)

LINE = b'{"index":0,"time_ns":5,"type":"ok","function":"push","process":"c0"}\n'


def ticking(start: int, step: int) -> Callable[[], int]:
    return itertools.count(start, step).__next__


def test_what_is_written_is_read_again(tmp_path):
    path = tmp_path / "run.jsonl"
    with HistoryWriter(path, clock=ticking(100, 10)) as history:
        written = [
            history.append(
                Function.PUT, EventType.INVOKE, "p0", queue="q", value="p0:1", digest="ab"
            ),
            history.append(Function.OPEN, EventType.OK, "c0", queue="q", window=64),
            history.append(
                Function.PUSH,
                EventType.OK,
                "c0",
                queue="q",
                value="p0:1",
                guid="00" * 16,
                digest="ab",
                is_redelivered=True,
            ),
            history.append(Function.FAULT, EventType.INVOKE, "nemesis", value="kill"),
        ]
    assert list(read_history(path)) == written
    assert [event.index for event in written] == [0, 1, 2, 3]
    assert [event.time_ns for event in written] == [10, 20, 30, 40]
    assert path.read_bytes().splitlines()[3] == (
        b'{"index":3,"time_ns":40,"type":"invoke","function":"fault",'
        b'"process":"nemesis","value":"kill"}'
    )


def test_records_are_on_disk_as_lines_before_the_end(tmp_path):
    path = tmp_path / "run.jsonl"
    with HistoryWriter(path) as history:
        for number in range(1_000):
            history.append(Function.PUT, EventType.INVOKE, "p0", queue="q", value=f"p0:{number}")
        assert path.stat().st_size > 10_000  # streamed, not kept


def test_a_full_history_says_so(tmp_path):
    with HistoryWriter(tmp_path / "run.jsonl", events_max=2) as history:
        history.append(Function.FAULT, EventType.OK, "nemesis")
        history.append(Function.FAULT, EventType.OK, "nemesis")
        with pytest.raises(HistoryError, match=r"has 2 records, which is its limit.*shorter time"):
            history.append(Function.FAULT, EventType.OK, "nemesis")


def test_a_place_that_cannot_be_written(tmp_path):
    with pytest.raises(HistoryError, match=r"cannot be written.*choose another place"):
        HistoryWriter(tmp_path / "absent" / "run.jsonl").__enter__()


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(HistoryError, match="cannot be read"):
        list(read_history(tmp_path / "absent.jsonl"))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(b"{\n", "line 1 is no record", id="not JSON"),
        pytest.param(LINE + b"\xff\n", "line 2 is no record", id="not UTF-8"),
        pytest.param(LINE.replace(b'"ok"', b'"good"'), "line 1 is no record", id="unknown type"),
        pytest.param(LINE.replace(b"process", b"actor"), "line 1 is no record", id="other fields"),
        pytest.param(LINE + LINE, "line 2: index is 0 but 1 is next", id="index repeated"),
        pytest.param(
            LINE + LINE.replace(b":0,", b":1,").replace(b":5,", b":4,"),
            "line 2: time_ns is 4, before 5",
            id="time runs backwards",
        ),
        pytest.param(b" " * (LINE_BYTES_MAX + 1), "is longer than", id="endless line"),
    ],
)
def test_what_is_no_history_is_refused_with_its_place(tmp_path, data, message):
    path = tmp_path / "run.jsonl"
    path.write_bytes(data)
    with pytest.raises(HistoryError, match=message):
        list(read_history(path))


def test_reading_is_bounded(tmp_path):
    path = tmp_path / "run.jsonl"
    with HistoryWriter(path) as history:
        for _ in range(3):
            history.append(Function.FAULT, EventType.OK, "nemesis")
    with pytest.raises(HistoryError, match="more than 2 records"):
        list(read_history(path, events_max=2))
    assert len(list(read_history(path, events_max=3))) == 3


def test_an_event_is_a_line_for_people():
    event = Event(
        index=17,
        time_ns=1_000_000_002,
        type=EventType.OK,
        function=Function.PUSH,
        process="c0",
        value="p1:42",
        digest="ab",
        is_redelivered=True,
    )
    assert str(event) == "#17 at 1.000000002 s: c0 push ok p1:42 (redelivered) digest ab"
