"""What is on disk before what is said, and what comes back after a crash."""

from __future__ import annotations

import pytest

from reference_broker.base import OperatorError
from reference_broker.core.tests.pair import FILE, MEM, STRONG, Wire, World, domain
from reference_broker.core.tests.shapes import (
    FILE_URI,
    STRONG_URI,
    close_queue,
    close_request,
    configure,
    configure_request,
    guid,
    kinds,
    open_queue,
    open_request,
    payloads,
    pushes,
    puts,
    statuses,
)
from reference_broker.ports import (
    CreateFile,
    FilesFound,
    LoadDomain,
    Received,
    RemoveFile,
    Send,
    Stop,
    Sync,
    TruncateFile,
    Write,
)
from reference_broker.storage import StorageCorruptionError
from reference_broker.wire import confirm_event
from reference_broker.wire.control import Disconnect


def both(world: World, uri: str = STRONG_URI) -> Wire:
    """Return a client that writes and reads a queue under id 0."""
    wire = world.session()
    open_queue(wire, uri, read=1, write=1)
    configure(wire)
    return wire


def recovered_payloads(world: World, uri: str = FILE_URI) -> list[bytes]:
    wire = world.session()
    open_queue(wire, uri, read=1)
    return payloads(configure(wire))


# Acknowledged means durable.


def test_nothing_is_acknowledged_or_pushed_before_the_sync():
    world = World()
    wire = both(world)
    world.finishes_syncs = False
    wire.send(puts(1, 2))
    assert wire.events() == []
    assert len(world.pending_syncs) == 1
    world.finish_syncs()
    assert kinds(wire.events()) == ["ACK", "PUSH"]


def test_the_effects_come_in_the_order_write_sync_send():
    world = World()
    wire = both(world)
    effects = [e for e in wire.send(puts(1)) if isinstance(e, Write | Sync | Send)]
    assert [type(e) for e in effects[:3]] == [Write, Sync, Send]
    write, sync, send = effects[:3]
    assert isinstance(write, Write)
    assert isinstance(sync, Sync)
    assert isinstance(send, Send)
    assert write.name == sync.name
    assert send.after == sync.token > 0


def test_one_step_asks_for_one_sync():
    world = World()
    wire, other = both(world), both(world)
    world.finishes_syncs = False
    world.step(Received(wire.number, puts(1) + puts(2)), Received(other.number, puts(3)))
    assert len(world.pending_syncs) == 1


def test_a_later_answer_waits_behind_an_acknowledgement():
    world = World()
    wire = both(world)
    world.finishes_syncs = False
    wire.send(puts(1))
    wire.send(wire.request_event(close_request(STRONG_URI, read=1, write=1)))
    assert wire.events() == []
    world.finish_syncs()
    assert kinds(wire.events()) == ["ACK", "PUSH", "CONTROL"]


@pytest.mark.parametrize("goodbye", [close_request(STRONG_URI, read=1, write=1), Disconnect()])
def test_an_acknowledgement_leaves_before_the_answer_to_a_later_request(goodbye: object):
    wire = both(World())
    wire.send(puts(1) + wire.request_event(goodbye))
    assert kinds(wire.events())[-1] == "CONTROL"


def test_others_do_not_wait_for_a_clients_sync():
    world = World()
    wire, other = both(world), both(world, "bmq://test.mem/q")
    world.finishes_syncs = False
    wire.send(puts(1))
    other.send(puts(2))
    assert kinds(other.events()) == ["ACK", "PUSH"]
    assert wire.events() == []


def test_a_duplicate_is_acknowledged_when_its_original_is_durable():
    world = World()
    wire, other = both(world), world.session()
    open_queue(other, STRONG_URI, write=1)
    world.finishes_syncs = False
    wire.send(puts(1))
    other.send(puts(1))
    assert other.events() == []
    world.finish_syncs()
    assert statuses(other.events()) == [0]


def test_eventual_consistency_does_not_wait():
    world = World()
    wire = both(world, FILE_URI)
    world.finishes_syncs = False
    wire.send(puts(1))
    assert kinds(wire.events()) == ["ACK", "PUSH"]
    assert world.pending_syncs == []


def test_memory_writes_no_file():
    world = World()
    wire = both(world, "bmq://test.mem/q")
    wire.send(puts(1), confirm_event([(0, guid(1), 0)]))
    assert world.files == {}


# After a crash.


@pytest.mark.parametrize("uri", [FILE_URI, STRONG_URI])
def test_stored_messages_come_back_in_order(uri: str):
    world = World()
    wire = both(world, uri)
    wire.send(puts(1, data=b"one"), puts(2, 3, data=b"two"))
    wire.send(confirm_event([(0, guid(2), 0)]))
    after = world.restarted()
    assert after.broker.statistics().messages == 2
    assert recovered_payloads(after, uri) == [b"one", b"two"]


def test_a_power_cut_loses_nothing_that_was_acknowledged():
    world = World()
    wire = both(world)
    wire.send(puts(1))
    world.finishes_syncs = False
    wire.send(puts(2))
    files = {name: bytes(world.files[name][:size]) for name, size in world.durable.items()}
    after = World(files=files)
    assert statuses(wire.events()) == [0]
    assert len(recovered_payloads(after, STRONG_URI)) == 1


def test_a_torn_write_is_cut_off_and_reported():
    world = World()
    wire = both(world, FILE_URI)
    wire.send(puts(1, data=b"whole"))
    ((name, content),) = [(n, bytes(f)) for n, f in world.files.items()]
    wire.send(puts(2, data=b"torn"))
    torn = bytes(world.files[name][:-3])
    after = World(files={name: torn})
    assert [e for e in after.journal if isinstance(e, TruncateFile)] == [
        TruncateFile(name, len(content))
    ]
    assert any("the unfinished end was cut off" in text for text in after.logs())
    assert recovered_payloads(after) == [b"whole"]
    assert recovered_payloads(after.restarted()) == [b"whole"]


def test_a_damaged_log_is_refused():
    world = World()
    wire = both(world, FILE_URI)
    wire.send(puts(1), puts(2))
    ((name, content),) = world.files.items()
    content[80] ^= 1
    with pytest.raises(StorageCorruptionError, match=name):
        world.restarted()


def test_redelivery_of_recovered_messages_is_not_flagged_and_duplicates_are_known():
    world = World()
    wire = both(world, FILE_URI)
    wire.send(puts(1, 2), confirm_event([(0, guid(1), 0)]))
    after = world.restarted()
    wire = after.session()
    open_queue(wire, FILE_URI, read=1, write=1)
    assert [push.guid for push in pushes(configure(wire))] == [guid(2)]
    wire.send(puts(1, 2))
    assert kinds(wire.events()) == ["ACK"]
    assert after.broker.statistics().messages == 1


def test_recovery_ignores_limits_but_counts():
    world = World([domain("test.file", storage="fileBacked", limits=(5, 10_000))])
    both(world, FILE_URI).send(puts(1, 2, 3))
    world.domains["test.file"] = domain("test.file", storage="fileBacked", limits=(0, 10_000))
    after = world.restarted()
    wire = after.session()
    open_queue(wire, FILE_URI, write=1)
    wire.send(puts(4))
    assert statuses(wire.events()) == [1]
    assert len(recovered_payloads(after)) == 3


def test_a_broker_without_files_starts_empty():
    world = World(files={})
    assert world.broker.statistics() == (0, 0, 0, 0, 0)


def test_recovery_comes_first():
    world = World()
    both(world)
    with pytest.raises(AssertionError):
        world.step(FilesFound(()))


# Domains that come late, or not at all.


def test_messages_of_a_domain_without_configuration_wait_in_the_log():
    world = World()
    both(world, FILE_URI).send(puts(1))
    world.domains = {"test.mem": MEM}
    after = world.restarted()
    assert after.broker.statistics().queues == 0
    again = after.restarted()
    again.domains["test.file"] = FILE
    assert recovered_payloads(again) == [b"data"]


def test_an_open_waits_for_the_messages_of_its_domain():
    world = World()
    both(world, FILE_URI).send(puts(1))
    after = World()
    after.loads_domains = False
    after.files = world.files
    after.step(FilesFound(tuple((n, len(f)) for n, f in sorted(world.files.items()))))
    wire = after.session()
    wire.send(wire.request_event(open_request(FILE_URI, read=1)))
    wire.send(wire.request_event(configure_request()))
    assert wire.events() == []
    after.load_pending()
    events = wire.events()
    assert kinds(events) == ["CONTROL", "CONTROL", "PUSH"]
    assert payloads(events) == [b"data"]


def test_queues_of_two_domains_are_never_mixed_up():
    a, b = domain("dom.a", storage="fileBacked"), domain("dom.b", storage="fileBacked")
    world = World([a, b])
    both(world, "bmq://dom.a/q").send(puts(1, data=b"for a"))
    world.domains["dom.a"] = OperatorError("not now")
    after = world.restarted()
    both(after, "bmq://dom.b/q").send(puts(2, data=b"for b"))
    after.domains["dom.a"] = a
    again = after.restarted()
    assert recovered_payloads(again, "bmq://dom.a/q") == [b"for a"]
    assert recovered_payloads(again, "bmq://dom.b/q") == [b"for b"]


def test_messages_of_a_redirected_domain_come_back():
    world = World(())
    world.domains["alias"] = FILE
    both(world, "bmq://alias/q").send(puts(1))
    after = World(())
    after.domains["alias"] = FILE
    after.files = world.files
    after.step(FilesFound(tuple((n, len(f)) for n, f in sorted(world.files.items()))))
    assert recovered_payloads(after, "bmq://alias/q") == [b"data"]


# Segments.


def test_segments_roll_over_and_dead_ones_go():
    world = World(segment_bytes_max=2_000)
    wire = both(world, FILE_URI)
    for number in range(100):
        wire.send(puts(number, data=b"x" * 100))
    assert len(world.files) > 5
    wire.send(confirm_event([(0, guid(number), 0) for number in range(99)]))
    world.advance(6)  # a snapshot comes first, which knows the GUIDs
    assert sum(isinstance(e, RemoveFile) for e in world.journal) > 5
    names = [e.name for e in world.journal if isinstance(e, CreateFile)]
    created = [name for name in names if name.endswith(".bmq_data")]
    assert created == sorted(set(created))
    assert recovered_payloads(world.restarted(segment_bytes_max=2_000)) == [b"x" * 100]


def test_the_last_segment_stays_until_a_new_one_is_begun():
    world = World(segment_bytes_max=2_000)
    wire = both(world, FILE_URI)
    wire.send(puts(1), confirm_event([(0, guid(1), 0)]))
    assert len(world.files) == 1


def test_a_crash_just_after_a_segment_was_begun_does_no_harm():
    world = World(segment_bytes_max=200)
    wire = both(world, FILE_URI)
    wire.send(puts(1, data=b"x" * 60))
    wire.send(puts(2))
    first, second = sorted(world.files)
    torn = {first: bytes(world.files[first]), second: bytes(world.files[second][:8])}
    after = World(files=torn, segment_bytes_max=200)
    wire = both(after, FILE_URI)
    wire.send(puts(3, data=b"new"), confirm_event([(0, guid(1), 0)]))
    assert first not in after.files
    assert recovered_payloads(after.restarted(segment_bytes_max=200)) == [b"new"]


def test_confirms_survive_too():
    world = World()
    wire = both(world, FILE_URI)
    wire.send(puts(1, 2, 3), confirm_event([(0, guid(n), 0) for n in (1, 3)]))
    assert world.restarted().broker.statistics().messages == 1


def test_a_stop_makes_everything_durable():
    world = World()
    wire = both(world, FILE_URI)
    wire.send(puts(1))
    wire.take()
    close_queue(wire, FILE_URI, read=1, write=1)
    world.step(Stop())
    assert world.has_stopped()
    assert world.durable == {name: len(content) for name, content in world.files.items()}


def test_the_log_asks_for_each_domain_once():
    world = World()
    for number in range(3):
        both(world, f"bmq://test.file/q{number}").send(puts(number))
    both(world, STRONG_URI).send(puts(9))
    after = world.restarted()
    names = [e.name for e in after.journal if isinstance(e, LoadDomain)]
    assert sorted(names) == [FILE.name, STRONG.name]
    assert after.broker.statistics()[1:3] == (4, 4)
