"""Messages that only the log still has: read back in order, and checked (DESIGN 2.4)."""

from __future__ import annotations

from typing import Any

import pytest

from reference_broker.base.limits import BLOCK_MESSAGES
from reference_broker.core.tests.pair import Wire, World, domain
from reference_broker.core.tests.shapes import (
    FANOUT_URI,
    FILE_URI,
    Push,
    confirms,
    guid,
    numbers_of,
    open_queue,
    pushes,
    put,
    puts,
    reader_of,
    statuses,
    subscribe,
    subscription,
    with_properties,
    writer_of,
)
from reference_broker.ports import Read
from reference_broker.storage import OFFSET_MASK, STORED_HEADER_SIZE
from reference_broker.wire import put_event

COUNT = 6 * BLOCK_MESSAGES
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


def small_world(**options: Any) -> World:
    """Return a broker that keeps next to nothing in memory."""
    return World([FILE, FAN], **{"hot_bytes_max": 1_000, **options})


def backlog(world: World, uri: str = FILE_URI, count: int = COUNT) -> None:
    wire = writer_of(world, uri)
    for first in range(0, count, 256):
        numbers = range(first, min(first + 256, count))
        wire.send(put_event([put(n, b"%d" % n * 3) for n in numbers]))
    assert statuses(wire.events()) == [0] * count


def cold_world(uri: str = FILE_URI, **options: Any) -> World:
    """Return a broker that has a backlog and nothing of it in memory."""
    world = small_world(**options)
    backlog(world, uri)
    return world.restarted(**{"hot_bytes_max": 1_000, **options})


def store_of(world: World, uri: str = FILE_URI) -> Any:
    return world.broker._context.queues[uri].queue.store


def reads(world: World) -> int:
    return sum(isinstance(effect, Read) for effect in world.journal)


def drained(wire: Wire, sub_id: int = 0) -> list[Push]:
    """Take and confirm until nothing more comes."""
    found: list[Push] = []
    while batch := pushes(wire.events()):
        found += batch
        wire.send(confirms(*(int.from_bytes(p.guid[1:], "big") for p in batch), sub_id=sub_id))
    return found


# A backlog larger than memory.


def test_a_backlog_is_paged_out():
    world = small_world()
    backlog(world)
    # What will be delivered next stays, and what is still being written.
    hot = [n for n in range(COUNT) if not store_of(world).is_cold(n)]
    assert 0 < len(hot) <= 3 * BLOCK_MESSAGES
    assert reads(world) == 0


@pytest.mark.parametrize("limit", [1_000_000, 100])
@pytest.mark.parametrize("is_restarted", [False, True])
def test_it_is_delivered_whole_and_in_order(limit: int, *, is_restarted: bool):
    world = small_world()
    backlog(world)
    if is_restarted:
        world = world.restarted(hot_bytes_max=1_000)
    consumer = reader_of(world, FILE_URI, messages=limit, size=1 << 30)
    found = drained(consumer)
    assert [push.guid for push in found] == [guid(n) for n in range(COUNT)]
    assert [push.data for push in found] == [b"%d" % n * 3 for n in range(COUNT)]
    assert {push.flags for push in found} == {0}
    assert reads(world) > 3
    assert world.broker.statistics()[2:] == (0, 0, 0)
    assert store_of(world).hot_bytes == 0


def test_memory_queues_are_not_paged_out():
    world = World([domain("test.mem", limits=ROOMY, domain_limits=ROOMY)], hot_bytes_max=1_000)
    backlog(world, "bmq://test.mem/q")
    assert len(drained(reader_of(world, size=1 << 30))) == COUNT
    assert reads(world) == 0


def test_each_app_reads_at_its_own_place():
    world = small_world()
    backlog(world, FANOUT_URI)
    for app in ("foo", "bar"):
        consumer = reader_of(world, FANOUT_URI, app, messages=300, size=1 << 30)
        found = drained(consumer, sub_id=1)
        assert [push.guid for push in found] == [guid(n) for n in range(COUNT)]
    assert world.broker.statistics().messages == 0


def test_two_apps_share_what_was_read_back():
    world = small_world()
    backlog(world, FANOUT_URI)
    wires = [reader_of(world, FANOUT_URI, app, size=1 << 30) for app in ("foo", "bar")]
    assert [len(drained(wire, sub_id=1)) for wire in wires] == [COUNT, COUNT]


def test_what_comes_back_from_a_consumer_is_read_back_too():
    world = small_world()
    backlog(world)
    first = reader_of(world, FILE_URI, messages=2 * BLOCK_MESSAGES, size=1 << 30)
    assert len(pushes(first.events())) == 2 * BLOCK_MESSAGES
    first.close()
    found = drained(reader_of(world, FILE_URI, messages=100, size=1 << 30))
    assert [push.guid for push in found] == [guid(n) for n in range(COUNT)]
    assert [push.flags & 4 for push in found] == [4] * 2 * BLOCK_MESSAGES + [0] * 4 * BLOCK_MESSAGES


def test_expressions_look_at_what_is_read_back():
    world = small_world()
    producer = writer_of(world, FILE_URI)
    for first in range(0, COUNT, 256):
        numbers = range(first, first + 256)
        producer.send(put_event([with_properties(n, {"n": n}) for n in numbers]))
    for rest in (1, 0):
        wire = world.session()
        open_queue(wire, FILE_URI, read=1)
        wish = subscription(1, f"n % 2 == {rest}", messages=50_000, size=1 << 30)
        found = pushes(subscribe(wire, wish))
        assert [push.guid for push in found] == [guid(n) for n in range(rest, COUNT, 2)]
        assert {push.flags & 4 for push in found} == {0 if rest else 4}  # put aside before


def test_duplicates_of_what_is_paged_out_are_known():
    world = small_world()
    backlog(world)
    wire = writer_of(world, FILE_URI)
    wire.send(puts(*range(0, COUNT, 100)))
    assert set(statuses(wire.events())) == {0}
    assert world.broker.statistics().messages == COUNT


def test_a_confirm_of_what_is_paged_out_is_good():
    world = small_world()
    backlog(world)
    consumer = reader_of(world, FILE_URI, messages=1)
    consumer.take()
    consumer.send(confirms(700, 1_500))
    assert world.broker.statistics().messages == COUNT - 2
    after = world.restarted()
    assert after.broker.statistics().messages == COUNT - 2


# Reads that take their time.


def test_others_are_served_while_a_read_is_under_way():
    world = cold_world()
    world.finishes_reads = False
    slow = reader_of(world, FILE_URI, messages=1)
    slow.take()
    assert len(world.pending_reads) == 1
    other_writer, other = (
        writer_of(world, "bmq://test.file/other"),
        reader_of(world, "bmq://test.file/other"),
    )
    other_writer.send(puts(1))
    assert numbers_of(other.events()) == [1]
    assert slow.take() == b""
    world.finish_reads()
    assert numbers_of(slow.events()) == [0]


def test_a_block_is_read_once_however_many_want_it():
    world = cold_world(FANOUT_URI)
    world.finishes_reads = False
    wires = [reader_of(world, FANOUT_URI, app, messages=5) for app in ("foo", "bar")]
    assert len(world.pending_reads) == 1
    world.finish_reads()
    assert [numbers_of(wire.events()) for wire in wires] == [[0, 1, 2, 3, 4]] * 2


@pytest.mark.parametrize("is_damaged", [False, True])
@pytest.mark.parametrize("how", ["purge", "confirm", "expire", "unregister"])
def test_messages_that_go_while_they_are_read(how: str, *, is_damaged: bool):
    world = cold_world(FANOUT_URI)
    world.admin("DOMAINS DOMAIN test.fan QUEUE q PURGE bar")
    world.finishes_reads = False
    consumer = reader_of(world, FANOUT_URI, "foo", messages=1)
    consumer.take()
    assert len(world.pending_reads) == 1
    if is_damaged:
        damage(world, FANOUT_URI, 0)
    if how == "purge":
        world.admin("DOMAINS DOMAIN test.fan PURGE")
    elif how == "confirm":
        consumer.send(confirms(*range(BLOCK_MESSAGES), sub_id=1))
    elif how == "expire":
        world.advance(310)
    else:
        kind = domain("test.fan", mode="fanout", storage="fileBacked", apps=("bar",))
        world.domains["test.fan"] = kind
        assert world.admin("DOMAINS RECONFIGURE test.fan").rc == 0
    world.finishes_reads = True
    world.finish_reads()
    expected = [BLOCK_MESSAGES] if how == "confirm" else []
    assert numbers_of(consumer.events()) == expected
    assert [text for text in world.alarms() if "STORAGE" in text] == []


def test_a_consumer_that_goes_while_its_messages_are_read():
    world = cold_world()
    world.finishes_reads = False
    reader_of(world, FILE_URI).close()
    assert world.pending_reads
    world.finishes_reads = True
    world.finish_reads()
    assert len(drained(reader_of(world, FILE_URI, size=1 << 30))) == COUNT


def test_a_domain_that_goes_while_its_messages_are_read():
    world = cold_world()
    world.finishes_reads = False
    reader_of(world, FILE_URI).close()
    assert world.pending_reads
    for wire in list(world.wires.values()):
        wire.close()
    world.admin("DOMAINS REMOVE test.file")
    world.admin("DOMAINS REMOVE test.file FINALIZE")
    writer_of(world, FILE_URI).send(puts(1))
    world.finishes_reads = True
    world.finish_reads()
    assert numbers_of(reader_of(world, FILE_URI).events()) == [1]


# Damage.


def damage(world: World, uri: str, number: int, offset: int = STORED_HEADER_SIZE) -> str:
    """Change a byte of a message in the log; returns the name of the file."""
    entry = world.broker._context.queues[uri]
    location = entry.queue.store.location_of(number)
    name: str = world.broker._context.log_of(entry).name_of(location >> 40)
    world.files[name][(location & OFFSET_MASK) + offset] ^= 1
    return name


@pytest.mark.parametrize(
    "offset", [STORED_HEADER_SIZE, STORED_HEADER_SIZE + 1, 12, 27, 28, 3, 0], ids=str
)
def test_a_damaged_message_is_not_delivered_and_told(offset: int):
    world = cold_world()
    name = damage(world, FILE_URI, 700, offset)
    found = drained(reader_of(world, FILE_URI, size=1 << 30))
    assert [push.guid for push in found] == [guid(n) for n in range(COUNT) if n != 700]
    (alarm,) = [text for text in world.alarms() if "[STORAGE]" in text]
    assert alarm.startswith(
        "ALARM [STORAGE] 1 message(s) of queue 'bmq://test.file/q' lost: "
        f"log file {name} is damaged at byte "
    )
    assert guid(700).hex().upper() in alarm
    assert world.broker.statistics()[2:] == (0, 0, 0)


def test_a_damaged_message_is_lost_for_every_app_and_told_once():
    world = cold_world(FANOUT_URI)
    damage(world, FANOUT_URI, 10)
    for app in ("foo", "bar"):
        consumer = reader_of(world, FANOUT_URI, app, size=1 << 30)
        assert len(drained(consumer, sub_id=1)) == COUNT - 1
    assert sum("[STORAGE]" in text for text in world.alarms()) == 1
    assert world.broker.statistics()[2:] == (0, 0, 0)


def test_a_hole_in_a_file_is_damage():
    world = cold_world()
    name = damage(world, FILE_URI, 0)
    del world.files[name][5_000:]
    found = drained(reader_of(world, FILE_URI, size=1 << 30))
    assert len(found) < 200
    assert any("[STORAGE]" in text for text in world.alarms())
    assert world.broker.statistics()[2:] == (0, 0, 0)


def test_what_was_given_up_is_not_missed_by_the_next_broker():
    world = cold_world(FANOUT_URI, segment_bytes_max=3_000)
    world.admin("CLUSTERS CLUSTER local STORAGE PARTITION 0 ROLLOVER")
    first = damage(world, FANOUT_URI, 0)
    for number in range(1, 30):
        assert damage(world, FANOUT_URI, number) == first
    for app in ("foo", "bar"):
        consumer = reader_of(world, FANOUT_URI, app, size=1 << 30)
        consumer.send(confirms(*numbers_of(consumer.events()), sub_id=1))
    assert first not in world.files
    after = world.restarted(hot_bytes_max=1_000, segment_bytes_max=3_000)
    assert after.is_ready
    assert after.broker.statistics().messages == world.broker.statistics().messages


# Files that cannot be read.


def reading_alarms(world: World) -> list[str]:
    return [text for text in world.alarms() if "cannot be read" in text]


def test_one_failed_read_loses_nothing():
    world = cold_world()
    (name,) = [name for name in world.files if name.endswith("data")]
    world.unreadable.add(name)
    consumer = reader_of(world, FILE_URI, size=1 << 30)
    assert numbers_of(consumer.events()) == []
    assert len(reading_alarms(world)) == 1
    assert f"log file {name} cannot be read" in reading_alarms(world)[0]
    world.unreadable.clear()
    world.advance(0.2)
    assert numbers_of(consumer.events()) == []
    world.advance(0.1)
    assert [push.guid for push in drained(consumer)] == [guid(n) for n in range(COUNT)]
    assert world.broker.statistics()[2:] == (0, 0, 0)


def test_a_file_that_stays_unreadable_is_tried_less_and_less():
    world = cold_world()
    world.unreadable.update(name for name in world.files if name.endswith("data"))
    consumer = reader_of(world, FILE_URI, size=1 << 30)
    tries: list[int] = []
    for _ in range(4):  # minutes; the messages live for five
        before = reads(world)
        world.advance(60)
        tries.append(reads(world) - before)
    assert tries[0] == 7  # after 0.25, 0.75, ... 31.75 s
    assert tries[1:] == [2, 2, 2]
    assert len(reading_alarms(world)) == 8
    world.unreadable.clear()
    world.advance(31)
    assert len(drained(consumer)) == COUNT


def test_a_pause_is_short_again_once_the_block_was_read():
    world = cold_world(FANOUT_URI)
    for app in ("foo", "bar"):
        world.unreadable.update(name for name in world.files if name.endswith("data"))
        consumer = reader_of(world, FANOUT_URI, app, messages=1)
        world.advance(0.3)
        world.unreadable.clear()
        world.advance(0.5)
        assert numbers_of(consumer.events()) == [0]
        world = world.restarted(hot_bytes_max=1_000)


def test_who_asks_again_and_again_does_not_shorten_the_pause():
    world = cold_world()
    world.unreadable.update(name for name in world.files if name.endswith("data"))
    before = reads(world)
    producer, consumer = writer_of(world, FILE_URI), reader_of(world, FILE_URI)
    for number in range(100):
        producer.send(puts(COUNT + number))
    assert numbers_of(consumer.events()) == []
    assert reads(world) == before + 1


def test_other_queues_and_apps_are_served_while_a_file_cannot_be_read():
    world = cold_world(FANOUT_URI, segment_bytes_max=100_000)
    world.admin("DOMAINS DOMAIN test.fan QUEUE q PURGE bar")
    world.unreadable.add(min(name for name in world.files if name.endswith("data")))
    stuck = reader_of(world, FANOUT_URI, "foo", size=1 << 30)
    other = reader_of(world, FANOUT_URI, "bar", size=1 << 30)
    producer, third = writer_of(world, FANOUT_URI), reader_of(world, FILE_URI)
    producer.send(puts(COUNT))
    writer_of(world, FILE_URI).send(puts(1))
    assert numbers_of(stuck.events()) == []
    assert numbers_of(other.events()) == [COUNT]
    assert numbers_of(third.events()) == [1]


def test_damage_beside_a_file_that_cannot_be_read_is_given_up_alone():
    world = cold_world(segment_bytes_max=10_000)
    names = sorted(name for name in world.files if name.endswith("data"))
    assert damage(world, FILE_URI, 300) == names[1]
    world.unreadable.add(names[0])
    consumer = reader_of(world, FILE_URI, size=1 << 30)
    assert numbers_of(consumer.events()) == []
    assert world.broker.statistics().messages == COUNT - 1
    world.unreadable.clear()
    world.advance(1)
    assert [push.guid for push in drained(consumer)] == [guid(n) for n in range(COUNT) if n != 300]


def test_a_purge_ends_the_waiting_for_a_file_that_cannot_be_read():
    world = cold_world()
    world.unreadable.update(name for name in world.files if name.endswith("data"))
    consumer = reader_of(world, FILE_URI)
    world.admin("DOMAINS DOMAIN test.file QUEUE q PURGE *")
    before = reads(world)
    world.advance(100)
    assert reads(world) == before
    writer_of(world, FILE_URI).send(puts(COUNT))
    assert numbers_of(consumer.events()) == [COUNT]


def test_a_domain_that_goes_while_its_file_cannot_be_read():
    world = cold_world()
    world.finishes_reads = False
    reader_of(world, FILE_URI).close()
    world.unreadable.update(name for name in world.files if name.endswith("data"))
    world.admin("DOMAINS REMOVE test.file")
    world.admin("DOMAINS REMOVE test.file FINALIZE")
    world.finishes_reads = True
    world.finish_reads()
    assert not world.broker._pager._pauses
    world.advance(100)
