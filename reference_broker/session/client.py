"""The client as a machine: calls and bytes in, bytes and events out.

::

    LOST ──connected──> NEGOTIATING ──brokerResponse──> RESTORING ──all reopened──> READY
      ^                      │                              │                        │
      └────── disconnected ──┴──────────────────────────────┴────────────────────────┤
                                                                 disconnect ──> PARTING ──> GONE

The rules of this file:

- it owns no socket and no clock: a shell passes bytes and times in, sends what `data_to_send`
  returns, and looks at `take_events` after every call;
- a PUT that wants an acknowledgement is kept until it comes; after a reconnection all that are
  kept are sent again in their order, with their GUIDs, once every queue is open again;
- requests that were under way when the connection broke fail; opens of queues that were open are
  repeated on their own account, with the same qId and subId and a new sId;
- PUTs and CONFIRMs made while there is no session wait for the next one;
- an open that nobody waits for any longer leaves nothing open at the broker.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, auto
from typing import Final

from reference_broker.base import (
    Instant,
    PeerError,
    QueueUri,
    milliseconds,
    seconds,
)
from reference_broker.base.limits import EVENT_BYTES_MAX
from reference_broker.session.client_answers import check_answer, check_open_answer
from reference_broker.session.client_events import (
    AcksReceived,
    ClientEvent,
    MessagesReceived,
    ReopenFailed,
    Request,
    RequestDone,
    SessionLost,
    SessionRestored,
)
from reference_broker.session.client_facts import ClientFacts
from reference_broker.session.client_posts import PostOffice, put_events
from reference_broker.session.client_queue import ClientQueue, Message, QueueOptions, QueueState
from reference_broker.session.client_unwanted import UnwantedQueues
from reference_broker.session.heartbeat import Heartbeat, HeartbeatMonitor
from reference_broker.wire import (
    HEARTBEAT_REQUEST,
    HEARTBEAT_RESPONSE,
    Compression,
    Event,
    EventReader,
    EventType,
    Features,
    confirm_event,
    confirm_guids,
)
from reference_broker.wire.control import (
    BrokerResponse,
    CloseQueue,
    ConfigureQueueStream,
    ConfigureStream,
    ConfigureStreamResponse,
    ControlChoice,
    ControlMessage,
    Disconnect,
    DisconnectResponse,
    Encoding,
    NegotiationMessage,
    OpenQueue,
    OpenQueueResponse,
    Status,
    StatusCategory,
    decode_message,
)
from reference_broker.wire.control_event import control_event
from reference_broker.wire.options import decode_options
from reference_broker.wire.properties import (
    PropertiesLike,
)
from reference_broker.wire.push import iter_pushes

_HANDSHAKE_SECONDS_MAX: Final = 60
_ROUTING_AT_MOST_ONCE: Final = 1


class ClientPhase(Enum):
    """Where the session stands; see the module's diagram."""

    LOST = auto()
    NEGOTIATING = auto()
    RESTORING = auto()
    READY = auto()
    PARTING = auto()
    GONE = auto()


class ClientSession:
    """One client's session with a broker, over as many connections as it takes.

    Args:
        facts: what to say of ourselves.
        encoding: of the control messages that we send.
    """

    def __init__(self, facts: ClientFacts, encoding: Encoding = Encoding.BER) -> None:
        self.facts = facts
        self.encoding = encoding
        self.phase = ClientPhase.LOST
        #: The broker's answer to our identity; None before.
        self.broker: BrokerResponse | None = None
        self.queues: dict[tuple[int, int], ClientQueue] = {}
        self._features = Features.parse("")
        self._posts = PostOffice(facts.client_id)
        self._reader = EventReader(EVENT_BYTES_MAX)
        self._out: list[bytes] = []
        self._events: list[ClientEvent] = []
        self._requests: dict[int, Request] = {}
        self._unwanted = UnwantedQueues()
        self._next_r_id = 1
        self._next_s_id = 1
        self._queue_ids: dict[str, int] = {}
        self._waiting_confirms: list[tuple[int, bytes, int]] = []
        self._heartbeat: HeartbeatMonitor | None = None
        self._handshake_by: Instant | None = None
        self._now = Instant(0)

    # The connection.

    def connected(self, now: Instant) -> None:
        """Start a session on a new connection."""
        assert self.phase is ClientPhase.LOST, self.phase
        self._now = now
        self.phase = ClientPhase.NEGOTIATING
        self._reader = EventReader(EVENT_BYTES_MAX)
        self._handshake_by = Instant(now + seconds(_HANDSHAKE_SECONDS_MAX))
        self._send_control(NegotiationMessage(choice=self.facts.identity()))

    def received(self, now: Instant, data: bytes) -> None:
        """Take bytes from the broker.

        Raises:
            PeerError: the broker breaks the protocol, or refuses us; close the connection.
        """
        self._now = now
        if self._heartbeat is not None:
            self._heartbeat.heard()
        for event in self._reader.feed(data):
            self._event(event)

    def disconnected(self, now: Instant, reason: str) -> None:
        """Note that the connection is gone."""
        if self.phase in {ClientPhase.LOST, ClientPhase.GONE}:
            return
        self._now = now
        self._out.clear()
        self._heartbeat = None
        self._handshake_by = None
        was_parting = self.phase is ClientPhase.PARTING
        self.phase = ClientPhase.GONE if was_parting else ClientPhase.LOST
        self._unwanted.clear()
        for request in list(self._requests.values()):
            self._end(request, Status(StatusCategory.E_NOT_CONNECTED, 0, reason))
        self._requests.clear()
        if was_parting and (acks := self._posts.give_up()):
            self._events.append(AcksReceived(acks))
        self._events.append(SessionLost(reason))

    def abandon(self, now: Instant, reason: str) -> None:
        """End the session for good: nothing will be sent again, what waits is given up."""
        self.disconnected(now, reason)
        self.phase = ClientPhase.GONE
        if acks := self._posts.give_up():
            self._events.append(AcksReceived(acks))

    def data_to_send(self) -> list[bytes]:
        """Return the bytes to send now, and forget them."""
        out, self._out = self._out, []
        return out

    def take_events(self) -> list[ClientEvent]:
        """Return what happened since the last call."""
        events, self._events = self._events, []
        return events

    # Time.

    def next_deadline(self) -> Instant | None:
        """Return when to call `tick` at the latest; None for never."""
        deadlines = [request.deadline for request in self._requests.values()]
        if self._handshake_by is not None:
            deadlines.append(self._handshake_by)
        if self._heartbeat is not None and self._heartbeat.next_look is not None:
            deadlines.append(self._heartbeat.next_look)
        return min(deadlines, default=None)

    def tick(self, now: Instant) -> None:
        """Let time pass.

        Raises:
            PeerError: the broker is silent for too long; close the connection.
        """
        self._now = now
        if self._handshake_by is not None and now >= self._handshake_by:
            raise PeerError(f"no answer to our identity within {_HANDSHAKE_SECONDS_MAX} s")
        for r_id, request in list(self._requests.items()):
            if now >= request.deadline:
                is_held = self._unwanted.is_waiting(r_id)
                text = "no answer in time" + " to an earlier open of the queue" * is_held
                self._let_go(r_id, Status(StatusCategory.E_TIMEOUT, 0, text))
        self._maybe_ready()
        if self._heartbeat is not None:
            match self._heartbeat.look(now):
                case Heartbeat.ASK:
                    self._out.append(HEARTBEAT_REQUEST)
                case Heartbeat.LOST:
                    misses = self._heartbeat.misses_max
                    raise PeerError(f"the broker answers none of {misses} heartbeats")
                case Heartbeat.QUIET:
                    pass

    # Requests.

    def open_queue(
        self, now: Instant, uri: str, options: QueueOptions | None, *, is_writer: bool
    ) -> tuple[ClientQueue, Request]:
        """Open a queue; for reading if there are options.

        The request is done when the queue is ready: opened and, for a reader, configured. If an
        earlier open of the queue was given up, it waits until the broker is done with that one.

        Raises:
            UriError: the URI is malformed.
            ValueError: the queue is open already.
        """
        self._now = now
        parsed = QueueUri.parse(uri)
        queue_id = self._queue_ids.setdefault(parsed.canonical, len(self._queue_ids))
        ids = queue_id, self._new_sub_id(queue_id, parsed.app_id)
        if ids in self.queues:
            raise ValueError(f"{parsed.canonical} is open already in this session; close it first")
        queue = self.queues[ids] = ClientQueue(parsed, ids, options, is_writer=is_writer)
        return queue, self._request(OpenQueue(handle_parameters=queue.handle_parameters()), queue)

    def _new_sub_id(self, queue_id: int, app_id: str) -> int:
        if not app_id:
            return 0
        known = self._unwanted.sub_id_of(queue_id, app_id)
        if known is not None:
            return known
        taken = {sub_id for known_id, sub_id in self.queues if known_id == queue_id}
        taken |= self._unwanted.sub_ids(queue_id)
        return next(number for number in range(1, len(taken) + 2) if number not in taken)

    def give_up(self, now: Instant, queue: ClientQueue) -> None:
        """Let go of a queue whose open nobody waits for any longer, wherever that stands.

        The open, if it is under way, ends with E_CANCELED. What the broker has opened, or opens
        yet, is closed.
        """
        self._now = now
        for r_id, request in self._requests.items():
            if request.queue is queue and isinstance(request.choice, OpenQueue):
                self._let_go(r_id, Status(StatusCategory.E_CANCELED, 0, "given up"))
                self._maybe_ready()
                return
        if queue.state is QueueState.OPEN:
            self._forget(queue)
            if self.phase in {ClientPhase.RESTORING, ClientPhase.READY}:
                self._close_unwanted(queue)

    def configure_queue(
        self, now: Instant, queue: ClientQueue, options: QueueOptions | None
    ) -> Request:
        """Change how a queue is read; without options nothing more is delivered.

        Once the broker has agreed, this holds after a reconnection, too.
        """
        self._now = now
        return self._configure(queue, options, is_restoring=False)

    def close_queue(self, now: Instant, queue: ClientQueue) -> Request:
        """Close a queue: stop the deliveries first, then give it back."""
        self._now = now
        queue.state = QueueState.CLOSING
        if queue.is_reader:
            self._configure(queue, None, is_restoring=False)
        return self._request(self._close_choice(queue), queue)

    def _close_choice(self, queue: ClientQueue) -> CloseQueue:
        unwanted = self._unwanted
        others = unwanted.sub_ids(queue.queue_id) | {
            other.sub_id
            for other in self.queues.values()
            if other.queue_id == queue.queue_id and not unwanted.waits_for(other)
        }
        is_final = not others - {queue.sub_id}
        return CloseQueue(handle_parameters=queue.handle_parameters(), is_final=is_final)

    def disconnect(self, now: Instant) -> Request:
        """Say goodbye; the request is done when the broker has said so too."""
        self._now = now
        return self._request(Disconnect(), None)

    def _configure(
        self, queue: ClientQueue, options: QueueOptions | None, *, is_restoring: bool
    ) -> Request:
        if self._features.configure_stream:
            if options is not None:
                queue.subscription_ids.append(self._next_s_id)
                self._next_s_id += 1
            stream = queue.configure_stream(options, self._next_s_id - 1)
            return self._request(stream, queue, options, is_restoring=is_restoring)
        choice = queue.configure_queue_stream(options)
        return self._request(choice, queue, options, is_restoring=is_restoring)

    def _request(
        self,
        choice: ControlChoice,
        queue: ClientQueue | None,
        options: QueueOptions | None = None,
        *,
        is_restoring: bool = False,
    ) -> Request:
        deadline = Instant(self._now + self.facts.request_timeout)
        request = Request(choice, queue, deadline, options, is_restoring)
        if self.phase is not ClientPhase.READY and not is_restoring:
            self._end(request, Status(StatusCategory.E_NOT_CONNECTED, 0, "not connected"))
            return request
        r_id = self._next_r_id
        self._next_r_id += 1
        self._requests[r_id] = request
        if (
            isinstance(choice, OpenQueue)
            and queue is not None
            and self._unwanted.must_wait(queue.ids)
        ):
            self._unwanted.hold(queue.ids, r_id)
        else:
            self._send_control(ControlMessage(r_id=r_id, choice=choice))
        return request

    def _let_go(self, r_id: int, status: Status) -> None:
        """Settle a request without its answer; an open shall leave nothing open at the broker."""
        request = self._requests.pop(r_id)
        self._end(request, status)
        queue = request.queue
        if queue is None or not isinstance(request.choice, OpenQueue):
            return
        if request.is_opened:
            self._close_unwanted(queue)
        elif not self._unwanted.stop_waiting(r_id):
            self._unwanted.add(queue, r_id)

    def _close_unwanted(self, queue: ClientQueue) -> None:
        """Close a queue that the broker has open and that nobody has."""
        self._unwanted.add(queue)
        self._request(self._close_choice(queue), queue, is_restoring=True)

    def _unwanted_is_gone(self, queue: ClientQueue) -> None:
        """Note that the broker has an unwanted queue no longer, and go on with who waited."""
        r_id = self._unwanted.remove(queue)
        if r_id is not None:
            choice = self._requests[r_id].choice
            self._send_control(ControlMessage(r_id=r_id, choice=choice))

    def _end(self, request: Request, status: Status) -> None:
        """Settle a request."""
        request.is_done = True
        request.status = status
        queue, choice = request.queue, request.choice
        is_failure = status.category is not StatusCategory.E_SUCCESS
        if queue is not None and isinstance(choice, CloseQueue) and queue in self._unwanted:
            self._unwanted_is_gone(queue)
            return
        if request.is_restoring:
            # A connection that breaks again changes nothing: the next one starts anew.
            is_connected = self.phase is ClientPhase.RESTORING or self.phase is ClientPhase.READY
            if queue is not None and is_failure and is_connected:
                self._forget(queue)
                self._events.append(ReopenFailed(queue, status))
            return
        is_gone = isinstance(choice, CloseQueue) or (isinstance(choice, OpenQueue) and is_failure)
        if queue is not None and is_gone:
            self._forget(queue)
        self._events.append(RequestDone(request))

    def _forget(self, queue: ClientQueue) -> None:
        queue.state = QueueState.CLOSED
        self.queues.pop(queue.ids, None)

    # Messages.

    def post(
        self,
        now: Instant,
        queue: ClientQueue,
        payloads: Iterable[bytes],
        *,
        properties: PropertiesLike | None = None,
        compression: Compression = Compression.NONE,
        wants_ack: bool = True,
    ) -> list[bytes]:
        """Post messages, all with the same properties, as one event.

        Returns:
            Their GUIDs, in order.

        Raises:
            ValueError, TypeError: a payload is empty, too large or no bytes, or properties break
                a limit.
            BufferError: more waits for acknowledgement than `RETAINED_BYTES_MAX`.
        """
        self._now = now
        puts, guids = self._posts.prepare(
            now, queue, payloads, properties, compression, self._features, wants_ack=wants_ack
        )
        if self.phase is ClientPhase.READY:
            self._out += put_events(puts)
        return guids

    def confirm(self, queue: ClientQueue, guids: list[bytes]) -> None:
        """Tell the broker that messages are done with."""
        if not guids or not queue.needs_confirms:
            return
        if self.phase is ClientPhase.READY:
            self._out.append(confirm_guids(guids, queue.queue_id, queue.sub_id))
        else:
            self._waiting_confirms += [(queue.queue_id, guid, queue.sub_id) for guid in guids]

    @property
    def unacknowledged(self) -> int:
        """How many posted messages wait for their acknowledgement."""
        return len(self._posts)

    # Events from the broker.

    def _event(self, event: Event) -> None:
        event_type = event.type
        if event_type == EventType.PUSH:
            self._pushes(event)
        elif event_type == EventType.ACK:
            self._acks(event)
        elif event_type == EventType.HEARTBEAT_REQ:
            self._out.append(HEARTBEAT_RESPONSE)
        elif event_type == EventType.CONTROL:
            if self.phase is ClientPhase.NEGOTIATING:
                self._negotiated(decode_message(NegotiationMessage, event.encoding, event.body))
            else:
                self._answered(decode_message(ControlMessage, event.encoding, event.body))

    def _negotiated(self, message: NegotiationMessage) -> None:
        response = message.choice
        if not isinstance(response, BrokerResponse):
            raise PeerError(f"a brokerResponse is expected, not {type(response).__name__}")
        result = response.result
        if result.category is not StatusCategory.E_SUCCESS:
            raise PeerError(f"the broker refuses us: {result.category.name} {result.message}")
        self.broker = response
        self._features = Features.parse(response.broker_identity.features)
        self._handshake_by = None
        interval = milliseconds(response.heartbeat_interval_ms)
        if interval > 0:
            misses_max = max(response.max_missed_heartbeats, 0)
            self._heartbeat = HeartbeatMonitor(self._now, interval, misses_max)
        self.phase = ClientPhase.RESTORING
        for queue in list(self.queues.values()):
            choice = OpenQueue(handle_parameters=queue.handle_parameters())
            self._request(choice, queue, is_restoring=True)
        self._maybe_ready()

    def _maybe_ready(self) -> None:
        """Become ready when no queue is being reopened, and send what has waited."""
        if self.phase is not ClientPhase.RESTORING or self._requests:
            return
        self.phase = ClientPhase.READY
        puts, late = self._posts.to_send_again(self._now)
        self._out += put_events(puts)
        confirms = [c for c in self._waiting_confirms if (c[0], c[2]) in self.queues]
        self._waiting_confirms.clear()
        if confirms:
            self._out.append(confirm_event(confirms))
        if late:
            self._events.append(AcksReceived(late))
        self._events.append(SessionRestored())

    def _answered(self, message: ControlMessage) -> None:
        r_id, choice = message.r_id, message.choice
        if r_id is None:
            return
        request = self._requests.get(r_id)
        if request is None:
            self._answered_late(r_id, choice)
            return
        if self._unwanted.is_waiting(r_id):
            raise PeerError(f"{type(choice).__name__} for request {r_id}, which was not sent yet")
        check_answer(request, choice)
        del self._requests[r_id]
        queue = request.queue
        if isinstance(choice, Status):
            self._end(request, choice)
            if request.is_opened and queue is not None:
                self._close_unwanted(queue)
        elif isinstance(choice, OpenQueueResponse) and queue is not None:
            self._opened(request, queue, choice)
        else:
            if isinstance(choice, DisconnectResponse):
                self.phase = ClientPhase.PARTING
            elif queue is not None:
                self._agreed(request, queue, choice)
            self._end(request, request.status)
        self._maybe_ready()

    def _answered_late(self, r_id: int, choice: ControlChoice | None) -> None:
        """Take the answer to a request that was let go; only opens are of interest then."""
        queue = self._unwanted.opened_late(r_id)
        if queue is None:
            return  # nothing that we asked, or nothing that leaves a trace
        check_open_answer(choice)
        if isinstance(choice, OpenQueueResponse):
            self._close_unwanted(queue)
        else:
            self._unwanted_is_gone(queue)

    def _agreed(self, request: Request, queue: ClientQueue, choice: ControlChoice | None) -> None:
        """Note what a queue's configure or close has changed."""
        if isinstance(choice, ConfigureStreamResponse):
            for subscription in choice.request.stream_parameters.subscriptions:
                queue.configured(subscription.s_id)
        if isinstance(request.choice, ConfigureStream | ConfigureQueueStream):
            queue.read_with(request.options)
        if queue.state is QueueState.OPENING:
            queue.state = QueueState.OPEN

    def _opened(self, request: Request, queue: ClientQueue, response: OpenQueueResponse) -> None:
        queue.deduplication_ms = response.deduplication_time_ms
        flags = response.routing_configuration.flags
        queue.needs_confirms = not flags & _ROUTING_AT_MOST_ONCE
        if not queue.is_reader or queue.is_paused:
            queue.state = QueueState.OPEN
            self._end(request, request.status)
            return
        # The open is done when the stream is configured: the answer to that settles both.
        configure = self._configure(queue, queue.options, is_restoring=True)
        r_id = next(reversed(self._requests))
        assert self._requests[r_id] is configure
        self._requests[r_id] = request
        request.is_opened = True

    def _acks(self, event: Event) -> None:
        acks = self._posts.acknowledge(event, self.queues.values())
        if acks:
            self._events.append(AcksReceived(acks))

    def _pushes(self, event: Event) -> None:
        buffer = event.buffer
        messages: list[Message] = []
        queue: ClientQueue | None = None
        known: tuple[int, bytes] | None = None
        for flags, coding, queue_id, guid, schema, options, start, end, _ in iter_pushes(
            buffer, event.start, event.end
        ):
            key = (queue_id, buffer[options:start])
            if key != known:  # neighbours mostly go to the same subscription
                known = key
                queue = self._receiver(queue_id, key[1])
            if queue is not None:
                messages.append(Message(queue, guid, flags, coding, schema, buffer[start:end]))
        if messages:
            self._events.append(MessagesReceived(messages))

    def _receiver(self, queue_id: int, options: bytes) -> ClientQueue | None:
        """Return the queue that a PUSH with these options is for; None if it is not ours."""
        ids = [info.id for info in decode_options(options, 0, len(options)).sub_queue_infos] or [0]
        is_new_style = self._features.configure_stream
        for queue in self.queues.values():
            if (
                queue.queue_id == queue_id
                and queue.is_reader
                and queue.receives(ids, is_new_style=is_new_style)
                and not self._unwanted.waits_for(queue)
            ):
                return queue
        return None

    # Sending.

    def _send_control(self, message: ControlMessage | NegotiationMessage) -> None:
        self._out.append(control_event(message, self.encoding))
