"""Logs that do not grow for ever: compaction and snapshots."""

from __future__ import annotations

from typing import Any

import pytest

from reference_broker.core.tests.pair import Wire, World, domain
from reference_broker.core.tests.shapes import (
    FANOUT_URI,
    FILE_URI,
    confirms,
    guid,
    numbers_of,
    payloads,
    pushes,
    put,
    puts,
    reader_of,
    writer_of,
)
from reference_broker.ports import Read, Stop, TruncateFile
from reference_broker.storage import OFFSET_MASK, SEGMENT_SHIFT, STORED_HEADER_SIZE
from reference_broker.wire import put_event

SEGMENT = 20_000
OTHER_URI = "bmq://test.file/other"
ROOMY = (1_000_000, 1 << 30)
FILE = domain("test.file", storage="fileBacked", limits=ROOMY, domain_limits=ROOMY)
FAN = domain(
    "test.fan",
    storage="fileBacked",
    mode="fanout",
    apps=("foo", "bar"),
    limits=ROOMY,
    domain_limits=ROOMY,
)


@pytest.fixture(autouse=True)
def small_share(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a queue keep less in memory than it always may."""
    monkeypatch.setattr("reference_broker.core.context.HOT_QUEUE_BYTES_MIN", 1_000)


def world_of(**options: Any) -> World:
    return World([FILE, FAN], **{"files": {}, "segment_bytes_max": SEGMENT, **options})


def churn(producer: Wire, consumer: Wire, rounds: int, first: int = 1_000) -> None:
    """Post and confirm so many batches of 10 messages of 1 KB."""
    for number in range(rounds):
        numbers = range(first + 10 * number, first + 10 * number + 10)
        producer.send(put_event([put(n, bytes(1_000)) for n in numbers]))
        consumer.send(confirms(*numbers))
        producer.take()
        consumer.take()


def disk(world: World) -> int:
    """Return the bytes of all segments."""
    return sum(len(data) for name, data in world.files.items() if name.endswith("data"))


def segments(world: World) -> list[str]:
    return sorted(name for name in world.files if name.endswith(".bmq_data"))


def stuck_message(world: World) -> tuple[Wire, Wire]:
    """Post one message that is never confirmed; returns a producer and a consumer of the rest."""
    producer, holder = writer_of(world, FILE_URI), reader_of(world, FILE_URI, messages=1)
    producer.send(puts(1, data=b"precious"))
    assert numbers_of(holder.events()) == [1]
    return producer, reader_of(world, FILE_URI)


# Compaction.


def test_a_message_that_is_never_confirmed_does_not_keep_the_log_growing():
    world = world_of()
    producer, consumer = stuck_message(world)
    sizes = []
    for number in range(10):
        churn(producer, consumer, 10, 1_000 * (number + 1))
        world.advance(6)
        sizes.append(disk(world))
    assert max(sizes) < 150_000  # 100 KB come between two looks
    assert world.broker.statistics().messages == 1
    after = world.restarted(segment_bytes_max=SEGMENT)
    assert payloads(reader_of(after, FILE_URI).events()) == [b"precious"]


def test_a_moved_message_can_be_confirmed():
    world = world_of()
    producer, holder = writer_of(world, FILE_URI), reader_of(world, FILE_URI, messages=1)
    producer.send(puts(1))
    consumer = reader_of(world, FILE_URI)
    churn(producer, consumer, 20)
    world.advance(6)
    assert len(segments(world)) < 5
    holder.send(confirms(1))
    assert world.broker.statistics().messages == 0
    churn(producer, consumer, 5, 9_000)
    world.advance(6)
    after = world.restarted(segment_bytes_max=SEGMENT)
    assert after.broker.statistics().messages == 0


def test_what_each_app_has_confirmed_moves_along():
    world = world_of()
    producer = writer_of(world, FANOUT_URI)
    foo = reader_of(world, FANOUT_URI, "foo", messages=100_000)
    bar = reader_of(world, FANOUT_URI, "bar", messages=100_000)
    producer.send(puts(1, 2, 3, data=b"precious"))
    foo.send(confirms(1, 3, sub_id=1))
    bar.send(confirms(2, 3, sub_id=1))
    for number in range(20):
        numbers = range(100 + 10 * number, 110 + 10 * number)
        producer.send(put_event([put(n, bytes(1_000)) for n in numbers]))
        for wire in (foo, bar):
            wire.send(confirms(*numbers, sub_id=1))
    world.advance(6)
    assert len(segments(world)) < 5
    for _ in range(2):
        world = world.restarted(segment_bytes_max=SEGMENT)
    assert numbers_of(reader_of(world, FANOUT_URI, "foo").events()) == [2]
    assert numbers_of(reader_of(world, FANOUT_URI, "bar").events()) == [1]
    assert world.broker.statistics().messages == 2


def test_nothing_is_moved_while_most_is_alive():
    world = world_of()
    producer = writer_of(world, FILE_URI)
    producer.send(put_event([put(n, bytes(1_000)) for n in range(100)]))
    before = disk(world)
    world.advance(60)
    assert disk(world) == before


@pytest.mark.parametrize("change", ["confirm", "purge", "none"])
def test_what_changes_while_it_is_read(change: str):
    world = world_of()
    producer, holder = writer_of(world, FILE_URI), reader_of(world, FILE_URI, messages=3)
    producer.send(puts(1, 2, 3))
    churn(producer, reader_of(world, FILE_URI), 20)
    world.finishes_reads = False
    world.advance(6)
    assert len(world.pending_reads) == 1
    if change == "confirm":
        holder.send(confirms(2))
    elif change == "purge":
        world.admin("DOMAINS DOMAIN test.file PURGE")
    world.finishes_reads = True
    world.finish_reads()
    expected = {"confirm": [1, 3], "purge": [], "none": [1, 2, 3]}[change]
    after = world.restarted(segment_bytes_max=SEGMENT)
    assert numbers_of(reader_of(after, FILE_URI).events()) == expected


def test_paging_and_compaction_at_once():
    """A block that is read back for a consumer while its messages move is delivered and counted."""
    world = world_of(hot_bytes_max=1_000)
    producer = writer_of(world, FILE_URI)
    for first in range(0, 2_048, 64):
        producer.send(put_event([put(n, bytes(100)) for n in range(first, first + 64)]))
    waiting = reader_of(world, FILE_URI, messages=1)
    waiting.send(confirms(*(n for n in range(2_048) if n % 8)))
    for first in range(5_000, 9_096, 64):  # dead weight behind
        numbers = range(first, first + 64)
        producer.send(put_event([put(n, bytes(100)) for n in numbers]))
        waiting.send(confirms(*numbers))
    waiting.close()
    world.finishes_reads = False
    consumer = reader_of(world, FILE_URI, size=1 << 30, messages=10_000)
    paging = list(world.pending_reads)
    assert paging
    world.advance(6)  # compaction wants to read as well
    world.pending_reads = world.pending_reads[len(paging) :]
    rounds = 0
    while world.pending_reads:
        world.finish_reads()
        rounds += 1
    assert rounds > 10  # segment by segment, also those that paging reads
    world.advance(6)
    assert not {read.name for read, _ in paging} & set(world.files)
    world.pending_reads = paging
    world.finishes_reads = True
    world.finish_reads()
    assert numbers_of(consumer.events()) == list(range(0, 2_048, 8))
    consumer.send(confirms(*range(0, 2_048, 8)))
    (log,) = world.broker._context.logs
    assert [file.live for file in log.segments.files if file.live] == []
    assert world.broker.statistics().messages == 0
    after = world.restarted(segment_bytes_max=SEGMENT)
    assert after.broker.statistics().messages == 0


# What cannot be read, or is not what was written.

BITS = pytest.mark.parametrize(
    ("offset", "bit"),
    [(STORED_HEADER_SIZE, 0), (12, 0), (27, 0), (3, 0), (0, 0), (0, 5), (7, 5), (32, 7), (33, 0)],
    ids=str,
)


def damage(world: World, uri: str, offset: int, bit: int) -> str:
    """Flip a bit of a queue's first message in the log; returns the file's name."""
    entry = world.broker._context.queues[uri]
    return flip(world, entry.queue.store.location_of(0), offset, bit)


def flip(world: World, location: int, offset: int, bit: int) -> str:
    """Flip a bit of the message at a location of the one partition."""
    name = world.broker._context.logs[0].name_of(location >> SEGMENT_SHIFT)
    world.files[name][(location & OFFSET_MASK) + offset] ^= 1 << bit
    return name


@BITS
def test_what_is_damaged_in_the_log_is_written_from_memory(offset: int, bit: int):
    world = world_of()
    producer, holder = writer_of(world, FILE_URI), reader_of(world, FILE_URI, messages=2)
    producer.send(puts(1, 2, data=b"precious"))
    assert numbers_of(holder.events()) == [1, 2]
    churn(producer, reader_of(world, FILE_URI), 20)
    name = damage(world, FILE_URI, offset, bit)
    world.advance(12)
    assert name not in world.files
    assert world.alarms() == []
    after = world.restarted(segment_bytes_max=SEGMENT)
    found = pushes(reader_of(after, FILE_URI).events())
    assert [(p.guid, p.data) for p in found] == [(guid(1), b"precious"), (guid(2), b"precious")]


@BITS
def test_what_is_damaged_and_not_in_memory_is_given_up(offset: int, bit: int):
    world = world_of()
    writer_of(world, OTHER_URI).send(puts(1, 2, data=b"precious"))
    world = world.restarted(segment_bytes_max=SEGMENT)
    name = damage(world, OTHER_URI, offset, bit)
    churn(writer_of(world, FILE_URI), reader_of(world, FILE_URI), 20)
    world.advance(12)
    assert name not in world.files
    (alarm,) = world.alarms()
    assert f"1 message(s) of queue '{OTHER_URI}' lost: log file {name} is damaged" in alarm
    for _ in range(2):
        found = pushes(reader_of(world, OTHER_URI).events())
        assert [(push.guid, push.data) for push in found] == [(guid(2), b"precious")]
        world = world.restarted(segment_bytes_max=SEGMENT)


@pytest.mark.parametrize("seconds", [12, 100])
def test_a_file_that_cannot_be_read_is_tried_again(seconds: int):
    world = world_of()
    writer_of(world, OTHER_URI).send(puts(1, data=b"precious"))
    world = world.restarted(segment_bytes_max=SEGMENT)
    churn(writer_of(world, FILE_URI), reader_of(world, FILE_URI), 20)
    name = segments(world)[0]
    world.unreadable.add(name)
    world.advance(seconds)
    assert name in world.files
    alarms = world.alarms()
    assert len(alarms) == (1 if seconds < 30 else 4)  # not at every look
    assert alarms[0].startswith("ALARM [STORAGE] not compacted, tried again in 30 s: ")
    world.unreadable.clear()
    world.advance(42)
    assert name not in world.files
    assert world.alarms() == alarms
    assert payloads(reader_of(world, OTHER_URI).events()) == [b"precious"]


def test_what_memory_has_of_a_file_that_cannot_be_read_is_moved():
    world = world_of()
    producer, consumer = stuck_message(world)
    churn(producer, consumer, 20)
    name = segments(world)[0]
    world.unreadable.add(name)
    world.advance(12)
    assert name not in world.files
    assert world.alarms() == []
    after = world.restarted(segment_bytes_max=SEGMENT)
    assert payloads(reader_of(after, FILE_URI).events()) == [b"precious"]


# Queues whose domain is not there.


def without_domain(world: World) -> World:
    """Return a broker that does not find the domain of fanout queues."""
    del world.domains["test.fan"]
    return world.restarted(segment_bytes_max=SEGMENT)


def fan_of(count: int) -> World:
    """Return a broker with messages for foo and bar, some of them confirmed by one."""
    world = world_of()
    foo = reader_of(world, FANOUT_URI, "foo", messages=100_000)
    writer_of(world, FANOUT_URI).send(puts(*range(count), data=b"precious"))
    foo.send(confirms(*range(0, count, 2), sub_id=1))
    return world


def test_messages_of_a_queue_without_its_domain_are_moved():
    world = without_domain(fan_of(10))
    churn(writer_of(world, FILE_URI), reader_of(world, FILE_URI), 40)
    name = segments(world)[0]
    world.advance(12)
    assert name not in world.files
    assert world.alarms() == []
    world = world.restarted(segment_bytes_max=SEGMENT)
    world.domains["test.fan"] = FAN
    assert numbers_of(reader_of(world, FANOUT_URI, "foo").events()) == [1, 3, 5, 7, 9]
    assert numbers_of(reader_of(world, FANOUT_URI, "bar").events()) == list(range(10))
    world = world.restarted(segment_bytes_max=SEGMENT)
    assert payloads(reader_of(world, FANOUT_URI, "foo").events()) == [b"precious"] * 5


def test_a_damaged_message_of_a_queue_without_its_domain_is_given_up():
    world = without_domain(fan_of(4))
    _, stored = world.broker._context.unclaimed[FANOUT_URI]
    name = flip(world, stored.columns.locations[0], STORED_HEADER_SIZE, 3)
    churn(writer_of(world, FILE_URI), reader_of(world, FILE_URI), 40)
    world.advance(12)
    assert name not in world.files
    (alarm,) = world.alarms()
    assert f"1 message(s) of queue '{FANOUT_URI}' lost: log file {name} is damaged" in alarm
    world = world.restarted(segment_bytes_max=SEGMENT)
    world.domains["test.fan"] = FAN
    assert numbers_of(reader_of(world, FANOUT_URI, "foo").events()) == [1, 3]
    assert numbers_of(reader_of(world, FANOUT_URI, "bar").events()) == [1, 2, 3]
    assert world.broker.statistics().messages == 3


def test_a_domain_that_comes_while_its_messages_are_read():
    world = without_domain(fan_of(10))
    churn(writer_of(world, FILE_URI), reader_of(world, FILE_URI), 40)
    world.finishes_reads = False
    world.advance(6)
    assert len(world.pending_reads) == 1
    world.domains["test.fan"] = FAN
    wire = reader_of(world, FANOUT_URI, "bar")
    world.finishes_reads = True
    world.finish_reads()
    world.advance(60)
    assert numbers_of(wire.events()) == list(range(10))
    assert len(segments(world)) < 10
    world = world.restarted(segment_bytes_max=SEGMENT)
    assert numbers_of(reader_of(world, FANOUT_URI, "foo").events()) == [1, 3, 5, 7, 9]


# How much at once.


@pytest.mark.parametrize("hot_bytes_max", [1_000, 1 << 30])
def test_no_portion_has_many_messages_and_no_step_looks_at_all(
    monkeypatch: pytest.MonkeyPatch, hot_bytes_max: int
):
    monkeypatch.setattr("reference_broker.core.compaction._PORTION_MESSAGES", 64)
    world = world_of(hot_bytes_max=hot_bytes_max, segment_bytes_max=50_000)
    producer, other = writer_of(world, FILE_URI), writer_of(world, OTHER_URI)
    consumer = reader_of(world, OTHER_URI)
    for first in range(0, 6_000, 500):
        producer.send(puts(*range(first, first + 500), data=b"tiny"))
    first_segment = segments(world)[0]
    churn(other, consumer, 300)
    world.journal.clear()
    world.advance(12)
    reads = [e for e in world.journal if isinstance(e, Read) and e.name == first_segment]
    assert first_segment not in world.files
    assert len(reads) > 3
    assert max(len(read.ranges) for read in reads) <= 512
    after = world.restarted(segment_bytes_max=SEGMENT)
    found = numbers_of(reader_of(after, FILE_URI, messages=100_000, size=1 << 30).events())
    assert found == list(range(6_000))


def test_a_search_through_much_goes_on_in_other_steps(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("reference_broker.core.compaction._PORTION_MESSAGES", 10)
    world = world_of()
    producer, holder = writer_of(world, FILE_URI), reader_of(world, FILE_URI, messages=1)
    producer.send(puts(1, data=b"precious"))
    consumer = reader_of(world, FILE_URI)
    churn(producer, consumer, 20)
    world.advance(12)  # it lies behind others from now on
    other = writer_of(world, OTHER_URI)
    other.send(puts(*range(2_000), data=b"x"))
    producer.send(puts(2, data=b"precious"))
    churn(producer, consumer, 80, 5_000)
    world.journal.clear()
    world.advance(60)
    reads = [effect for effect in world.journal if isinstance(effect, Read)]
    assert any(not read.ranges for read in reads)
    assert max(len(read.ranges) for read in reads) <= 10
    assert len(segments(world)) < 12
    assert numbers_of(holder.events()) == [1]
    after = world.restarted(segment_bytes_max=SEGMENT)
    assert payloads(reader_of(after, FILE_URI).events()) == [b"precious"] * 2


# Snapshots.


def snapshots(world: World) -> list[str]:
    return sorted(name for name in world.files if name.endswith(".bmq_journal"))


def test_there_is_one_snapshot_and_a_stop_writes_it_anew():
    world = world_of()
    first = snapshots(world)
    assert len(first) == 1
    producer = writer_of(world, FILE_URI)
    producer.send(puts(1, 2))
    world.step(Stop())
    assert len(snapshots(world)) == 1
    assert snapshots(world) != first
    after = world.restarted()
    assert numbers_of(reader_of(after, FILE_URI).events()) == [1, 2]


def test_what_a_snapshot_holds_is_not_read_again():
    world = world_of()
    producer, consumer = writer_of(world, FILE_URI), reader_of(world, FILE_URI, messages=50)
    producer.send(put_event([put(n, bytes(1_000)) for n in range(100)]))
    consumer.send(confirms(*range(20)))
    world.admin("CLUSTERS CLUSTER local STORAGE PARTITION 0 ROLLOVER")
    producer.send(puts(200))
    after = world.restarted(segment_bytes_max=SEGMENT)
    reads = [e for e in after.journal if isinstance(e, Read) and e.name.endswith("data")]
    assert sum(length for read in reads for _, length in read.ranges) < 500
    assert after.broker.statistics().messages == 81
    assert numbers_of(reader_of(after, FILE_URI).events()) == [*range(20, 100), 200]


def test_a_snapshot_is_written_when_much_was_logged(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("reference_broker.storage.snapshot._LOG_BYTES_MIN", 50_000)
    world = world_of()
    first = snapshots(world)
    producer = writer_of(world, FILE_URI)
    producer.send(put_event([put(n, bytes(1_000)) for n in range(30)]))
    world.advance(6)
    assert snapshots(world) == first
    producer.send(put_event([put(n, bytes(1_000)) for n in range(30, 60)]))
    world.advance(6)
    assert len(snapshots(world)) == 1
    assert snapshots(world) != first


def test_a_rollover_survives_a_crash_at_its_end():
    world = world_of()
    writer_of(world, FILE_URI).send(puts(1, 2))
    before = {name: bytes(data) for name, data in world.files.items()}
    world.admin("CLUSTERS CLUSTER local STORAGE PARTITION 0 ROLLOVER")
    (new,) = set(world.files) - set(before)
    torn = {**before, new: bytes(world.files[new][:-5])}
    after = World([FILE, FAN], files=torn, now=world.now + 1)
    assert numbers_of(reader_of(after, FILE_URI).events()) == [1, 2]
    assert [e for e in after.journal if isinstance(e, TruncateFile)] == []
    assert any(f"snapshot {new} is damaged" in text for text in after.logs())
