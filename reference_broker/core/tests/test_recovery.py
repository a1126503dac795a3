"""What a broker knows again after a restart, and what it makes of another configuration."""

from __future__ import annotations

import pytest

from reference_broker.base import OperatorError
from reference_broker.config import DomainConfig
from reference_broker.core.tests.pair import MEM, World, cluster, domain
from reference_broker.core.tests.shapes import (
    FANOUT_URI,
    FILE_URI,
    MEM_URI,
    confirms,
    numbers_of,
    open_queue,
    open_request,
    puts,
    reader_of,
    refusal,
    statuses,
    writer_of,
)
from reference_broker.ports import (
    AdminCommand,
    AdminResult,
    FilesFound,
    LoadDomain,
    Opened,
    Ready,
    Stop,
    Write,
)
from reference_broker.storage import PartitionLog


def fanout(*apps: str, storage: str = "fileBacked") -> DomainConfig:
    return domain("test.fan", mode="fanout", storage=storage, apps=apps)


def filed(mode: str = "priority", storage: str = "fileBacked") -> DomainConfig:
    return domain("test.file", mode=mode, storage=storage)


def of_app(world: World, app: str) -> list[int]:
    return numbers_of(reader_of(world, FANOUT_URI, app).events())


def again(world: World, *, is_stopped: bool) -> World:
    """Return the broker of the next start, after a graceful stop or a crash."""
    if is_stopped:
        for wire in list(world.wires.values()):
            wire.close()
        world.step(Stop())
        assert world.has_stopped()
    return world.restarted()


# Everything is there again.


@pytest.mark.parametrize("is_stopped", [False, True], ids=["crash", "stop"])
def test_what_each_app_has_confirmed(*, is_stopped: bool):
    world = World([fanout("foo", "bar", "baz")], files={})
    producer = writer_of(world, FANOUT_URI)
    foo, bar = (reader_of(world, FANOUT_URI, app) for app in ("foo", "bar"))
    producer.send(puts(*range(6)))
    foo.send(confirms(0, 2, 5, sub_id=1))
    bar.send(confirms(*range(6), sub_id=1))
    for _ in range(3):
        world = again(world, is_stopped=is_stopped)
    assert world.broker.statistics()[1:3] == (1, 6)
    assert of_app(world, "foo") == [1, 3, 4]
    assert of_app(world, "bar") == []
    baz = reader_of(world, FANOUT_URI, "baz")
    assert numbers_of(baz.events()) == [0, 1, 2, 3, 4, 5]
    baz.send(confirms(*range(6), sub_id=1))
    assert world.broker.statistics().messages == 3


@pytest.mark.parametrize("is_stopped", [False, True], ids=["crash", "stop"])
def test_a_stored_message_is_gone_when_the_last_app_has_confirmed_it(*, is_stopped: bool):
    world = World([fanout("foo", "bar")], files={})
    writer_of(world, FANOUT_URI).send(puts(1, 2))
    reader_of(world, FANOUT_URI, "foo").send(confirms(1, sub_id=1))
    after = again(world, is_stopped=is_stopped)
    reader_of(after, FANOUT_URI, "bar").send(confirms(1, 2, sub_id=1))
    assert after.broker.statistics().messages == 1
    reader_of(after, FANOUT_URI, "foo").send(confirms(2, sub_id=1))
    assert after.broker.statistics()[2:] == (0, 0, 0)
    assert again(after, is_stopped=is_stopped).broker.statistics().messages == 0


def test_memory_queues_are_empty():
    world = World([MEM, fanout("foo", storage="inMemory")], files={})
    writer_of(world).send(puts(1))
    writer_of(world, FANOUT_URI).send(puts(1))
    after = world.restarted()
    assert after.broker.statistics() == (0, 0, 0, 0, 0)
    writer_of(after).send(puts(1))
    assert after.broker.statistics().messages == 1


def test_limits_hold_for_what_is_there_again():
    world = World([domain("test.file", storage="fileBacked", limits=(2, 1_000))], files={})
    writer_of(world, FILE_URI).send(puts(1, 2))
    after = world.restarted()
    wire = writer_of(after, FILE_URI)
    wire.send(puts(3, 4))
    assert sorted(statuses(wire.events())) == [0, 1]


def test_queues_keep_their_keys():
    world = World([filed()], files={})
    writer_of(world, FILE_URI).send(puts(1))
    summary = "CLUSTERS CLUSTER local STORAGE DOMAIN test.file QUEUE_STATUS"
    before = world.admin(summary).text
    assert world.restarted().admin(summary).text == before


# Ready.


def test_the_broker_is_ready_when_every_domain_is_answered():
    world = World([filed(), fanout("foo")], files={})
    writer_of(world, FILE_URI).send(puts(1))
    writer_of(world, FANOUT_URI).send(puts(1))
    after = World([filed(), fanout("foo")])
    after.loads_domains = False
    after.files = world.files
    found = tuple((name, len(data)) for name, data in sorted(world.files.items()))
    after.now = type(after.now)(world.now + 1)
    after.step(FilesFound(found))
    assert sorted(after.pending_loads) == ["test.fan", "test.file"]
    names, after.pending_loads = after.pending_loads, []
    for name in names:
        assert not after.is_ready
        after.step(after._domain_loaded(name))
    assert after.is_ready
    assert sum(isinstance(effect, Ready) for effect in after.journal) == 1


def test_a_broker_without_files_is_ready_at_once():
    world = World(files={})
    assert world.is_ready
    assert [name.split("_")[0] for name in world.files] == ["bmq", "bmq"]  # a snapshot, a ledger


def test_reads_that_take_their_time():
    world = World([filed()], files={})
    writer_of(world, FILE_URI).send(puts(1, 2))
    after = World([filed()], now=world.now + 1)
    after.finishes_reads = False
    after.files = world.files
    after.step(FilesFound(tuple((n, len(d)) for n, d in sorted(world.files.items()))))
    for _ in range(20):
        if after.is_ready:
            break
        assert after.pending_reads
        after.finish_reads()
    assert after.is_ready
    after.finishes_reads = True
    assert numbers_of(reader_of(after, FILE_URI).events()) == [1, 2]


def test_a_file_that_cannot_be_read_stops_the_start():
    world = World([filed()], files={})
    writer_of(world, FILE_URI).send(puts(1))
    (segment,) = [name for name in world.files if name.endswith(".bmq_data")]
    after = World([filed()], now=world.now + 1)
    after.files, after.unreadable = world.files, {segment}
    with pytest.raises(OperatorError, match="input/output error"):
        after.step(FilesFound(tuple((n, len(d)) for n, d in sorted(world.files.items()))))


# The one app of a priority queue.


def posted_and_restarted(world: World) -> list[int]:
    """Post three messages, start again, and return what a consumer gets."""
    producer = writer_of(world, FILE_URI)
    producer.send(puts(1, 2, 3))
    assert statuses(producer.events()) == [0, 0, 0]
    return numbers_of(reader_of(world.restarted(), FILE_URI).events())


def segment_of(world: World) -> str:
    (name,) = [name for name in world.files if name.endswith(".bmq_data")]
    return name


def test_a_new_queue_is_one_write():
    world = World([filed(), fanout("foo", "bar")], files={})
    for uri in (FILE_URI, FANOUT_URI):
        before = len(world.journal)
        writer_of(world, uri)
        writes = [each for each in world.journal[before:] if isinstance(each, Write)]
        assert [each.name for each in writes].count(segment_of(world)) == 1


def test_a_crash_in_the_middle_of_a_new_queue_loses_nothing_of_what_follows():
    world = World([filed()], files={})
    writer_of(world, FILE_URI)
    data = bytes(world.files[segment_of(world)])
    for size in range(len(data)):
        world.files[segment_of(world)] = bytearray(data[:size])
        assert posted_and_restarted(world.restarted()) == [1, 2, 3]


@pytest.mark.parametrize("is_stopped", [False, True], ids=["crash", "stop"])
def test_an_empty_queue_that_leaves_the_fanout_mode(*, is_stopped: bool):
    world = World([domain("test.file", mode="fanout", storage="fileBacked", apps=["a"])], files={})
    writer_of(world, FILE_URI).send(puts(7, 8))
    reader_of(world, FILE_URI, "a").send(confirms(7, 8, sub_id=1))
    world.domains["test.file"] = filed()
    after = again(world, is_stopped=is_stopped)
    assert posted_and_restarted(after) == [1, 2, 3]


def test_messages_that_a_log_gives_to_no_app_are_the_default_apps(monkeypatch: pytest.MonkeyPatch):
    world = World([filed()], files={}, segment_bytes_max=1)
    with monkeypatch.context() as patch:
        patch.setattr(PartitionLog, "append_app", lambda *_args, **_named: [])
        producer = writer_of(world, FILE_URI)
    producer.send(puts(1, 2))
    producer.send(puts(3))
    reader_of(world, FILE_URI, messages=1).send(confirms(1))
    after = world.restarted()
    assert numbers_of(reader_of(after, FILE_URI).events()) == [2, 3]
    assert numbers_of(reader_of(after.restarted(), FILE_URI).events()) == [2, 3]
    after.domains["test.file"] = filed("fanout")
    assert not any(name == "test.file" for name in after.restarted().broker._context.domains)


# Other apps than before.


def test_an_app_that_was_added_meanwhile_gets_what_comes_from_now_on():
    world = World([fanout("foo")], files={})
    writer_of(world, FANOUT_URI).send(puts(1, 2))
    world.domains["test.fan"] = fanout("foo", "new")
    after = world.restarted()
    new = reader_of(after, FANOUT_URI, "new")
    assert numbers_of(new.events()) == []
    writer_of(after, FANOUT_URI).send(puts(3))
    assert numbers_of(new.events()) == [3]
    assert of_app(after, "foo") == [1, 2, 3]
    once_more = after.restarted()
    assert (of_app(once_more, "new"), of_app(once_more, "foo")) == ([3], [1, 2, 3])


def test_an_app_that_was_removed_meanwhile_needs_nothing_any_more():
    world = World([fanout("foo", "old")], files={})
    writer_of(world, FANOUT_URI).send(puts(1, 2))
    reader_of(world, FANOUT_URI, "foo").send(confirms(1, sub_id=1))
    world.domains["test.fan"] = fanout("foo")
    after = world.restarted()
    assert after.broker.statistics().messages == 1
    assert of_app(after, "foo") == [2]
    assert of_app(after, "old") == []
    after.domains["test.fan"] = fanout("foo", "old")
    once_more = after.restarted()
    assert (of_app(once_more, "foo"), of_app(once_more, "old")) == ([2], [])


def test_all_apps_are_others():
    world = World([fanout("a", "b")], files={})
    writer_of(world, FANOUT_URI).send(puts(1, 2))
    world.domains["test.fan"] = fanout("c")
    after = world.restarted()
    assert after.broker.statistics().messages == 0
    writer_of(after, FANOUT_URI).send(puts(1, 3))  # 1 is a duplicate
    assert of_app(after.restarted(), "c") == [3]


def test_apps_that_changed_while_the_broker_ran():
    world = World([fanout("foo", "bar")], files={})
    producer = writer_of(world, FANOUT_URI)
    producer.send(puts(1))
    world.domains["test.fan"] = fanout("bar", "new")
    world.admin("DOMAINS RECONFIGURE test.fan")
    producer.send(puts(2))
    world.domains["test.fan"] = fanout("foo", "bar", "new")
    world.admin("DOMAINS RECONFIGURE test.fan")
    producer.send(puts(3))
    after = world.restarted()
    found = {app: of_app(after, app) for app in ("foo", "bar", "new")}
    assert found == {"foo": [3], "bar": [1, 2, 3], "new": [2, 3]}


# Domains that are missing, or are not what they were.


@pytest.mark.parametrize("how", ["open", "command"])
def test_a_domain_that_is_missing_at_the_start_and_comes_later(how: str):
    world = World([filed(), fanout("foo")], files={})
    writer_of(world, FILE_URI).send(puts(1, 2))
    writer_of(world, FANOUT_URI).send(puts(3))
    del world.domains["test.file"]
    after = world.restarted()
    assert after.is_ready
    assert after.broker.statistics()[1:3] == (1, 1)
    assert refusal(after.session().request(open_request(FILE_URI, read=1)))[0] == "E_UNKNOWN"
    rows = after.admin("CLUSTERS CLUSTER local STORAGE SUMMARY").text
    assert "bmq://test.file/q" in rows
    after.admin("CLUSTERS CLUSTER local STORAGE PARTITION 0 ROLLOVER")
    after.domains["test.file"] = filed()
    if how == "command":
        text = after.admin("DOMAINS DOMAIN test.file QUEUE q LIST 0 UNLIMITED").text
        assert text.startswith("Printing 2 message(s) [0-1 / 2]")
    assert numbers_of(reader_of(after, FILE_URI).events()) == [1, 2]
    once_more = after.restarted()
    assert numbers_of(reader_of(once_more, FILE_URI).events()) == [1, 2]


def test_new_queues_do_not_take_the_place_of_those_that_wait():
    world = World([filed(), domain("test.too", storage="fileBacked")], files={})
    writer_of(world, FILE_URI).send(puts(1, 2))
    del world.domains["test.file"]
    after = world.restarted()
    writer_of(after, "bmq://test.too/q").send(puts(3))
    after.domains["test.file"] = filed()
    once_more = after.restarted()
    assert numbers_of(reader_of(once_more, FILE_URI).events()) == [1, 2]
    assert numbers_of(reader_of(once_more, "bmq://test.too/q").events()) == [3]


@pytest.mark.parametrize(
    ("before", "now", "text"),
    [
        (filed(), filed(storage="inMemory"), "storage is 'inMemory' now; make it 'fileBacked'"),
        (filed(), filed("broadcast"), "mode is 'broadcast' now; make it 'priority' again"),
        (filed(), filed("fanout"), "mode is 'fanout' now; make it 'priority' again"),
        (filed("fanout"), filed(), "mode is 'priority' now; make it 'fanout' again"),
    ],
)
def test_messages_are_not_thrown_away_because_the_domain_is_another(
    before: DomainConfig, now: DomainConfig, text: str
):
    world = World([before], files={})
    writer_of(world, FILE_URI).send(puts(1, 2))
    world.domains["test.file"] = now
    after = world.restarted()
    assert after.is_ready
    assert any(text in line for line in after.logs())
    answer = after.session().request(open_request(FILE_URI, write=1))
    assert text in refusal(answer)[2]
    after.domains["test.file"] = before
    app = "foo" if before.app_ids else ""
    assert numbers_of(reader_of(after, FILE_URI, app).events()) == [1, 2]


@pytest.mark.parametrize(
    "now", [filed(storage="inMemory"), filed("broadcast"), filed("fanout")], ids=repr
)
def test_an_empty_domain_may_be_another(now: DomainConfig):
    world = World([filed()], files={})
    producer = writer_of(world, FILE_URI)
    producer.send(puts(1))
    reader_of(world, FILE_URI).send(confirms(1))
    world.domains["test.file"] = now
    after = world.restarted()
    app = "foo" if now.app_ids else ""
    producer, consumer = writer_of(after, FILE_URI), reader_of(after, FILE_URI, app)
    producer.send(puts(2))
    assert numbers_of(consumer.events()) == [2]
    once_more = after.restarted()
    assert once_more.is_ready
    open_queue(once_more.session(), FILE_URI, write=1)


def test_a_domain_that_cannot_be_loaded_is_asked_for_again_when_somebody_wants_it():
    world = World([filed()], files={})
    writer_of(world, FILE_URI).send(puts(1))
    world.domains["test.file"] = OperatorError("broken")
    after = World((), files={n: bytes(f) for n, f in world.files.items()}, now=world.now + 1)
    after.domains["test.file"] = OperatorError("broken")
    after.step(AdminCommand(1, "DOMAINS DOMAIN test.file PURGE"))
    (result,) = [effect for effect in after.journal if isinstance(effect, AdminResult)]
    assert result.rc == -2
    after.domains["test.file"] = filed()
    assert numbers_of(reader_of(after, FILE_URI).events()) == [1]
    assert sum(isinstance(effect, LoadDomain) for effect in after.journal) == 3


# The ledger.


def test_the_ledger_is_rolled_over_when_it_is_full():
    world = World([MEM], files={}, cluster=cluster(ledger_bytes=2_000))
    for number in range(40):
        writer_of(world, f"bmq://test.mem/q{number}").close()
        world.admin("CLUSTERS CLUSTER local FORCE_GC_QUEUES")
    logs = world.logs()
    rolled = [i for i, text in enumerate(logs) if "Rolling over from log with logId [" in text]
    assert 1 < len(rolled) < 10
    assert all("queueUnAssignmentAdvisory" in logs[i + 1] for i in rolled)
    ledgers = [name for name in world.files if name.endswith(".bmq_csl")]
    assert len(ledgers) == 1
    assert world.restarted().is_ready


def test_nobody_connects_before_the_broker_is_ready_and_nothing_breaks_if_one_does():
    world = World([filed()], files={})
    writer_of(world, FILE_URI).send(puts(1))
    after = World([filed()], now=world.now + 1)
    after.loads_domains = False
    after.files = world.files
    after.step(FilesFound(tuple((n, len(d)) for n, d in sorted(world.files.items()))))
    after.step(Opened(99, "early"))
    after.load_pending()
    assert after.is_ready
    assert numbers_of(reader_of(after, FILE_URI).events()) == [1]
    assert MEM_URI not in after.broker._context.queues
