"""PUSH and CONFIRM."""

from __future__ import annotations

import zlib

import pytest

from reference_broker.core.tests.pair import Wire, World, identity_of
from reference_broker.core.tests.shapes import (
    Push,
    close_queue,
    configure,
    confirms,
    guid,
    kinds,
    numbers_of,
    open_queue,
    payloads,
    pushes,
    put,
    puts,
)
from reference_broker.ports import Congested, Drained, Received, Send
from reference_broker.wire import EventReader, confirm_event, iter_confirms, put_event
from reference_broker.wire.control import ConfigureQueueStream, QueueStreamParameters
from reference_broker.wire.properties import decode_properties, encode_properties
from reference_broker.wire.tests.recorded import read

OLD_FEATURES = "PROTOCOL_ENCODING:BER,JSON"


def writer(world: World) -> Wire:
    wire = world.session()
    open_queue(wire, write=1)
    return wire


def reader(world: World, features: str | None = None, **options: int) -> Wire:
    wire = world.connect()
    wire.negotiate(identity_of() if features is None else identity_of(features=features))
    open_queue(wire, read=1)
    configure(wire, **options)
    return wire


# PUSH.


def test_a_push_is_laid_out_as_the_real_brokers():
    world = World()
    producer, consumer = writer(world), reader(world, s_id=1)
    recorded = read("real_b2c_PUSH_1")
    data = put(1, b"hello")._replace(guid=recorded[20:36])
    producer.send(put_event([data]))
    assert consumer.take() == recorded


@pytest.mark.parametrize("s_id", [0, 1, 77, 2**32 - 1])
def test_a_push_carries_the_subscription_id(s_id: int):
    world = World()
    producer, consumer = writer(world), reader(world)
    configure(consumer, s_id=s_id or 1)
    producer.send(puts(1))
    assert pushes(consumer.events())[0].ids == (s_id or 1,)


def test_an_old_style_reader_gets_its_sub_id():
    world = World()
    producer, consumer = writer(world), world.session()
    open_queue(consumer, read=1)
    parameters = QueueStreamParameters(None, 10, 1000, 0, 1)
    consumer.request(ConfigureQueueStream(q_id=0, stream_parameters=parameters))
    producer.send(puts(1))
    assert pushes(consumer.events())[0].ids == (0,)


def test_a_push_carries_the_queue_id_of_its_reader():
    world = World()
    producer, consumer = writer(world), world.session()
    open_queue(consumer, q_id=4_000_000_000, read=1)
    configure(consumer, 4_000_000_000)
    producer.send(puts(1))
    assert pushes(consumer.events())[0].queue_id == 4_000_000_000


def test_a_large_delivery_goes_out_in_several_events(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("reference_broker.core.deliver.PUSH_EVENT_BYTES_MAX", 3_000)
    world = World()
    producer, consumer = writer(world), reader(world)
    producer.send(puts(*range(10), data=b"x" * 1_000))
    events = consumer.events()
    assert [push.guid for push in pushes(events)] == [guid(n) for n in range(10)]
    assert len(events) == 5
    assert all(event.end - event.start <= 3_000 for event in events)


def test_messages_take_turns_between_consumers():
    world = World()
    producer = writer(world)
    a, b = reader(world, weight=2), reader(world, weight=1)
    low = reader(world, priority=-1)
    producer.send(puts(*range(9)))
    found = [[push.guid[-1] for push in pushes(wire.events())] for wire in (a, b, low)]
    assert found == [[0, 1, 3, 4, 6, 7], [2, 5, 8], []]


# Consumers that read no new-style properties.


def test_properties_are_converted_for_an_old_consumer():
    world = World()
    producer = writer(world)
    new, old = reader(world), reader(world, OLD_FEATURES)
    properties: dict[str, str | int] = {"name": "value", "n": 5}
    area = encode_properties(properties, new_style=True)
    message = put(1, area + zlib.compress(b"payload"), flags=3, schema=3, compression=1)
    producer.send(put_event([message, message._replace(guid=guid(2))]))
    (kept,) = pushes(new.events())
    (converted,) = pushes(old.events())
    assert (kept.schema, kept.compression, kept.data) == (1, 1, message.data)
    assert (converted.schema, converted.compression, converted.flags) == (0, 0, 2)
    expected = encode_properties(properties, new_style=False)
    assert converted.data == expected + b"payload"
    assert decode_properties(expected, new_style=False)["n"].value == 5


def test_properties_that_cannot_be_converted_go_out_as_they_are():
    world = World()
    producer, old = writer(world), reader(world, OLD_FEATURES)
    producer.send(put_event([put(1, b"\xff" * 9, flags=3, schema=3), put(2)]))
    assert payloads(old.events()) == [b"\xff" * 9, b"data"]
    assert any("not converted" in text for text in world.logs())


def test_a_message_without_properties_needs_no_conversion():
    world = World()
    producer, old = writer(world), reader(world, OLD_FEATURES)
    producer.send(puts(1))
    assert payloads(old.events()) == [b"data"]


# CONFIRM.


def test_a_confirmed_message_is_gone():
    world = World()
    producer, consumer = writer(world), reader(world)
    producer.send(puts(1, 2))
    consumer.send(confirm_event([(0, guid(1), 0)]))
    assert world.broker.statistics()[2:] == (1, 4, 1)
    consumer.close()
    assert [push.guid for push in pushes_of_new_reader(world)] == [guid(2)]


def pushes_of_new_reader(world: World) -> list[Push]:
    wire = world.session()
    open_queue(wire, read=1)
    return pushes(configure(wire))


@pytest.mark.parametrize(
    "confirm",
    [(0, guid(99), 0), (5, guid(1), 0), (0, guid(1), 3), (2**32 - 1, guid(1), 2**32 - 1)],
    ids=["unknown GUID", "unknown queue", "unknown sub-queue", "reserved"],
)
def test_a_confirm_that_means_nothing_is_ignored(confirm: tuple[int, bytes, int]):
    world = World()
    producer, consumer = writer(world), reader(world)
    producer.send(puts(1))
    consumer.take()
    consumer.send(confirm_event([confirm]))
    assert world.broker.statistics().messages == 1
    assert (consumer.take(), consumer.is_closed) == (b"", False)


def test_a_confirm_of_a_writer_is_ignored():
    world = World()
    producer = writer(world)
    producer.send(puts(1), confirm_event([(0, guid(1), 0)]))
    assert world.broker.statistics().messages == 1


def test_confirming_twice_is_harmless():
    world = World()
    producer, consumer = writer(world), reader(world)
    producer.send(puts(1, 2))
    event = confirm_event([(0, guid(1), 0)] * 2)
    consumer.send(event, event)
    assert world.broker.statistics().messages == 1


def test_a_message_that_moved_is_confirmed_by_its_old_holder():
    world = World()
    producer, first, second = writer(world), reader(world), reader(world, priority=-1)
    producer.send(puts(1))
    configure(first, s_id=None)
    close_queue(first, read=1)
    assert len(pushes(second.events())) == 1
    open_queue(first, read=1)
    first.send(confirm_event([(0, guid(1), 0)]))
    assert world.broker.statistics()[2:] == (0, 0, 0)


def test_confirming_makes_room_for_more():
    world = World()
    producer, consumer = writer(world), reader(world, messages=2)
    producer.send(puts(1, 2, 3))
    assert len(pushes(consumer.events())) == 2
    consumer.send(confirm_event([(0, guid(1), 0), (0, guid(2), 0)]))
    assert [push.guid for push in pushes(consumer.events())] == [guid(3)]


# Consumers that go.


def test_a_lost_consumers_messages_go_to_the_next_with_a_flag():
    world = World()
    producer, consumer = writer(world), reader(world)
    other = reader(world, priority=-1)
    producer.send(puts(1, 2))
    consumer.close()
    assert [(push.guid, push.flags) for push in pushes(other.events())] == [
        (guid(1), 4),
        (guid(2), 4),
    ]


def test_messages_wait_for_a_consumer():
    world = World()
    producer = writer(world)
    producer.send(puts(1, 2))
    assert len(pushes_of_new_reader(world)) == 2


# Consumers that do not read.


def test_a_congested_consumer_gets_nothing_until_it_reads_again():
    world = World()
    producer, consumer = writer(world), reader(world)
    world.step(Congested(consumer.number))
    producer.send(puts(1))
    assert consumer.take() == b""
    world.step(Drained(consumer.number))
    assert payloads(consumer.events()) == [b"data"]


def test_others_take_over_while_a_consumer_is_congested():
    world = World()
    producer, slow, quick = writer(world), reader(world), reader(world)
    world.step(Congested(slow.number))
    producer.send(puts(1, 2, 3))
    assert (len(payloads(slow.events())), len(payloads(quick.events()))) == (0, 3)


def test_a_queue_that_a_congested_consumer_opens_is_paused_too():
    world = World()
    producer, consumer = writer(world), world.session()
    world.step(Congested(consumer.number))
    open_queue(consumer, read=1)
    configure(consumer)
    producer.send(puts(1))
    assert consumer.events() == []
    world.step(Drained(consumer.number))
    assert payloads(consumer.events()) == [b"data"]


def test_congestion_of_an_unknown_connection_is_nothing():
    world = World()
    assert world.step(Congested(99), Drained(99)) == []


def test_one_clients_own_events_come_in_the_order_ack_then_push():
    world = World()
    wire = world.session()
    open_queue(wire, read=1, write=1)
    configure(wire)
    wire.send(puts(1), puts(2))
    assert kinds(wire.events()) == ["ACK", "ACK", "PUSH"]


def test_confirms_are_as_the_peer_writes_them():
    data = read("c2b_confirm_default_app")
    world = World()
    producer, consumer = writer(world), reader(world)
    ((_, recorded, _),) = iter_confirms(data, 8, len(data))
    producer.send(put_event([put(1)._replace(guid=recorded)]))
    consumer.send(data)
    assert world.broker.statistics().messages == 0


def test_one_step_serves_so_many_queues_and_the_next_the_others(monkeypatch):
    monkeypatch.setattr("reference_broker.core.deliver.DELIVERY_QUEUES_MAX", 2)
    world = World()
    wire = world.session()
    for q_id in range(5):
        open_queue(wire, f"bmq://test.mem/q{q_id}", q_id, read=1, write=1)
        configure(wire, q_id)
    batch = b"".join(puts(q_id, q_id=q_id) for q_id in range(5))
    served = []
    inputs = [Received(wire.number, batch)]
    while inputs or world.broker.next_deadline() == world.now:
        effects = world.broker.step(world.now, inputs)
        chunks = b"".join(c for e in effects if isinstance(e, Send) for c in e.chunks)
        served.append(kinds(list(EventReader(1 << 20).feed(chunks))).count("PUSH"))
        inputs = []
    assert served == [2, 2, 1]


def test_confirming_what_was_purged_makes_room():
    world = World()
    producer, consumer = writer(world), reader(world, messages=1)
    producer.send(puts(1))
    assert numbers_of(consumer.events()) == [1]
    assert world.admin("DOMAINS DOMAIN test.mem QUEUE q PURGE *").rc == 0
    producer.send(puts(2))
    assert numbers_of(consumer.events()) == []
    consumer.send(confirms(1))
    assert numbers_of(consumer.events()) == [2]
