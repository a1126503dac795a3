"""Lost connections: what is opened, sent and confirmed again."""

from __future__ import annotations

from reference_broker.base import OperatorError
from reference_broker.core.tests.pair import FILE, Peer, World
from reference_broker.session import (
    AcksReceived,
    ClientPhase,
    MessagesReceived,
    QueueOptions,
    QueueState,
    ReopenFailed,
    SessionLost,
    SessionRestored,
)
from reference_broker.wire import AckStatus

URI = "bmq://test.file/q"


def kinds(peer: Peer) -> list[str]:
    return [type(event).__name__ for event in peer.take()]


def test_queues_are_opened_again_and_deliver():
    world = World()
    peer = Peer(world).connect()
    queue, _ = peer.open(URI, read=QueueOptions(max_unconfirmed_messages=7), write=True)
    before = list(queue.subscription_ids)
    peer.take()
    peer.lose()
    peer.connect()
    assert kinds(peer) == ["SessionLost", "SessionRestored"]
    assert (queue.state, queue.options.max_unconfirmed_messages) == (QueueState.OPEN, 7)
    assert len(queue.subscription_ids) == 1
    assert queue.subscription_ids > before
    peer.post(queue, b"after")
    assert peer.payloads() == [b"after"]


def test_what_was_posted_while_the_connection_was_down_is_sent():
    world = World()
    peer = Peer(world).connect()
    queue, _ = peer.open(URI, write=True)
    peer.lose()
    guids = peer.post(queue, b"1", b"2") + peer.post(queue, b"3")
    assert peer.session.unacknowledged == 3
    peer.take()
    peer.connect()
    assert [guid for guid, _ in peer.acks()] == guids
    assert world.broker.statistics().messages == 3


def test_what_was_stored_but_not_acknowledged_is_stored_once():
    world = World()
    peer, reader = Peer(world).connect(), Peer(world, "bob").connect()
    queue, _ = peer.open(URI, write=True)
    reader.open(URI, read=True)
    guids = peer.session.post(world.now, queue, [b"1", b"2"])
    assert peer.wire is not None
    peer.wire.send(b"".join(peer.session.data_to_send()))
    peer.lose()  # the acknowledgement was on its way
    peer.take()
    peer.connect()
    assert peer.acks() == [(guid, AckStatus.SUCCESS) for guid in guids]
    assert reader.payloads() == [b"1", b"2"]


def test_what_a_broker_that_crashed_had_stored_is_stored_once():
    world = World([FILE])
    peer = Peer(world).connect()
    queue, _ = peer.open(URI, read=True, write=True)
    peer.post(queue, b"acknowledged")
    guids = peer.session.post(world.now, queue, [b"stored"])
    assert peer.wire is not None
    peer.wire.send(b"".join(peer.session.data_to_send()))
    peer.lose()
    peer.take()
    peer.world = world.restarted()
    peer.world.peers.append(peer)
    peer.connect()
    events = peer.take()
    assert [a.guid for e in events if isinstance(e, AcksReceived) for a in e.acks] == guids
    payloads = [m.payload for e in events if isinstance(e, MessagesReceived) for m in e.messages]
    assert payloads == [b"acknowledged", b"stored"]


def test_messages_are_sent_again_in_their_order_and_after_the_opens():
    world = World()
    peer, reader = Peer(world).connect(), Peer(world, "bob").connect()
    queue, _ = peer.open(URI, write=True)
    reader.open(URI, read=True)
    peer.lose()
    for number in range(20):
        peer.post(queue, str(number).encode())
    peer.connect()
    assert reader.payloads() == [str(number).encode() for number in range(20)]


def test_what_wants_no_acknowledgement_is_not_sent_again():
    world = World()
    peer = Peer(world).connect()
    queue, _ = peer.open(URI, write=True)
    peer.lose()
    peer.post(queue, b"gone", wants_ack=False)
    peer.connect()
    assert world.broker.statistics().messages == 0


def test_what_is_too_old_is_given_up():
    world = World()
    peer = Peer(world).connect()
    queue, _ = peer.open(URI, write=True)
    peer.lose()
    old = peer.post(queue, b"old")
    world.advance(queue.deduplication_ms / 1000 + 1)
    new = peer.post(queue, b"new")
    peer.take()
    peer.connect()
    assert peer.acks() == [(old[0], AckStatus.UNKNOWN), (new[0], AckStatus.SUCCESS)]
    assert world.broker.statistics().messages == 1


def test_confirms_made_meanwhile_are_sent():
    world = World()
    peer = Peer(world).connect()
    queue, _ = peer.open(URI, read=True, write=True)
    (guid,) = peer.post(queue, b"x")
    peer.lose()
    peer.confirm(queue, guid)
    peer.connect()
    assert world.broker.statistics().messages == 0


def test_unconfirmed_messages_come_again_with_a_flag():
    world = World()
    peer = Peer(world).connect()
    queue, _ = peer.open(URI, read=True, write=True)
    peer.post(queue, b"x")
    assert [m.is_redelivered for m in peer.messages()] == [False]
    peer.lose()
    peer.connect()
    assert [(m.payload, m.is_redelivered) for m in peer.messages()] == [(b"x", True)]


def test_a_queue_that_cannot_be_opened_again_is_reported_and_the_others_live():
    world = World()
    peer = Peer(world).connect()
    lost, _ = peer.open(URI, write=True)
    kept, _ = peer.open("bmq://test.mem/q", write=True)
    (guid,) = peer.post(lost, b"acknowledged")
    peer.lose()
    (waiting,) = peer.post(lost, b"waits")
    peer.take()
    second = World()
    second.domains["test.file"] = OperatorError("gone")
    peer.world = second
    second.peers.append(peer)
    peer.connect()
    events = peer.take()
    failed = [event for event in events if isinstance(event, ReopenFailed)]
    assert [event.queue for event in failed] == [lost]
    assert (lost.state, kept.state) == (QueueState.CLOSED, QueueState.OPEN)
    acks = [a for e in events if isinstance(e, AcksReceived) for a in e.acks]
    assert [(a.guid, a.status) for a in acks] == [(waiting, AckStatus.UNKNOWN)]
    assert guid != waiting
    assert peer.session.phase is ClientPhase.READY


def test_a_closed_queue_is_not_opened_again():
    world = World()
    peer = Peer(world).connect()
    queue, _ = peer.open(URI, write=True)
    peer.session.close_queue(world.now, queue)
    world.settle()
    peer.lose()
    peer.connect()
    assert world.broker.statistics().queues == 1
    assert peer.session.queues == {}


def test_goodbye_gives_up_what_was_not_acknowledged():
    world = World()
    peer = Peer(world).connect()
    queue, _ = peer.open(URI, write=True)
    (guid,) = peer.session.post(world.now, queue, [b"x"])
    peer.session.data_to_send()  # lost on the way
    peer.session.disconnect(world.now)
    world.settle()
    peer.take()
    peer.lose()
    assert peer.acks() == [(guid, AckStatus.UNKNOWN)]
    assert peer.session.phase is ClientPhase.GONE


def test_losing_a_lost_connection_is_nothing():
    peer = Peer(World()).connect()
    peer.lose()
    peer.take()
    peer.session.disconnected(peer.world.now, "again")
    assert peer.session.take_events() == []


def test_many_losses_in_a_row():
    world = World()
    peer = Peer(world).connect()
    queue, _ = peer.open(URI, read=True, write=True)
    for number in range(10):
        peer.post(queue, str(number).encode())
        peer.lose()
        peer.connect()
    reader_sees = {message.payload for message in peer.messages()}
    assert reader_sees == {str(number).encode() for number in range(10)}
    assert world.broker.statistics().messages == 10


def test_a_connection_that_is_lost_while_queues_are_being_reopened():
    world = World()
    peer = Peer(world).connect()
    queue, _ = peer.open("bmq://test.mem/q", read=True, write=True)
    peer.lose()
    world.loads_domains = False
    world.broker = World().broker  # a broker that must load the domain first
    peer.connect()
    phases = [peer.session.phase]
    peer.lose()
    world.load_pending()
    world.loads_domains = True
    peer.connect()
    assert [*phases, peer.session.phase] == [ClientPhase.RESTORING, ClientPhase.READY]
    assert queue.state is QueueState.OPEN
    peer.post(queue, b"x")
    assert peer.payloads() == [b"x"]


def test_a_reopen_that_times_out():
    world = World()
    peer = Peer(world).connect()
    queue, _ = peer.open("bmq://test.mem/q", write=True)
    peer.lose()
    peer.take()
    world.broker = World().broker
    world.loads_domains = False
    peer.connect()
    world.advance(31)
    events = peer.take()
    assert [e.queue for e in events if isinstance(e, ReopenFailed)] == [queue]
    assert peer.session.phase is ClientPhase.READY


def test_a_message_that_comes_while_the_stream_is_being_configured():
    world = World()
    peer, producer = Peer(world).connect(), Peer(world, "bob").connect()
    queue, _ = peer.open(URI, read=True)
    posting, _ = producer.open(URI, write=True)
    producer.session.post(world.now, posting, [b"under way"])
    assert producer.wire is not None
    producer.wire.send(b"".join(producer.session.data_to_send()))
    peer.session.configure_queue(world.now, queue, QueueOptions(max_unconfirmed_messages=5))
    world.settle()
    assert peer.payloads() == [b"under way"]


def test_events_tell_the_whole_story():
    world = World()
    peer = Peer(world).connect()
    peer.lose()
    peer.connect()
    story = peer.take()
    assert [type(event) for event in story] == [SessionRestored, SessionLost, SessionRestored]
