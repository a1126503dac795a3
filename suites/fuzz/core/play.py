"""One execution: a world, its clients, a bystander, and what must hold of them.

`Play` hears everything that the broker does and compares it with the models. After each instruction
the broker is let run until it has nothing more to do; then nobody may be owed anything.

What a client sends that is no word of `words` may mean anything. From then on the models know
nothing (`is_exact`), and what is left to check is: no exception, whole events, closed connections
that are heard of once, bounded work, and the bystander.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import ClassVar, Final

from reference_broker.base import Instant, WireError, milliseconds, seconds
from reference_broker.base.limits import EVENT_BYTES_MAX, HANDSHAKE_SECONDS_MAX
from reference_broker.ports import Input, Opened, Received
from reference_broker.wire import (
    FLAG_ACK_REQUESTED,
    HEARTBEAT_REQUEST,
    HEARTBEAT_RESPONSE,
    AckStatus,
    Event,
    EventReader,
    EventType,
    Put,
    confirm_event,
    iter_acks,
    put_event,
)
from reference_broker.wire.control import (
    AuthenticationMessage,
    AuthenticationResponse,
    BrokerResponse,
    ControlMessage,
    NegotiationMessage,
    Status,
    StatusCategory,
    decode_message,
)
from reference_broker.wire.push import iter_pushes
from suites.fuzz.core import words
from suites.fuzz.core.app_model import Message
from suites.fuzz.core.client import Client, Phase, Receipt
from suites.fuzz.core.feedback import observe_state
from suites.fuzz.core.program import CLIENTS
from suites.fuzz.core.queue_model import DomainModel, QueueModel
from suites.fuzz.core.world import (
    HEARTBEATS_MISSED_MAX,
    WALL_NS,
    EndedError,
    Held,
    Listener,
    Loss,
    World,
)

BYSTANDER: Final = 1
_FIRST_CLIENT: Final = 2
_HEARTBEAT_S: Final = 3
#: A silent client is given up after so many heartbeats; one look more or less does not matter.
_SILENCE: Final = seconds(_HEARTBEAT_S * (HEARTBEATS_MISSED_MAX - 2))
_DECODED_MAX: Final = 4_096
#: Counting what is stored looks at every queue: not after each instruction.
_CHECKS_PER_COUNT: Final = 4

_PAYLOAD: Final = b"the bystander's message"
_GUIDS: Final = tuple(
    bytes.fromhex("4000010000000000000000b15a00") + number.to_bytes(2, "big") for number in (1, 2)
)
_PUTS: Final = [put_event([Put(0, guid, _PAYLOAD, FLAG_ACK_REQUESTED)]) for guid in _GUIDS]
_BYSTANDER_START: Final = (
    words.identity(words.Who.CLIENT, "bystander")
    + words.request(1, words.open_queue(words.BYSTANDER_QUEUE.uri, 0, words.LANES[0]))
    + words.request(2, words.configure(0, 0, words.FLOWS[0]))
)


@lru_cache(maxsize=_DECODED_MAX)
def _decoded(message_type: type[object], encoding: int, body: bytes) -> object:
    """Return what a client is sent; raises `AssertionError` if it is something else."""
    try:
        return decode_message(message_type, encoding, body)
    except WireError as error:
        text = f"a client is sent what is no {message_type.__name__}: {error}: {body[:80].hex()}"
        raise AssertionError(text) from error


class Play(Listener):
    """One execution.

    Attributes:
        world: the broker and its surroundings.
        clients: by number.
        queues: models of the queues that were opened, by number.
        inputs: what the next step gets.
        is_joining: whether the next instructions share a step.
        is_exact: whether the models know what is going on.
        is_stopping: whether the broker was told to stop.
        order: of the next message.
        has_slow_reads: whether reads of files were ever held back, or failed.
        commands: of the operator, that are not answered yet.
        received_bytes: that clients have sent.
    """

    def __init__(self) -> None:
        self.world = World()
        self.clients = [Client(number) for number in range(CLIENTS)]
        self.queues: dict[int, QueueModel] = {}
        self.domains: dict[str, DomainModel] = {}
        self.inputs: list[Input] = []
        self.is_joining = False
        self.is_exact = True
        self.is_stopping = False
        self.has_slow_reads = False
        self.order = 1
        self.last_command = 0
        self.commands: set[int] = set()
        self.received_bytes = 0
        self._checks = 0
        self._by_connection: dict[int, Client] = {}
        self._last_connection = _FIRST_CLIENT - 1
        self._bystander: list[bytes] | None = None  # what it is sent; None: nothing must be
        self.world.start(self)
        self._greet_bystander()
        self._bystander_answer = self._ask_bystander(0)
        self._check_bystander_answer()
        self.world.run([Received(BYSTANDER, confirm_event([(0, _GUIDS[0], 0)]))], self)

    @property
    def now(self) -> Instant:
        """The time."""
        return self.world.now

    @property
    def wall_ns(self) -> int:
        """The time on the wall."""
        return WALL_NS + self.world.now

    # Clients.

    def connect(self, client: Client) -> None:
        """Let a client connect."""
        self._last_connection += 1
        self.clients[client.number] = client = Client(client.number, self._last_connection)
        client.phase = Phase.HANDSHAKE
        client.opened_at = client.spoke_at = self.now
        self._by_connection[client.connection] = client
        self.world.connect(client.connection)
        self.inputs.append(Opened(client.connection, "127.0.0.1:9"))

    def forget(self, client: Client) -> None:
        """Note that a client's connection is gone."""
        self._by_connection.pop(client.connection, None)
        self.clients[client.number] = Client(client.number)

    def queue(self, number: int) -> QueueModel:
        """Return the model of a queue, which is there from now on."""
        model = self.queues.get(number)
        if model is None:
            spec = words.QUEUES[number]
            domain = self.domains.setdefault(spec.domain, DomainModel(spec.domain_limit))
            is_slow = self.has_slow_reads and spec.is_logged
            model = self.queues[number] = QueueModel(spec, domain, is_slow=is_slow)
        return model

    def next_command(self) -> int:
        """Return the token of a new command of the operator."""
        self.last_command += 1
        self.commands.add(self.last_command)
        return self.last_command

    def lose_track(self) -> None:
        """Note that from now on anything may be meant."""
        self.is_exact = False

    # Running.

    def settle(self) -> bool:
        """Let the broker have what has gathered, and check what it makes of it.

        Returns:
            Whether there was anything.

        Raises:
            AssertionError: it does something wrong.
        """
        inputs, self.inputs = self.inputs, []
        if not inputs and not self.world.has_answers:
            return False
        try:
            self.world.run(inputs, self)
        except EndedError:
            self._ended()
        self.check()
        self.world.now = Instant(self.now + 1)
        return True

    def wait(self, milliseconds_: int, stops_max: int) -> None:
        """Let time pass."""
        try:
            self.world.wait(milliseconds(milliseconds_), stops_max, self)
        except EndedError:
            self._ended()
        for client in self.clients:
            if client.verdict_at is not None and self.now >= client.verdict_at:
                client.verdict_at = None
        self.check()

    def restart(self, loss: Loss, torn_bytes: int, *, is_uncertain: bool) -> None:
        """Start the broker again on its files.

        Args:
            loss: what becomes of what was not synced.
            torn_bytes: bytes of each file that survive all the same.
            is_uncertain: whether what was not promised may be gone.
        """
        for client in list(self.clients):
            self.forget(client)
        self.inputs = []
        self.commands = set()
        self.is_stopping = False
        for number, queue in list(self.queues.items()):
            self.queues[number] = queue.restart(is_power_lost=is_uncertain)
        self._is_bystander_there = False  # it comes back when it is asked
        self.world.restart(loss, torn_bytes, self)

    def _ended(self) -> None:
        self.restart(Loss.NOTHING, 0, is_uncertain=True)

    # What the broker does.

    def sent(self, connection: int, data: bytes) -> object:
        """Compare what a client is sent with what it is owed."""
        if connection == BYSTANDER:
            self._hear_bystander(data)
            return None
        client = self._by_connection[connection]
        token: list[Receipt | Message] = []
        reader = EventReader(EVENT_BYTES_MAX)
        for event in reader.feed(data):
            event_type = event.type
            client.heard = (client.heard[1], event_type)
            hear = self._HEAR.get(event_type)
            assert hear is not None, f"{client} is sent {event}"
            hear(self, client, event, token)
        assert not reader.buffered_bytes, f"{client} is sent a part of an event: {data[-40:].hex()}"
        return token

    def left(self, connection: int, token: object) -> None:
        """Note what a client has received, and what was promised to it."""
        client = self._by_connection.get(connection)
        if client is None:
            return
        assert isinstance(token, list)
        for item in token:
            if isinstance(item, Message):
                item.is_promised = True
            else:
                client.receipts.append(item)

    def closed(self, connection: int, reason: str) -> None:
        """Check that a connection is closed for a reason."""
        if connection == BYSTANDER:
            assert self.is_stopping, f"the bystander's connection was closed: {reason}"
            return
        client = self._by_connection[connection]
        if self.is_exact and client.phase is not Phase.DOOMED:
            assert self._may_close(client), f"{client}, {client.phase.name}, was closed: {reason}"
            client.let_go(self.now, is_lost=not self.is_stopping)
        self.forget(client)

    def _may_close(self, client: Client) -> bool:
        is_silent = self.now - client.spoke_at >= _SILENCE
        is_over = client.lives_until is not None and self.now >= client.lives_until
        return (
            self.is_stopping or client.may_close or is_silent or is_over or self._is_overdue(client)
        )

    def _is_overdue(self, client: Client) -> bool:
        """Return whether a client should have said who it is."""
        waited = self.now - client.opened_at
        return client.who is None and waited >= seconds(HANDSHAKE_SECONDS_MAX)

    def answered(self, token: int) -> None:
        """Check that an answer to the operator is the only one."""
        assert token in self.commands, f"command {token} is answered without being asked"
        self.commands.discard(token)

    def stepped(self) -> None:
        """Check what must hold after each step."""
        if self.is_exact:
            for queue in self.queues.values():
                queue.step_done()

    # ... by kind of event.

    def _control(self, client: Client, event: Event, _: list[Receipt | Message]) -> None:
        if not self.is_exact:
            return
        if client.greetings:
            self._greeting(client, event)
            return
        message = _decoded(ControlMessage, event.encoding, event.body)
        assert isinstance(message, ControlMessage)
        choice = message.choice
        assert message.r_id is not None, f"{client} is sent {message} without an rId"
        expected = client.replies.pop(message.r_id, None)
        assert expected is not None, f"{client} is sent {message}, and did not ask"
        kind = type(choice).__name__, choice.category if isinstance(choice, Status) else 0
        assert kind == expected, f"{client} is sent {message}, not {expected}"

    def _greeting(self, client: Client, event: Event) -> None:
        message = _decoded(NegotiationMessage, event.encoding, event.body)
        assert isinstance(message, NegotiationMessage)
        assert isinstance(message.choice, BrokerResponse), f"{client} is sent {message}"
        category, expected = message.choice.result.category, client.greetings.pop(0)
        assert category == expected, f"{client} is sent {message}, not {StatusCategory(expected)}"

    def _authentication(self, client: Client, event: Event, _: list[Receipt | Message]) -> None:
        if not self.is_exact:
            return
        message = _decoded(AuthenticationMessage, event.encoding, event.body)
        assert isinstance(message, AuthenticationMessage)
        assert isinstance(message.choice, AuthenticationResponse), f"{client} is sent {message}"
        assert client.verdicts, f"{client} is sent {message}, and did not ask"
        is_accepted = message.choice.status.category is StatusCategory.E_SUCCESS
        assert is_accepted == client.verdicts.pop(0), f"{client} is sent {message}"

    def _acks(self, client: Client, event: Event, token: list[Receipt | Message]) -> None:
        if not self.is_exact:
            return
        for status, correlation_id, guid, queue_id in iter_acks(
            event.buffer, event.start, event.end
        ):
            key = guid if client.makes_guids else correlation_id
            owed = client.acks.get((queue_id, key))
            what = f"status {status} for {guid.hex()}, {correlation_id} on qId {queue_id}"
            assert owed, f"{client} got an ACK that it is not owed: {what}"
            debt = owed.pop(0)
            if not owed:
                del client.acks[queue_id, key]
            assert status in debt.statuses, f"{client} got {what}, not {debt.statuses}"
            if status == AckStatus.SUCCESS and debt.message is not None:
                if not client.makes_guids and debt.queue is not None:
                    debt.queue.name(debt.message, guid)
                token.append(debt.message)

    def _pushes(self, client: Client, event: Event, token: list[Receipt | Message]) -> None:
        buffer = event.buffer
        for flags, compression, queue_id, guid, schema, options, start, end, _ in iter_pushes(
            buffer, event.start, event.end
        ):
            sub_id = 0
            if self.is_exact:
                push_id = int.from_bytes(buffer[options + 4 : options + 8], "big")
                sub_id, reader = client.reader_of(queue_id, push_id)
                coding = compression, bool(schema)
                queue = client.handles[queue_id].queue
                queue.pushed(reader, guid, flags, coding, buffer[start:end])
            token.append(Receipt(queue_id, sub_id, guid))

    def _beat(self, client: Client, event: Event, _: list[Receipt | Message]) -> None:
        if event.type == EventType.HEARTBEAT_RSP and self.is_exact:
            assert client.beats, f"{client} is sent a heartbeat response, and did not ask"
            client.beats -= 1

    _HEAR: ClassVar[Mapping[int, Callable[..., None]]] = MappingProxyType(
        {
            EventType.CONTROL: _control,
            EventType.AUTHENTICATION: _authentication,
            EventType.ACK: _acks,
            EventType.PUSH: _pushes,
            EventType.HEARTBEAT_REQ: _beat,
            EventType.HEARTBEAT_RSP: _beat,
        }
    )

    # What must hold.

    def check(self) -> None:
        """Check that nobody is owed anything, and no message is lost.

        Raises:
            AssertionError: somebody is, or one is.
        """
        if not self.is_exact:
            return
        for client in self.clients:
            if client.phase is not Phase.GONE:
                self._check_debts(client)
        assert not self.commands or Held.DOMAINS in self.world.held, f"unanswered: {self.commands}"
        for queue in self.queues.values():
            queue.age(self.wall_ns, self.now)
            if not self.is_stopping:
                queue.settled()
        self._checks += 1
        if not self._checks % _CHECKS_PER_COUNT:
            self.check_counts()

    def _check_debts(self, client: Client) -> None:
        assert client.phase is not Phase.DOOMED, f"{client} should have been closed"
        assert not client.greetings, f"{client} is not told {client.greetings}"
        assert not client.beats, f"{client} gets no heartbeat response"
        assert not self._is_overdue(client), f"{client} was let stay without an identity"
        # The commands of somebody who does not read wait until it does.
        may_wait = client.is_blocked or (client.is_admin and client.is_congested)
        if not may_wait and Held.DOMAINS not in self.world.held:
            assert not client.replies, f"{client} gets no answer: {client.replies}"
        assert client.verdict_at is not None or not client.verdicts, f"{client} is told no verdict"
        if client.acks:
            missing = [key for key, owed in client.acks.items() if not owed[0].is_optional]
            assert not missing, f"{client} gets no ACK: {missing}"
            client.acks.clear()

    def check_counts(self) -> None:
        """Compare what is stored and held with the models.

        Raises:
            AssertionError: it is not the same.
        """
        if self.is_stopping or not self.is_exact:
            return
        counts = self.world.broker.statistics()
        sessions = len(self._by_connection) + self._is_bystander_there
        assert counts.sessions == sessions, f"{counts}, but there are {sessions} sessions"
        held = sum([queue.held() for queue in self.queues.values()])
        stored = [queue.counts() for queue in self.queues.values()]
        if all(is_known for _, _, is_known in stored):
            least, most = sum([each[0] for each in stored]), sum([each[1] for each in stored])
            assert least <= counts.messages <= most, f"{counts}, but {least} to {most} are stored"
            assert counts.unconfirmed == held, f"{counts}, but {held} are held"

    def observe(self, client: Client) -> None:
        """Tell the fuzzer in which state the broker is, as the last client to act sees it."""
        unconfirmed = pending = 0
        for handle in client.handles.values():
            for reader in handle.readers.values():
                if reader is not None:
                    unconfirmed += len(reader.held)
        pending = len(client.acks) + len(client.replies) + len(client.verdicts)
        stored = sum([len(queue.messages) for queue in self.queues.values()])
        one, two = client.heard
        key = client.phase * 4 + min(len(client.handles), 3)
        for value in (_bucket(unconfirmed), _bucket(stored), min(pending, 3)):
            key = key * 6 + value
        key = (key * 16 + one) * 16 + two
        observe_state(key * 2 + bool(self.world.held))

    # The bystander.

    def _greet_bystander(self) -> None:
        """Let the bystander connect and open its queue."""
        self._is_bystander_there = True
        self._bystander = []
        self.world.connect(BYSTANDER)
        opened = Opened(BYSTANDER, "127.0.0.1:2")
        self.world.run([opened, Received(BYSTANDER, _BYSTANDER_START)], self)
        self._bystander = None

    def _hear_bystander(self, data: bytes) -> None:
        if self._bystander is not None:
            self._bystander.append(data)
            return
        assert data == HEARTBEAT_REQUEST, f"the bystander is sent {data[:80].hex()}"
        self.world.say(Received(BYSTANDER, HEARTBEAT_RESPONSE))

    def _ask_bystander(self, number: int) -> bytes:
        """Let the bystander post and receive a message; returns what it is sent."""
        if not self._is_bystander_there:
            self._greet_bystander()
        self._bystander = []
        inputs, self.inputs = self.inputs, []
        self.world.run([*inputs, Received(BYSTANDER, _PUTS[number])], self)
        answer = b"".join(self._bystander)
        self._bystander = None
        return answer

    def _check_bystander_answer(self) -> None:
        """Check the first answer, to which the later ones are compared."""
        found: list[object] = []
        for event in EventReader(EVENT_BYTES_MAX).feed(self._bystander_answer):
            bounds = event.buffer, event.start, event.end
            if event.type == EventType.ACK:
                found += [(status, guid) for status, _, guid, _ in iter_acks(*bounds)]
            elif event.type == EventType.PUSH:
                found += [
                    (push[3], event.buffer[push[6] : push[7]]) for push in iter_pushes(*bounds)
                ]
        expected = [(AckStatus.SUCCESS, _GUIDS[0]), (_GUIDS[0], _PAYLOAD)]
        assert found == expected, f"the bystander got {found}, not {expected}"

    def check_end(self) -> None:
        """Let the bystander use its queue while everybody hangs up, and check what is left.

        Raises:
            AssertionError: the bystander is not acknowledged, served or left in peace; or a session
                or an unconfirmed message is left beside what it holds itself.
        """
        expected = self._bystander_answer.replace(_GUIDS[0], _GUIDS[1])
        answer = self._ask_bystander(1)
        assert answer == expected, f"the bystander got {answer.hex()}, not {expected.hex()}"
        counts = self.world.broker.statistics()
        assert counts.sessions == 1, f"everybody is gone, and left {counts}"
        assert counts.unconfirmed == 1, f"everybody is gone, and left {counts}"


def _bucket(count: int) -> int:
    """Return a small number for a count: 0, 1, 2, few, more, many."""
    return count if count <= 2 else 3 if count <= 4 else 4 if count <= 10 else 5
