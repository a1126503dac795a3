"""The client's machine against the broker's, without sockets and in virtual time."""

from __future__ import annotations

import pytest

from reference_broker.base import Instant, PeerError, UriError, seconds
from reference_broker.core.tests.pair import FILE, MEM, Peer, World, domain
from reference_broker.session import (
    BrokerFacts,
    ClientPhase,
    MessagesReceived,
    QueueOptions,
    QueueState,
    Request,
    RequestDone,
    SessionRestored,
)
from reference_broker.session.tests.refused import refused_options
from reference_broker.wire import HEARTBEAT_REQUEST, AckStatus, Compression
from reference_broker.wire.control import Encoding, StatusCategory
from reference_broker.wire.features import CLIENT_FEATURES
from reference_broker.wire.tests.recorded import read

URI = "bmq://test.mem/q"
OK = StatusCategory.E_SUCCESS


def outcome(request: Request) -> tuple[StatusCategory, str]:
    assert request.is_done
    return request.status.category, request.status.message


@pytest.fixture(params=[Encoding.BER, Encoding.JSON], ids=["BER", "JSON"])
def peer(request: pytest.FixtureRequest) -> Peer:
    return Peer(World(), encoding=request.param).connect()


def test_connecting_makes_the_session_ready(peer: Peer):
    assert peer.session.phase is ClientPhase.READY
    assert peer.session.broker is not None
    assert [type(event) for event in peer.take()] == [SessionRestored]


def test_open_post_confirm_close_disconnect(peer: Peer):
    queue, opened = peer.open(URI, read=True, write=True)
    assert (outcome(opened)[0], queue.state) == (OK, QueueState.OPEN)
    (guid,) = peer.post(queue, b"hello", properties={"n": 1})
    events = peer.take()
    (message,) = [m for e in events if isinstance(e, MessagesReceived) for m in e.messages]
    assert (message.payload, message.guid) == (b"hello", guid)
    assert message.properties["n"].value == 1
    assert peer.session.unacknowledged == 0
    peer.confirm(queue, guid)
    assert peer.world.broker.statistics().messages == 0
    closed = peer.session.close_queue(peer.world.now, queue)
    peer.world.settle()
    assert (outcome(closed)[0], queue.state) == (OK, QueueState.CLOSED)
    goodbye = peer.session.disconnect(peer.world.now)
    peer.world.settle()
    assert outcome(goodbye)[0] is OK
    phases = [peer.session.phase]
    peer.lose()
    assert [*phases, peer.session.phase] == [ClientPhase.PARTING, ClientPhase.GONE]


def test_acknowledgements_name_guid_status_and_queue(peer: Peer):
    queue, _ = peer.open(URI, write=True)
    guids = peer.post(queue, b"a", b"b", b"c")
    assert peer.acks() == [(guid, AckStatus.SUCCESS) for guid in guids]


def test_messages_that_want_no_acknowledgement_get_none(peer: Peer):
    queue, _ = peer.open(URI, read=True, write=True)
    peer.post(queue, b"a", wants_ack=False)
    assert peer.session.unacknowledged == 0
    events = peer.take()
    assert [type(event) for event in events[-1:]] == [MessagesReceived]


@pytest.mark.parametrize("features", ["PROTOCOL_ENCODING:BER,JSON", CLIENT_FEATURES])
def test_properties_and_compression_arrive(features: str):
    world = World()
    producer, consumer = Peer(world).connect(), Peer(world, "bob", features=features).connect()
    queue, _ = producer.open(URI, write=True)
    consumer.open(URI, read=True)
    payload = b"compressible " * 1_000
    producer.post(queue, payload, properties={"a": "x"}, compression=Compression.ZLIB)
    (message,) = consumer.messages()
    assert message.payload == payload
    assert message.properties["a"].value == "x"
    assert message.compression == (
        Compression.ZLIB if features == CLIENT_FEATURES else Compression.NONE
    )


def test_two_queues_and_two_clients():
    world = World()
    alice, bob = Peer(world).connect(), Peer(world, "bob").connect()
    q1, _ = alice.open("bmq://test.mem/1", write=True)
    q2, _ = alice.open("bmq://test.mem/2", write=True)
    assert (q1.queue_id, q2.queue_id) == (0, 1)
    r2, _ = bob.open("bmq://test.mem/2", read=True)
    r1, _ = bob.open("bmq://test.mem/1", read=True)
    alice.post(q1, b"one")
    alice.post(q2, b"two")
    assert [(m.queue, m.payload) for m in bob.messages()] == [(r1, b"one"), (r2, b"two")]


def test_configure_changes_how_much_is_delivered(peer: Peer):
    queue, _ = peer.open(URI, read=QueueOptions(max_unconfirmed_messages=1), write=True)
    peer.post(queue, b"1", b"2", b"3")
    assert peer.payloads() == [b"1"]
    peer.session.configure_queue(peer.world.now, queue, QueueOptions())
    peer.world.settle()
    assert peer.payloads() == [b"2", b"3"]
    peer.session.configure_queue(peer.world.now, queue, None)
    peer.post(queue, b"4")
    assert peer.payloads() == []


def test_a_refused_configure_keeps_the_deliveries_of_before(peer: Peer):
    queue, _ = peer.open(URI, read=True, write=True)
    refused = peer.session.configure_queue(peer.world.now, queue, refused_options())
    peer.world.settle()
    assert "invalid priority" in outcome(refused)[1]
    peer.post(queue, b"x")
    assert peer.payloads() == [b"x"]


def test_several_configures_under_way_at_once(peer: Peer):
    queue, _ = peer.open(URI, read=QueueOptions(max_unconfirmed_messages=1), write=True)
    peer.post(queue, b"1", b"2", b"3")
    for limit in (2, 3, 4):
        options = QueueOptions(max_unconfirmed_messages=limit)
        peer.session.configure_queue(peer.world.now, queue, options)
    peer.post(queue, b"4")
    assert peer.payloads() == [b"1", b"2", b"3", b"4"]
    assert len(queue.subscription_ids) == 1


def test_priorities_between_clients():
    world = World()
    low, high = Peer(world, "low").connect(), Peer(world, "high").connect()
    queue, _ = low.open(URI, read=QueueOptions(consumer_priority=1), write=True)
    high.open(URI, read=QueueOptions(consumer_priority=2))
    low.post(queue, b"x")
    assert (low.payloads(), high.payloads()) == ([], [b"x"])
    high.lose()
    messages = low.messages()
    assert [(m.payload, m.is_redelivered) for m in messages] == [(b"x", True)]


# Requests that fail.


def test_an_open_that_is_refused(peer: Peer):
    queue, opened = peer.open("bmq://nowhere/q", write=True)
    category, text = outcome(opened)
    assert (category, queue.state) == (StatusCategory.E_UNKNOWN, QueueState.CLOSED)
    assert "doesn't exist" in text
    assert peer.session.queues == {}
    peer.world.domains["nowhere"] = MEM
    again, opened = peer.open("bmq://nowhere/q", write=True)
    assert (outcome(opened)[0], again.queue_id) == (OK, queue.queue_id)


def test_an_open_whose_configure_is_refused_is_closed_again(peer: Peer):
    options = refused_options()
    queue, opened = peer.open(URI, read=options)
    assert "invalid priority" in outcome(opened)[1]
    assert queue.state is QueueState.CLOSED
    peer.lose()
    limited = World([domain("test.mem", maxConsumers=1)])
    other = Peer(limited).connect()
    other.open(URI, read=options)
    assert outcome(other.open(URI, read=True)[1])[0] is OK


def test_a_malformed_uri_is_not_even_sent(peer: Peer):
    with pytest.raises(UriError):
        peer.session.open_queue(peer.world.now, "bmq://x", None, is_writer=True)
    assert peer.session.data_to_send() == []


def test_requests_without_a_connection_fail_at_once():
    peer = Peer(World())
    _, opened = peer.open(URI, write=True)
    assert outcome(opened)[0] is StatusCategory.E_NOT_CONNECTED


def test_a_request_times_out_and_a_late_answer_means_nothing():
    world = World()
    peer = Peer(world, request_timeout=5_000_000_000).connect()
    world.loads_domains = False
    queue, opened = peer.open(URI, write=True)
    world.advance(4.9)
    assert not opened.is_done
    world.advance(0.1)
    assert outcome(opened)[0] is StatusCategory.E_TIMEOUT
    assert queue.state is QueueState.CLOSED
    peer.take()
    world.load_pending()
    world.settle()
    assert peer.take() == []


def test_requests_under_way_fail_with_the_connection():
    world = World()
    peer = Peer(world).connect()
    world.loads_domains = False
    queue, opened = peer.open(URI, write=True)
    peer.lose()
    assert outcome(opened)[0] is StatusCategory.E_NOT_CONNECTED
    assert queue.state is QueueState.CLOSED


def test_a_broker_that_refuses_us_is_an_error():
    peer = Peer(World())
    peer.session.connected(peer.world.now)
    with pytest.raises(PeerError, match="the broker refuses us: E_"):
        peer.session.received(peer.world.now, read("b2c_negotiation_brokerResponse_refused"))


def test_the_least_answer_of_a_broker_is_accepted():
    peer = Peer(World())
    peer.session.connected(peer.world.now)
    peer.session.received(peer.world.now, read("b2c_negotiation_brokerResponse_minimal"))
    assert peer.session.phase is ClientPhase.READY


@pytest.mark.parametrize("data", [bytes(8), read("b2c_closeQueueResponse")])
def test_something_else_than_an_answer_is_an_error(data: bytes):
    peer = Peer(World())
    peer.session.connected(peer.world.now)
    with pytest.raises(PeerError):
        peer.session.received(peer.world.now, data)


def test_events_that_a_client_does_not_expect_are_passed_over(peer: Peer):
    stray = [
        read("real_bb_reject"),
        read("b2c_push_oldopt_one"),  # of a queue that is not open
        read("b2c_ack_success_one"),  # of a message that was not posted
        read("b2c_status_refused"),  # of a request that was not made
    ]
    peer.take()
    peer.session.received(peer.world.now, b"".join(stray))
    assert peer.session.take_events() == []


def test_a_refused_post_is_reported():
    world = World([domain("test.mem", limits=(0, 1_000))])
    peer = Peer(world).connect()
    queue, _ = peer.open(URI, write=True)
    guids = peer.post(queue, b"1", b"2")
    statuses = [AckStatus.SUCCESS, AckStatus.LIMIT_MESSAGES]
    assert peer.acks() == list(zip(guids, statuses, strict=True))


@pytest.mark.parametrize("payload", [b"", bytearray()])
def test_an_empty_payload_cannot_be_posted(peer: Peer, payload: bytes):
    queue, _ = peer.open(URI, write=True)
    with pytest.raises(ValueError, match="1 to"):
        peer.post(queue, b"good", payload)
    assert peer.session.unacknowledged == 0


def test_too_much_cannot_wait_for_acknowledgement(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("reference_broker.session.client_posts.RETAINED_BYTES_MAX", 100)
    world = World([FILE])
    peer = Peer(world).connect()
    queue, _ = peer.open("bmq://test.file/q", write=True)
    peer.lose()
    peer.post(queue, bytes(60))
    with pytest.raises(BufferError, match="60 bytes wait"):
        peer.post(queue, bytes(50))
    peer.connect()
    assert peer.session.unacknowledged == 0
    peer.post(queue, bytes(100))


# Time.


def test_an_identity_that_is_not_answered_ends_the_connection():
    world = World()
    peer = Peer(world)
    peer.wire = world.connect()
    peer.session.connected(world.now)
    peer.session.data_to_send()  # lost on the way
    world.advance(59)
    assert peer.errors == []
    world.advance(1)
    assert peer.errors == ["no answer to our identity within 60 s"]


def test_the_client_asks_a_silent_broker_and_gives_it_up():
    world = World(facts=BrokerFacts(heartbeat_interval_ms=1_000, heartbeat_misses_max=3))
    peer = Peer(world).connect()
    world.advance(31)
    assert peer.errors == []  # both answer each other's heartbeats
    assert peer.wire is not None
    world.wires.pop(peer.wire.number)  # the broker's bytes come no more
    world.peers.remove(peer)
    asked = []
    for second in (1, 2, 3):
        peer.session.tick(Instant(world.now + seconds(second)))
        asked.append(b"".join(peer.session.data_to_send()))
    assert asked == [b"", HEARTBEAT_REQUEST, HEARTBEAT_REQUEST]
    with pytest.raises(PeerError, match="answers none of 3 heartbeats"):
        peer.session.tick(Instant(world.now + seconds(4)))


def test_heartbeats_keep_an_idle_session_alive_for_an_hour():
    world = World(facts=BrokerFacts(heartbeat_interval_ms=30_000, heartbeat_misses_max=2))
    peer = Peer(world).connect()
    queue, _ = peer.open(URI, read=True, write=True)
    world.advance(3_600)
    assert peer.errors == []
    peer.post(queue, b"still here")
    assert peer.payloads() == [b"still here"]


def test_a_session_that_waits_for_nothing_has_no_deadline():
    peer = Peer(World(facts=BrokerFacts(heartbeat_misses_max=0))).connect()
    assert peer.session.next_deadline() is None


def test_deadlines_are_those_of_requests():
    world = World()
    peer = Peer(world, request_timeout=7).connect()
    world.loads_domains = False
    peer.session.open_queue(world.now, URI, None, is_writer=True)
    assert peer.session.next_deadline() == world.now + 7


def test_done_requests_are_told_in_order(peer: Peer):
    now = peer.world.now
    _, first = peer.session.open_queue(now, "bmq://test.mem/1", None, is_writer=True)
    _, second = peer.session.open_queue(now, "bmq://test.mem/2", None, is_writer=True)
    peer.world.settle()
    done = [event.request for event in peer.take() if isinstance(event, RequestDone)]
    assert done == [first, second]
