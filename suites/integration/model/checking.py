"""What came after an act, against what the model allows.

Messages are looked at in the order in which the protocol delivers them: first what comes back, then
the others as they were posted. For each one the model knows who may have got it, and whether anybody
must. Room only shrinks while messages are handed out, so one pass over them is enough.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from reference_broker.wire import FLAG_MESSAGE_PROPERTIES
from reference_broker.wire.control import ControlChoice
from suites.integration.model.flow import Stream, Subscription
from suites.integration.model.line import Acked, Answer, DeviationError, Line, Pushed
from suites.integration.model.queue import App, Copy, Message, Queue
from suites.integration.model.routing import choose, choose_all, served

_OUT_OF_ORDER: Final = 4


class AckDue(NamedTuple):
    """What a PUT may be answered with.

    Attributes:
        key: the GUID, or the correlation id of a client that makes no GUIDs.
        q_id: of the PUT.
        statuses: one of these.
        is_asked: whether success is to be told as well.
        stored: the queue and the message, if it is a new one and may be stored.
    """

    key: bytes | int
    q_id: int
    statuses: frozenset[int]
    is_asked: bool
    stored: tuple[Queue, Message] | None = None


class Due:
    """What must come after an act.

    Attributes:
        answers: (slot, rId) to a check of the answer, which returns what is wrong or nothing.
        late_ids: (slot, rId) to the ids that no message may carry before that answer.
        acks: by slot.
        broadcast: what was posted in broadcast mode.
        closed: slots whose connections the broker must close.
        may_close: slots whose connections it may close.
    """

    def __init__(self) -> None:
        self.answers: dict[tuple[int, int], Callable[[ControlChoice], str]] = {}
        self.late_ids: dict[tuple[int, int], set[tuple[int, int]]] = {}
        self.acks: dict[int, list[AckDue]] = {}
        self.broadcast: list[tuple[Queue, Message]] = []
        self.closed: set[int] = set()
        self.may_close: set[int] = set()


class Arrived(NamedTuple):
    """A message that came, and whose it is."""

    stream: Stream
    subscription: Subscription
    message: Message
    pushed: Pushed


#: Finds the stream that a client has under a qId and an id of its subscriptions.
Finder = Callable[[int, int, int], tuple[Queue, Subscription]]


def check_replies(line: Line, due: Due) -> list[Pushed]:
    """Check the answers and acknowledgements that came to a client; returns the messages.

    Raises:
        DeviationError: something is missing, is wrong, or is too much.
    """
    slot = line.slot
    pushes: list[Pushed] = []
    acks = list(due.acks.get(slot, ()))
    too_early = {key: ids for key, ids in due.late_ids.items() if key[0] == slot}
    for arrival in line.take():
        if isinstance(arrival, Answer):
            check = due.answers.pop((slot, arrival.r_id), None)
            if check is None:
                raise DeviationError(f"client {slot}: nobody asked for {arrival!r}")
            if problem := check(arrival.choice):
                raise DeviationError(f"client {slot}: {problem}")
            too_early.pop((slot, arrival.r_id), None)
        elif isinstance(arrival, Acked):
            _take_ack(line, arrival, acks)
        else:
            if any((arrival.q_id, arrival.ids[0]) in ids for ids in too_early.values()):
                raise DeviationError(f"client {slot}: {arrival!r} before the answer to its request")
            pushes.append(arrival)
    for each in acks:
        if each.is_asked or 0 not in each.statuses:
            statuses = sorted(each.statuses)
            text = f"client {slot}: no acknowledgement of {_key(each.key)}, status {statuses}"
            raise DeviationError(text)
    return pushes


def _take_ack(line: Line, ack: Acked, acks: list[AckDue]) -> None:
    key: bytes | int = ack.guid if line.makes_guids else ack.correlation
    wanted = next((each for each in acks if each.key == key and each.q_id == ack.q_id), None)
    if wanted is None:
        raise DeviationError(f"client {line.slot}: nothing asks for {ack!r}")
    if ack.status not in wanted.statuses:
        statuses = sorted(wanted.statuses)
        raise DeviationError(f"client {line.slot}: {ack!r} where the status is one of {statuses}")
    if ack.status == 0 and not wanted.is_asked:
        raise DeviationError(f"client {line.slot}: {ack!r}, which was not asked for")
    if line.makes_guids and ack.correlation:
        raise DeviationError(f"client {line.slot}: {ack!r} has a correlation id")
    if not line.makes_guids and wanted.stored is not None and ack.status == 0:
        queue, message = wanted.stored
        if ack.guid in queue.latest or ack.guid == bytes(16):
            raise DeviationError(f"client {line.slot}: {ack!r} has a GUID that is not new")
        queue.name_message(message, ack.guid)
    acks.remove(wanted)


def _key(key: bytes | int) -> str:
    return key.hex().upper() if isinstance(key, bytes) else f"correlation id {key}"


def check_content(line: Line, queue: Queue, pushed: Pushed) -> Message:
    """Check that a message is one of the queue's, as it was posted; returns it.

    Raises:
        DeviationError: it is not.
    """
    message = queue.latest.get(pushed.guid)
    if message is None:
        raise DeviationError(f"client {line.slot} gets {pushed!r}, which nobody posted")
    content = message.content
    form = content.old if line.kind == "old" else content.stored
    got = (pushed.compression, bool(pushed.schema), pushed.data)
    has_properties = bool(pushed.flags & FLAG_MESSAGE_PROPERTIES)
    if (*got, has_properties) != (form.compression, form.is_new_style, form.data, bool(form.flags)):
        raise DeviationError(f"client {line.slot} gets {pushed!r} where {form!r} was posted")
    return message


def check_broadcast(queue: Queue, message: Message, arrived: list[Arrived]) -> None:
    """Check who got a message in broadcast mode.

    Raises:
        DeviationError: somebody missed it, got it twice, or should not have got it.
    """
    (app,) = queue.apps.values()
    allowed, due = choose_all(app.streams, message.content)
    got = [each.subscription for each in arrived if each.message is message]
    for each in got:
        if each not in allowed:
            raise DeviationError(f"{message} is not for {each}")
    if len(set(got)) != len(got):
        raise DeviationError(f"{message} came twice")
    for stream in due:
        if not any(each.stream is stream for each in got):
            raise DeviationError(f"{message} did not come to {stream}")


def follow(queue: Queue, app: App, arrived: list[Arrived]) -> None:
    """Check who got which messages of an app, and let the model do the same.

    Raises:
        DeviationError: somebody got what was not for it, or did not get what was.
    """
    got: dict[Message, Arrived] = {}
    for each in arrived:
        if each.message in got:
            raise DeviationError(f"{each.message} came twice, to {each.stream} last")
        got[each.message] = each
    _check_order(app, arrived)
    waiting = [copy for copy in app.copies.values() if copy.holder is None]
    waiting.sort(key=lambda copy: not copy.was_delivered)
    is_mixed = len({copy.was_delivered for copy in waiting}) > 1 or len(served(app.streams)) > 1
    if any(copy.was_delivered and copy.was_passed for copy in waiting):
        # Such a message may wait with those that come back or with those that were put aside, so
        # its turn is not certain: what came is looked at first, and then nothing may be due.
        is_mixed = True
        places = {message: place for place, message in enumerate(got)}
        waiting.sort(key=lambda copy: places.get(copy.message, len(places)))
    for copy in waiting if app.is_authorised and app.streams else ():
        if is_mixed:  # then messages may be handed out in another order than that of this loop
            app.turns.blur()
        _follow_one(app, copy, got.pop(copy.message, None))
    for message, each in got.items():
        copy_or_none = app.copies.get(message)
        holder = copy_or_none.holder if copy_or_none is not None else None
        state = f"{holder} holds it" if holder is not None else "nobody is to get it any more"
        raise DeviationError(f"{message} of {queue.uri} came to {each.stream}, but {state}")


def _follow_one(app: App, copy: Copy, arrived: Arrived | None) -> None:
    message = copy.message
    choice = choose(app.streams, message.content)
    if arrived is None:
        if choice.is_due:
            receivers = " or ".join(str(each) for each in choice.allowed)
            raise DeviationError(f"{message} did not come to {receivers}")
        copy.was_passed = True
        return
    chosen = arrived.subscription
    if chosen not in choice.allowed:
        receivers = " or ".join(str(each) for each in choice.allowed) or "nobody"
        raise DeviationError(f"{message} came to {chosen}, but it is for {receivers}")
    _check_flags(copy, arrived)
    members = served(app.streams)[chosen.meaning.text]
    if problem := app.turns.give(members, chosen):
        raise DeviationError(f"{message}: {problem}")
    chosen.stream.give(message, chosen)
    app.turns.note_full(chosen)
    copy.holder = chosen.stream
    copy.was_delivered = True


def _check_flags(copy: Copy, arrived: Arrived) -> None:
    is_marked = bool(arrived.pushed.flags & _OUT_OF_ORDER)
    if copy.was_delivered and not is_marked:
        raise DeviationError(f"{copy.message} is delivered again without OUT_OF_ORDER")
    if copy.was_delivered is False and not copy.was_passed and is_marked:
        raise DeviationError(f"{copy.message} is OUT_OF_ORDER, but nothing overtook it")


def _check_order(app: App, arrived: Iterable[Arrived]) -> None:
    """Check that each stream gets messages as they were posted, and what comes back likewise.

    Those that were passed over, for want of room or of somebody who wants them, come when they can.
    """
    last: dict[tuple[Stream, bool], Message] = {}
    for each in arrived:
        copy = app.copies.get(each.message)
        if copy is None or copy.was_passed:
            continue
        key = (each.stream, bool(copy.was_delivered))
        before = last.get(key)
        if before is not None and before.number > each.message.number:
            raise DeviationError(f"{each.message} came to {each.stream} after {before}")
        last[key] = each.message


def compare_list(what: str, wanted: Iterable[Message], found: list[tuple[str, int]]) -> None:
    """Compare what a queue holds with what it should hold.

    Args:
        what: of which queue or app it is.
        wanted: in order.
        found: (GUID, size) of each, in order.

    Raises:
        DeviationError: they differ.
    """
    expected = [(_guid(message), message.content.size) for message in wanted]
    if found != expected:
        raise DeviationError(f"{what} holds {_listed(found)}; it should hold {_listed(expected)}")


def _guid(message: Message) -> str:
    return message.guid.hex().upper() if message.guid is not None else ""


def _listed(found: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{guid} of {size} bytes" for guid, size in found) or "nothing"
