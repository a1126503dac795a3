"""Opens that are given up, and answers that answer nothing."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from reference_broker.base import PeerError, seconds
from reference_broker.core.tests.pair import Peer, World, control_event, decode_control
from reference_broker.session import (
    ClientPhase,
    ClientQueue,
    QueueOptions,
    QueueState,
    ReopenFailed,
    Request,
)
from reference_broker.session.tests.refused import refused_options
from reference_broker.wire import EventReader
from reference_broker.wire.control import (
    BrokerResponse,
    ClientIdentity,
    CloseQueue,
    CloseQueueResponse,
    ConfigureQueueStreamResponse,
    ConfigureStreamResponse,
    ControlMessage,
    DisconnectResponse,
    NegotiationMessage,
    OpenQueue,
    OpenQueueResponse,
    Status,
    StatusCategory,
)

URI = "bmq://test.mem/q"
OK = StatusCategory.E_SUCCESS
REFUSED = Status(StatusCategory.E_REFUSED, -1, "no")
TIMEOUT_NS = seconds(5)


class Scripted:
    """A session whose broker says what the test says."""

    def __init__(self) -> None:
        self.world = World()
        self.session = Peer(self.world, request_timeout=TIMEOUT_NS).session
        self._reader = EventReader(2**20)
        self.connect()

    def connect(self) -> None:
        self.session.connected(self.world.now)
        self.session.data_to_send()
        features = ClientIdentity(features="SUBSCRIPTIONS:CONFIGURE_STREAM")
        answer = BrokerResponse(result=Status(OK, 0, ""), broker_identity=features)
        event = control_event(NegotiationMessage(choice=answer))
        self.session.received(self.world.now, event)

    def sent(self) -> list[tuple[int | None, Any]]:
        """Return (rId, choice) of the requests made since the last call."""
        data = b"".join(self.session.data_to_send())
        messages = [decode_control(event) for event in self._reader.feed(data)]
        return [(message.r_id, message.choice) for message in messages]

    def kinds(self) -> list[tuple[int | None, type]]:
        return [(r_id, type(choice)) for r_id, choice in self.sent()]

    def answer(self, r_id: int, choice: Any) -> None:
        event = control_event(ControlMessage(r_id=r_id, choice=choice))
        self.session.received(self.world.now, event)

    def open(self, uri: str = URI, *, read: bool = True) -> tuple[ClientQueue, Request]:
        options = QueueOptions() if read else None
        return self.session.open_queue(self.world.now, uri, options, is_writer=not read)

    def give_up(self, queue: ClientQueue) -> None:
        self.session.give_up(self.world.now, queue)

    def wait(self, count: float) -> None:
        self.world.now = type(self.world.now)(self.world.now + seconds(count))
        self.session.tick(self.world.now)


def outcome(request: Request) -> StatusCategory:
    assert request.is_done
    return request.status.category


# Against the broker.


@pytest.mark.parametrize("how", ["given up", "timed out"])
def test_what_the_broker_opens_too_late_is_closed(how: str):
    world = World()
    peer = Peer(world, request_timeout=TIMEOUT_NS).connect()
    other = Peer(world, "bob").connect()
    world.loads_domains = False
    queue, opened = peer.session.open_queue(world.now, URI, QueueOptions(), is_writer=False)
    world.settle()
    if how == "given up":
        peer.session.give_up(world.now, queue)
        assert outcome(opened) is StatusCategory.E_CANCELED
    else:
        world.advance(5)
        assert outcome(opened) is StatusCategory.E_TIMEOUT
    assert queue.state is QueueState.CLOSED
    world.settle()
    peer.take()
    world.loads_domains = True
    world.load_pending()
    world.settle()
    assert peer.take() == []
    mine, _ = other.open(URI, read=True, write=True)
    other.post(mine, b"1", b"2", b"3")
    assert other.payloads() == [b"1", b"2", b"3"]
    again, reopened = peer.open(URI, read=True)
    assert (outcome(reopened), again.queue_id) == (OK, queue.queue_id)


def test_an_open_after_one_that_was_given_up_waits_for_it():
    world = World()
    peer = Peer(world).connect()
    world.loads_domains = False
    first, _ = peer.open(URI, read=True)
    peer.session.give_up(world.now, first)
    second, opened = peer.open(URI, read=True, write=True)
    assert not opened.is_done
    with pytest.raises(ValueError, match="open already"):
        peer.session.open_queue(world.now, URI, None, is_writer=True)
    world.loads_domains = True
    world.load_pending()
    world.settle()
    assert (outcome(opened), second.state) == (OK, QueueState.OPEN)
    peer.post(second, b"x")
    assert [(m.queue, m.payload) for m in peer.messages()] == [(second, b"x")]
    closed = peer.session.close_queue(world.now, second)
    world.settle()
    assert outcome(closed) is OK


def test_a_queue_that_is_open_is_closed_when_it_is_given_up():
    world = World()
    peer, other = Peer(world).connect(), Peer(world, "bob").connect()
    queue, _ = peer.open(URI, read=True)
    mine, _ = other.open(URI, write=True)
    other.post(mine, b"x")
    peer.session.give_up(world.now, queue)
    world.settle()
    assert peer.session.queues == {}
    other_reads, _ = other.open("bmq://test.mem/q2", read=True)
    assert other_reads.state is QueueState.OPEN
    reader = Peer(world, "carol").connect()
    reader.open(URI, read=True)
    assert reader.payloads() == [b"x"]


def test_a_queue_that_is_given_up_without_a_connection_is_not_opened_again():
    world = World()
    peer = Peer(world).connect()
    queue, _ = peer.open(URI, read=True)
    peer.lose()
    peer.session.give_up(world.now, queue)
    assert peer.session.data_to_send() == []
    peer.connect()
    assert peer.session.queues == {}
    assert outcome(peer.open(URI, read=True)[1]) is OK


def test_a_reopen_that_is_answered_too_late_is_closed():
    world = World()
    peer = Peer(world, request_timeout=TIMEOUT_NS).connect()
    queue, _ = peer.open(URI, read=True)
    peer.lose()
    peer.world = second = World()
    second.loads_domains = False
    second.peers.append(peer)
    peer.connect()
    second.advance(5)
    assert [e.queue for e in peer.take() if isinstance(e, ReopenFailed)] == [queue]
    assert peer.session.phase is ClientPhase.READY
    second.loads_domains = True
    second.load_pending()
    second.settle()
    other = Peer(second, "bob").connect()
    mine, _ = other.open(URI, read=True, write=True)
    other.post(mine, b"1", b"2")
    assert other.payloads() == [b"1", b"2"]


# What is sent when.


def test_an_open_that_is_refused_late_frees_the_queue_for_the_next():
    script = Scripted()
    first, _ = script.open()
    script.give_up(first)
    _, opened = script.open()
    assert script.kinds() == [(1, OpenQueue)]
    script.answer(1, REFUSED)
    assert script.kinds() == [(2, OpenQueue)]
    script.answer(2, REFUSED)
    assert outcome(opened) is StatusCategory.E_REFUSED


@pytest.mark.parametrize("answer", [CloseQueueResponse(), REFUSED, None])
def test_the_next_open_goes_out_when_the_close_is_over(answer: object):
    script = Scripted()
    first, _ = script.open()
    script.give_up(first)
    script.wait(1)
    second, opened = script.open()
    script.wait(1)
    script.answer(1, OpenQueueResponse())
    (_, (r_id, close)) = script.sent()
    assert isinstance(close, CloseQueue)
    assert (r_id, close.is_final) == (3, True)
    if answer is None:
        script.wait(4.5)  # the open times out, and then so does the close
        assert outcome(opened) is StatusCategory.E_TIMEOUT
        assert "earlier open of the queue" in opened.status.message
        second, opened = script.open()
        assert script.kinds() == []
        script.wait(1)
        assert script.kinds() == [(4, OpenQueue)]
    else:
        script.answer(3, answer)
        assert script.kinds() == [(2, OpenQueue)]
    assert (second.state, opened.is_done) == (QueueState.OPENING, False)


def test_an_open_that_waits_and_is_given_up_is_never_made():
    script = Scripted()
    first, _ = script.open()
    script.give_up(first)
    second, _ = script.open()
    script.give_up(second)
    assert script.kinds() == [(1, OpenQueue)]
    script.answer(1, OpenQueueResponse())
    assert script.kinds() == [(3, CloseQueue)]
    script.answer(3, CloseQueueResponse())
    assert script.kinds() == []
    script.open()
    assert script.kinds() == [(4, OpenQueue)]


@pytest.mark.parametrize("how", ["given up", "timed out", "refused"])
def test_an_open_that_ends_in_its_configure_step_is_closed_at_once(how: str):
    script = Scripted()
    queue, opened = script.open()
    script.answer(1, OpenQueueResponse())
    assert [r_id for r_id, _ in script.sent()] == [1, 2]
    if how == "given up":
        script.give_up(queue)
    elif how == "timed out":
        script.wait(5)
    else:
        script.answer(2, REFUSED)
    assert opened.is_done
    assert script.kinds() == [(3, CloseQueue)]


def test_a_broken_connection_ends_all_waiting():
    script = Scripted()
    first, _ = script.open()
    script.give_up(first)
    second, waiting = script.open()
    script.session.disconnected(script.world.now, "cut")
    assert (outcome(waiting), second.state) == (StatusCategory.E_NOT_CONNECTED, QueueState.CLOSED)
    script.connect()
    script.sent()
    script.open()
    assert script.kinds() == [(3, OpenQueue)]
    script.answer(1, OpenQueueResponse())  # means nothing on this connection
    assert script.kinds() == []


def test_an_unwanted_app_keeps_its_sub_id_and_others_take_another():
    script = Scripted()
    foo, _ = script.open(f"{URI}?id=foo")
    script.give_up(foo)
    bar, _ = script.open(f"{URI}?id=bar")
    again, _ = script.open(f"{URI}?id=foo")
    assert (foo.ids, bar.ids, again.ids) == ((0, 1), (0, 2), (0, 1))
    script.answer(1, OpenQueueResponse())
    *_, (_, close) = script.sent()
    assert (close.handle_parameters.sub_id_info.sub_id, close.is_final) == (1, False)


# Answers that answer nothing.

ANSWERS: list[Any] = [
    OpenQueueResponse(),
    CloseQueueResponse(),
    ConfigureStreamResponse(),
    ConfigureQueueStreamResponse(),
    DisconnectResponse(),
    Status(OK, 0, ""),
    OpenQueue(),
]
REQUESTS = {
    "open": OpenQueueResponse,
    "configure": ConfigureStreamResponse,
    "close": CloseQueueResponse,
    "disconnect": DisconnectResponse,
    "configure step": ConfigureStreamResponse,
    "late open": OpenQueueResponse,
}


@pytest.mark.parametrize(("asked", "answer"), list(itertools.product(REQUESTS, ANSWERS)))
def test_only_its_own_response_answers_a_request(asked: str, answer: Any):
    script = Scripted()
    session, now = script.session, script.world.now
    queue, request = script.open(read=asked == "configure step")
    r_id = 1
    if asked == "configure step":
        script.answer(1, OpenQueueResponse())
        r_id = 2
    elif asked == "late open":
        script.give_up(queue)
    elif asked != "open":
        script.answer(1, OpenQueueResponse())
        r_id = 2
        request = {
            "configure": lambda: session.configure_queue(now, queue, QueueOptions()),
            "close": lambda: session.close_queue(now, queue),
            "disconnect": lambda: session.disconnect(now),
        }[asked]()
    is_right = isinstance(answer, REQUESTS[asked]) or (
        asked == "configure step" and isinstance(answer, ConfigureQueueStreamResponse)
    )
    if is_right:
        script.answer(r_id, answer)
        assert outcome(request) is (StatusCategory.E_CANCELED if asked == "late open" else OK)
        return
    with pytest.raises(PeerError, match="does not answer"):
        script.answer(r_id, answer)
    phases = [session.phase]
    session.disconnected(now, "what the shell does then")
    phases.append(session.phase)
    assert phases == [ClientPhase.READY, ClientPhase.LOST]
    assert request.is_done
    script.connect()
    assert session.phase in {ClientPhase.READY, ClientPhase.RESTORING}


def test_the_answer_to_an_open_that_was_not_sent_yet_is_an_error():
    script = Scripted()
    first, _ = script.open()
    script.give_up(first)
    script.open()
    with pytest.raises(PeerError, match="not sent yet"):
        script.answer(2, OpenQueueResponse())


# How a queue is read, after a reconnection.


def test_a_reader_that_was_stopped_stays_so():
    world = World()
    peer = Peer(world).connect()
    queue, _ = peer.open(URI, read=QueueOptions(max_unconfirmed_messages=7), write=True)
    peer.session.configure_queue(world.now, queue, None)
    world.settle()
    assert queue.is_paused
    for _ in range(2):
        peer.lose()
        peer.connect()
        assert (peer.session.phase, queue.state) == (ClientPhase.READY, QueueState.OPEN)
        peer.post(queue, b"x")
        assert peer.payloads() == []
    started = peer.session.configure_queue(world.now, queue, queue.options)
    world.settle()
    assert (outcome(started), queue.options.max_unconfirmed_messages) == (OK, 7)
    assert peer.payloads() == [b"x", b"x"]
    peer.lose()
    peer.connect()
    assert peer.payloads() == [b"x", b"x"]


@pytest.mark.parametrize("how", ["refused", "lost"])
def test_a_configure_that_fails_changes_nothing_for_the_next_connection(how: str):
    world = World()
    peer = Peer(world).connect()
    queue, _ = peer.open(URI, read=QueueOptions(max_unconfirmed_messages=7), write=True)
    if how == "refused":
        bad = refused_options()
        peer.session.configure_queue(world.now, queue, bad)
        world.settle()
    else:
        peer.session.configure_queue(world.now, queue, None)
    peer.lose()
    peer.connect()
    assert (queue.options.max_unconfirmed_messages, queue.is_paused) == (7, False)
    peer.post(queue, b"x")
    assert peer.payloads() == [b"x"]


def test_a_reopen_that_the_broker_refuses_as_not_connected_is_reported():
    script = Scripted()
    queue, _ = script.open(read=False)
    script.answer(1, OpenQueueResponse())
    script.session.disconnected(script.world.now, "cut")
    script.connect()
    script.session.take_events()
    script.answer(2, Status(StatusCategory.E_NOT_CONNECTED, 0, "no upstream"))
    failed = [e for e in script.session.take_events() if isinstance(e, ReopenFailed)]
    assert [event.queue for event in failed] == [queue]
    assert script.session.phase is ClientPhase.READY
