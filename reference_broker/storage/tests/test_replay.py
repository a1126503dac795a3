"""Replay: records that do not fit together are refused; columns are taken apart right."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_broker.base import QueueUri
from reference_broker.storage import RecordError, location_of
from reference_broker.storage.bodies import (
    AppRecord,
    Body,
    ConfirmsRecord,
    MovedRecord,
    PutsRecord,
    QueueRecord,
    RemovedRecord,
    SnapshotRecord,
    TrimmedRecord,
)
from reference_broker.storage.replay import Replay
from reference_broker.storage.tests.disk import guid, message
from reference_broker.wire import Put, put_message

URI = QueueUri.parse("bmq://test.file/q")
AT = location_of(1, 1_000)


def replay_of(*bodies: Body) -> Replay:
    replay = Replay()
    replay.apply(QueueRecord(1, 0, URI), AT)
    replay.apply(AppRecord(1, 0, is_registered=True, first_ordinal=0, app_id="a"), AT)
    for body in bodies:
        replay.apply(body, AT)
    return replay


def puts(first: int, *messages: bytes) -> PutsRecord:
    return PutsRecord(1, 5, first, memoryview(b"".join(messages)))


KINDS = st.tuples(st.integers(0, 3), st.integers(0, 7), st.sampled_from([0, 1, 0xFFFF]))


@given(st.lists(st.tuples(st.integers(1, 12), KINDS), min_size=1, max_size=20), st.booleans())
def test_every_message_of_a_batch_is_found(
    made: list[tuple[int, tuple[int, int, int]]], is_even: bool
):
    sizes = [made[0][0] if is_even else size for size, _ in made]
    kinds = [kind for _, kind in made]
    batch = [
        put_message(Put(7, guid(n), b"x" * size, flags, compression=compression, schema=schema))
        for n, (size, (flags, compression, schema)) in enumerate(zip(sizes, kinds, strict=True))
    ]
    columns = replay_of(puts(0, *batch)).queues[1].settle().columns
    assert list(columns.sizes) == sizes
    assert list(columns.codings) == [(f >> 1) << 31 | c << 16 | s for f, c, s in kinds]
    assert columns.guids == b"".join(guid(n) for n in range(len(sizes)))
    expected, place = [], AT + 20
    for each in batch:
        expected.append(place)
        place += len(each)
    assert list(columns.locations) == expected


@pytest.mark.parametrize(
    "batch",
    [
        [message(1), message(2)[:-4]],
        [message(1), bytes(40)],
        [put_message(Put(1, guid(1), b"data", options=bytes(8)))],
        [put_message(Put(1, guid(n), b"data", options=bytes(8))) for n in range(3)],
        [message(1)[:-1] + b"\5"],
        [message(1)[:-1] + b"\0"],
        [b"\0\0\0\x0a" + bytes(36)],
        [b"\0\0\0\0" + bytes(36)],
        [b"x"],
    ],
)
def test_what_are_not_stored_messages_is_refused(batch: list[bytes]):
    with pytest.raises(RecordError, match="of a batch"):
        replay_of(puts(0, *batch))


def test_compressed_messages_are_of_one_size_too():
    batch = [put_message(Put(1, guid(n), b"data", n % 4, compression=n % 2)) for n in range(9)]
    columns = replay_of(puts(0, *batch)).queues[1].settle().columns
    assert list(columns.codings) == [n // 2 % 2 << 31 | n % 2 << 16 for n in range(9)]


@pytest.mark.parametrize("body", [RemovedRecord(2), ConfirmsRecord(2, 0, array("Q", [1]))])
def test_a_queue_must_be_introduced(body: Body):
    with pytest.raises(RecordError, match="queue 2 is never introduced"):
        replay_of(body)


def test_an_ordinal_is_given_once():
    with pytest.raises(RecordError, match=r"ordinal 1 of bmq://test\.file/q is given twice"):
        replay_of(puts(0, message(0), message(1)), puts(1, message(1)))


def test_a_record_out_of_place_is_refused():
    with pytest.raises(RecordError, match="SnapshotRecord where it does not belong"):
        replay_of(SnapshotRecord(0, 0, 0, 0, 0, 0))


def test_moved_messages_have_as_many_ordinals():
    body = MovedRecord(1, array("Q", [1]), array("Q", [1]), [], memoryview(message(1) * 2), 0)
    with pytest.raises(RecordError, match="2 messages, but 1 ordinals"):
        replay_of(body)


def test_a_moved_message_is_where_it_was_moved_to():
    moved = MovedRecord(
        1, array("Q", [0]), array("Q", [5]), [(0, 1)], memoryview(message(0)), 100
    )  # fmt: skip
    last = put_message(Put(1, guid(2), b"data", schema=5))
    replay = replay_of(puts(0, message(0), message(1), last))
    replay.apply(moved, location_of(2, 0))
    queue = replay.queues[1].settle()
    assert list(queue.columns.ordinals) == [0, 2]
    assert list(queue.columns.codings) == [0, 5]
    assert queue.columns.locations[0] == location_of(2, 100)
    assert queue.history == guid(1)


def test_an_app_that_is_introduced_again_keeps_what_it_has_confirmed():
    app = AppRecord(1, 0, is_registered=True, first_ordinal=1, app_id="a")
    done = ConfirmsRecord(1, 0, array("Q", [1]))
    queue = replay_of(puts(0, message(0), message(1), message(2)), done, app).queues[1].settle()
    assert list(queue.columns.ordinals) == [2]


def test_what_the_log_introduces():
    replay = replay_of()
    replay.apply(TrimmedRecord(4), location_of(5, 1_000))
    assert replay.introduced == replay.introduced_so_far() == {(1, None), (1, 0)}
    assert replay.oldest == 4


def test_a_segment_that_comes_later_is_not_the_oldest_needed():
    assert replay_of(TrimmedRecord(1)).oldest == 1
    with pytest.raises(RecordError, match="segment 2, which comes later, is the oldest needed"):
        replay_of(TrimmedRecord(2))


# Messages that no app needs, as far as the log says.


def orphans(*bodies: Body) -> Replay:
    replay = Replay()
    for body in (QueueRecord(1, 0, URI), *bodies):
        replay.apply(body, AT)
    return replay


def test_messages_of_a_queue_without_apps_are_the_default_apps():
    replay = orphans(
        puts(3, message(3), message(4)), puts(5, message(5)), ConfirmsRecord(1, 0, array("Q", [4]))
    )
    queue = replay.queues[1].settle()
    assert list(queue.columns.ordinals) == [3, 5]
    (app,) = queue.apps.values()
    assert (app.number, app.app_id, app.first_ordinal) == (0, "__default", 3)
    assert replay.introduced == {(1, None)}  # so that it will be


def test_they_are_not_those_of_an_app_that_was_there_before():
    old = AppRecord(1, 1, is_registered=True, first_ordinal=0, app_id="a")
    replay = orphans(
        old,
        puts(0, message(0), message(1)),
        ConfirmsRecord(1, 1, array("Q", [0, 1])),
        old._replace(is_registered=False),
        puts(2, message(2)),
    )
    assert list(replay.queues[1].settle().columns.ordinals) == [2]


def test_those_that_were_moved_behind_the_others_are_too():
    moved = MovedRecord(1, array("Q", [1]), array("Q", [5]), [], memoryview(message(1)), 100)
    replay = orphans(puts(4, message(4)), moved)
    assert list(replay.queues[1].settle().columns.ordinals) == [1, 4]
    assert list(orphans(moved).queues[1].settle().columns.ordinals) == [1]


def test_the_record_of_the_default_app_may_come_later():
    app = AppRecord(1, 0, is_registered=True, first_ordinal=2, app_id="__default")
    replay = orphans(puts(2, message(2)), app, puts(3, message(3)))
    assert list(replay.queues[1].settle().columns.ordinals) == [2, 3]


def test_the_messages_of_apps_that_are_gone_are_gone():
    queue = replay_of(
        puts(0, message(0)), AppRecord(1, 0, is_registered=False, first_ordinal=0, app_id="a")
    ).queues[1]
    assert not len(queue.settle())
