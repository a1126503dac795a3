"""A broker and the model in step.

Every act does something to the broker and the same to the model, lets the broker come to rest, and
checks all that came, on every connection. Acts name clients, queues, readers, writers and messages
by small numbers, which wrap around: any number means something as long as there is anything to mean.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from reference_broker.wire import HEARTBEAT_REQUEST
from reference_broker.wire.control import (
    AdminCommand,
    AdminCommandResponse,
    ControlChoice,
    Disconnect,
    DisconnectResponse,
    Status,
)
from suites.integration.model.checking import (
    Arrived,
    Due,
    check_broadcast,
    check_content,
    check_replies,
    compare_list,
    follow,
)
from suites.integration.model.driver import Driver
from suites.integration.model.flow import Stream, Subscription
from suites.integration.model.line import ADMIN, Answer, DeviationError, Line
from suites.integration.model.plan import Plan
from suites.integration.model.queue import Age, App, Domain, Message, Queue

#: Queues of a domain.
_QUEUES: Final = 2
#: How long a broker may take for any one answer, in seconds.
_PATIENCE_S: Final = 10.0
#: qIds are far from each other and from 0, so that none is right by accident.
_Q_ID_BASE: Final = 7
_Q_ID_STEP: Final = 10
#: Above all subIds: of a client that configures in both styles both may be in its messages.
_S_ID_FIRST: Final = 101


class Handle:
    """What a client has opened of a queue.

    Attributes:
        q_id: that it has chosen.
        queue: the same.
        is_writer: whether for writing.
        streams: for reading, by subId.
    """

    def __init__(self, q_id: int, queue: Queue) -> None:
        self.q_id = q_id
        self.queue = queue
        self.is_writer = False
        self.streams: dict[int, Stream] = {}


class Client:
    """A client with a connection.

    Attributes:
        line: its end.
        handles: by the number of the queue.
        next_s_id: for its next subscription.
        next_correlation: for its next message, if it makes no GUIDs.
        spoke_at: when it sent its last bytes, nanoseconds.
        has_spoken: whether it has said anything after its identity.
        is_parted: whether it has said goodbye.
    """

    def __init__(self, line: Line, now: int) -> None:
        self.line = line
        self.handles: dict[int, Handle] = {}
        self.next_s_id = _S_ID_FIRST
        self.next_correlation = 1
        self.spoke_at = now
        self.has_spoken = False
        self.is_parted = False


class Bench:
    """See the module.

    Args:
        driver: the broker.
        plans: of its domains.
        kinds: of the clients, by slot.
        cut: how many bytes a client sends at once; 0 for all.
    """

    def __init__(
        self, driver: Driver, plans: Sequence[Plan], kinds: Sequence[str], cut: int = 0
    ) -> None:
        self.driver = driver
        self.domains: list[Domain] = []
        for name, plan in driver.begin(plans):
            first = len(self.domains) * _QUEUES
            names = [driver.queue_name(first + index) for index in range(_QUEUES)]
            self.domains.append(Domain(name, plan, names, first))
        self.queues = [queue for domain in self.domains for queue in domain.queues]
        self.clients: dict[int, Client] = {}
        self._kinds = tuple(kinds)
        self._cut = cut
        self._next_guid = 1

    # What there is.

    @property
    def present(self) -> list[int]:
        """The slots of the clients that are connected."""
        return [slot for slot in self.clients if slot != ADMIN]

    @property
    def is_anybody(self) -> bool:
        """Whether a client is connected."""
        return bool(self.present)

    def queue(self, number: int) -> Queue:
        """Return a queue; the first one is the most frequent."""
        return self.queues[max(number - 4, 0) % len(self.queues)]

    @property
    def slots(self) -> int:
        """How many clients there can be."""
        return len(self._kinds)

    def writers(self, *, open_only: bool = True) -> list[tuple[Client, Handle]]:
        """Return who may write, or with `open_only` false every handle."""
        return [
            (client, handle)
            for client in self.clients.values()
            for handle in client.handles.values()
            if handle.is_writer or not open_only
        ]

    def readers(self) -> list[tuple[Client, Handle, Stream]]:
        """Return who reads."""
        return [
            (client, handle, stream)
            for client in self.clients.values()
            for handle in client.handles.values()
            for stream in handle.streams.values()
        ]

    def client(self, slot: int) -> Client:
        """Return a client, which connects if it has not."""
        slot %= self.slots
        if slot not in self.clients:
            self._connect(slot, self._kinds[slot])
        return self.clients[slot]

    def new_guid(self) -> bytes:
        """Return a GUID that nobody has used."""
        number, self._next_guid = self._next_guid, self._next_guid + 1
        return b"\x40\0" + number.to_bytes(14, "big")

    # Acting.

    def _connect(self, slot: int, kind: str) -> None:
        self._dial(slot, kind)
        self.settle()
        self.check(Due())

    def _dial(self, slot: int, kind: str) -> Line:
        """Connect a client, and let it introduce itself."""
        line = Line(slot, kind, lambda data: self.say(slot, data))
        self.driver.connect(slot)
        client = self.clients[slot] = Client(line, self.driver.now)
        self.say(slot, line.introduce())
        client.has_spoken = False
        self._wait_until(lambda: line.is_introduced, f"client {slot}: no answer to its identity")
        return line

    def act(self, slot: int, data: bytes, due: Due) -> None:
        """Send bytes, and check what comes of it."""
        self.say(slot, data)
        self.settle()
        self.check(due)

    def say(self, slot: int, data: bytes) -> None:
        """Send bytes on a client's connection, in as many pieces as the program wants."""
        cut = self._cut or len(data) or 1
        self.driver.send(slot, [data[at : at + cut] for at in range(0, len(data), cut)])
        client = self.clients[slot]
        client.spoke_at, client.has_spoken = self.driver.now, True

    def request(
        self,
        client: Client,
        choice: ControlChoice,
        check: Callable[[ControlChoice], str],
        late_ids: set[tuple[int, int]] | None = None,
    ) -> None:
        """Make a request, and check its answer and what comes of it.

        Args:
            client: who makes it.
            choice: the request.
            check: returns what is wrong with the answer.
            late_ids: (qId, id) that no message may carry before the answer.
        """
        due = Due()
        slot = client.line.slot
        r_id, data = client.line.request(choice)
        due.answers[slot, r_id] = check
        due.late_ids[slot, r_id] = late_ids or set()
        self.act(slot, data, due)

    def settle(self) -> None:
        """Let the broker do all that it has to do.

        Raises:
            DeviationError: it does not answer in time.
        """
        for _ in range(self.driver.rounds):
            asked = {
                slot: client.line.answered + 1
                for slot, client in self.clients.items()
                if not client.is_parted and not self.driver.is_closed(slot)
            }
            for slot in asked:
                self.driver.send(slot, [HEARTBEAT_REQUEST])
            for slot, count in asked.items():
                self._wait_answered(slot, count)
        self.pump()
        while self.driver.quiet_s and self.driver.wait(self.driver.quiet_s):
            self.pump()

    def _wait_answered(self, slot: int, count: int) -> None:
        line = self.clients[slot].line
        self._wait_until(
            lambda: line.answered >= count or self.driver.is_closed(slot),
            f"client {slot}: no answer to a heartbeat",
        )

    def _wait_until(self, is_done: Callable[[], bool], problem: str) -> None:
        """Take what comes until it is enough.

        Raises:
            DeviationError: with `problem`, that does not happen in time.
        """
        give_up = time.monotonic() + _PATIENCE_S
        self.pump()
        while not is_done():
            left = give_up - time.monotonic()
            if left <= 0 or not self.driver.wait(left):
                raise DeviationError(problem)
            self.pump()

    def pump(self) -> None:
        """Take what came on all connections."""
        for slot, client in list(self.clients.items()):
            client.line.feed(self.driver.take(slot))

    def drop(self, slot: int, *, is_lost: bool) -> None:
        """Let the model take a client away."""
        client = self.clients[slot]
        for number in list(client.handles):
            self.drop_handle(client, number, is_lost=is_lost)

    def drop_handle(self, client: Client, number: int, *, is_lost: bool) -> None:
        """Let the model take away all that a client has opened of a queue."""
        handle = client.handles.pop(number)
        if handle.is_writer:
            handle.queue.producers -= 1
        for stream in handle.streams.values():
            self.drop_stream(handle.queue, stream, is_lost=is_lost)

    def drop_stream(self, queue: Queue, stream: Stream, *, is_lost: bool) -> None:
        """Let the model take a stream away."""
        now = self.driver.now
        ended, doubtful = stream.app.detach(stream, is_lost=is_lost)
        for message in ended:
            queue.give_up(stream.app, message, now)
        queue.doubtful.extend((stream.app, message) for message in doubtful)

    # Checking.

    def check(self, due: Due) -> None:
        """Check all that came.

        Raises:
            DeviationError: it is not what is due.
        """
        self._check_closed(due)
        pushed = {slot: check_replies(c.line, due) for slot, c in sorted(self.clients.items())}
        if due.answers:
            raise DeviationError(f"no answers to the requests {sorted(due.answers)}")
        arrived: dict[Queue, list[Arrived]] = {}
        for slot, pushes in pushed.items():
            client = self.clients[slot]
            for each in pushes:
                queue, subscription = self._find(client, each.q_id, each.ids[0])
                message = check_content(client.line, queue, each)
                found = Arrived(subscription.stream, subscription, message, each)
                arrived.setdefault(queue, []).append(found)
        for queue, message in due.broadcast:
            check_broadcast(queue, message, arrived.get(queue, []))
        for queue in self.queues:
            self._follow_queue(queue, arrived.get(queue, []), due)
        for slot in [slot for slot in due.closed | due.may_close if slot in self.clients]:
            if self.driver.is_closed(slot):
                self.driver.close(slot)
                del self.clients[slot]
        self._clear_doubts()

    def _check_closed(self, due: Due) -> None:
        for slot in self.clients:
            is_closed = self.driver.is_closed(slot)
            if is_closed and slot not in due.closed | due.may_close:
                raise DeviationError(f"the broker closed the connection of client {slot}")
            if not is_closed and slot in due.closed:
                raise DeviationError(f"the broker keeps the connection of client {slot}")

    def _find(self, client: Client, q_id: int, push_id: int) -> tuple[Queue, Subscription]:
        for handle in client.handles.values():
            if handle.q_id == q_id:
                for stream in handle.streams.values():
                    for each in stream.subscriptions:
                        if each.push_id == push_id:
                            return handle.queue, each
        slot = client.line.slot
        raise DeviationError(f"client {slot} gets a message for qId {q_id}, id {push_id}: nothing")

    def _follow_queue(self, queue: Queue, arrived: list[Arrived], due: Due) -> None:
        if queue.domain.plan.mode == "broadcast":
            posted = {message for other, message in due.broadcast if other is queue}
            for each in arrived:
                if each.message not in posted:
                    raise DeviationError(f"{each.message} of a broadcast queue came late")
            for app in queue.apps.values():
                app.copies.clear()
            return
        for app in queue.apps.values():
            mine = [each for each in arrived if each.stream.app is app]
            if mine or app.copies:
                follow(queue, app, mine)

    def _clear_doubts(self) -> None:
        """Ask the broker for what the protocol leaves open."""
        for queue in self.queues:
            if not queue.doubtful:
                continue
            for app, message in queue.doubtful:
                guids = [guid for guid, _ in self.listed(queue, app)]
                if message.guid is None or message.guid.hex().upper() not in guids:
                    queue.give_up(app, message, self.driver.now)
            queue.doubtful.clear()

    # Time.

    def note_age(self) -> None:
        """Let the model remove what is too old, and ask the broker where that is not certain."""
        now = self.driver.now
        for domain in self.domains:
            domain.now = now
            for queue in domain.queues:
                ages = {message: message.age(now, domain.plan.ttl_s) for message in queue.stored}
                if Age.DOUBTFUL in ages.values():
                    guids = [guid for guid, _ in self.listed(queue)]
                    for message, age in ages.items():
                        is_there = message.guid is not None and message.guid.hex().upper() in guids
                        if age is Age.DOUBTFUL and not is_there:
                            ages[message] = Age.OLD
                for message, age in ages.items():
                    if age is Age.OLD:
                        queue.remove(message, now, is_certain=False)

    # Commands.

    def command(self, text: str) -> dict[str, Any]:
        """Give a command and return the answer, a JSON object; what else comes stays for later."""
        if ADMIN not in self.clients:
            self._dial(ADMIN, "new")
            self.settle()
        answers: list[str] = []

        def check(choice: ControlChoice) -> str:
            if not isinstance(choice, AdminCommandResponse):
                return f"{choice!r} where the answer to a command is due"
            answers.append(choice.text)
            return ""

        due = Due()
        line = self.clients[ADMIN].line
        r_id, data = line.request(AdminCommand(command=f"ENCODING JSON_COMPACT {text}"))
        due.answers[ADMIN, r_id] = check
        self.say(ADMIN, data)
        self.settle()
        check_replies(line, due)
        if not answers:
            raise DeviationError(f"no answer to {text}")
        try:
            found = json.loads(answers[0])
        except ValueError as error:
            raise DeviationError(f"{text} is answered with {answers[0]!r}") from error
        if not isinstance(found, dict):
            raise DeviationError(f"{text} is answered with {answers[0]!r}")
        return found

    def listed(self, queue: Queue, app: App | None = None) -> list[tuple[str, int]]:
        """Return (GUID, size) of what the broker says that a queue, or an app, has."""
        words = f"{app.app_id} " if app is not None and app.app_id else ""
        found = self.command(f"{queue.words} LIST {words}0 UNLIMITED").get("queueContents")
        if found is None:
            raise DeviationError(f"{queue.uri} is not known any more")
        messages = found.get("messages", [])
        if found["totalQueueMessages"] != len(messages):
            raise DeviationError(f"{queue.uri}: {found}")
        return [(each["guid"], each["sizeBytes"]) for each in messages]

    def check_stored(self, queue: Queue) -> None:
        """Compare what the broker says that a queue has with the model."""
        if not queue.exists or queue.domain.plan.mode == "broadcast":
            return
        compare_list(queue.uri, queue.stored, self.listed(queue))
        for app in queue.apps.values():
            if app.app_id and app.is_authorised:
                found = self.listed(queue, app)
                compare_list(f"{queue.uri}?id={app.app_id}", app.copies, found)

    def check_all_stored(self) -> None:
        """Compare all queues."""
        for queue in self.queues:
            self.check_stored(queue)

    # Parting.

    def finish(self) -> None:
        """See what is stored in the end; a broker that others use is left without it."""
        self.check_all_stored()
        if not self.driver.is_configurable:
            for queue in self.queues:
                if queue.stored:
                    self.command(f"{queue.words} PURGE *")

    def leave(self, slot: int) -> None:
        """Let a client say goodbye and close its connection."""
        client = self.clients[slot]
        self.drop(slot, is_lost=False)

        def check(choice: ControlChoice) -> str:
            if isinstance(choice, DisconnectResponse):
                return ""
            return f"a disconnect is answered with {choice!r}"

        client.is_parted = True
        due = Due()
        r_id, data = client.line.request(Disconnect())
        due.answers[slot, r_id] = check
        self.say(slot, data)
        arrivals = client.line.arrivals
        self._wait_until(
            lambda: (
                any(isinstance(each, Answer) for each in arrivals) or self.driver.is_closed(slot)
            ),
            f"client {slot}: no answer to its disconnect",
        )
        self.settle()
        self.check(due)
        self.driver.close(slot)
        del self.clients[slot]
        self.settle()
        self.check(Due())

    def lose(self, slot: int, last: bytes = b"") -> None:
        """Break a client's connection, after some last bytes."""
        if last:
            self.say(slot, last)
        self.drop(slot, is_lost=True)
        self.driver.close(slot)
        del self.clients[slot]
        self.settle()
        self.check(Due())

    def restart(self, *, is_graceful: bool) -> None:
        """End the broker, start it again, and see what it still has."""
        for client in self.clients.values():
            client.line.take()
        self.driver.restart(is_graceful=is_graceful)
        self.clients.clear()
        for domain in self.domains:
            domain.now = self.driver.now
            for queue in domain.queues:
                queue.restart()
        self.note_age()
        self.check_all_stored()


def refusal(*categories: int) -> Callable[[ControlChoice], str]:
    """Return a check that a request was refused, with one of these categories."""

    def check(choice: ControlChoice) -> str:
        if isinstance(choice, Status) and choice.category in categories:
            return ""
        return f"{choice!r} where a refusal of category {sorted(categories)} is due"

    return check


def q_id_of(slot: int, queue: Queue) -> int:
    """Return the qId that a client gives to a queue."""
    return _Q_ID_BASE + _Q_ID_STEP * queue.number + slot


def stored_messages(queue: Queue, now: int) -> list[Message]:
    """Return the messages of which it is certain what becomes of them if they come again."""
    return [each for each in queue.latest.values() if queue.is_repeatable(each, now)]
