"""Requests about queues: open, configure, close; and the last one of a session."""

from __future__ import annotations

from typing import Final

from reference_broker.config import Mode
from reference_broker.wire.control import ControlChoice, StatusCategory
from suites.fuzz.core import words
from suites.fuzz.core.client import Client, Handle, Phase, Take, close_handle
from suites.fuzz.core.play import Play
from suites.fuzz.core.program import Instruction
from suites.fuzz.core.saying import say
from suites.fuzz.core.words import Flow, Lane, Return, Who
from suites.fuzz.core.world import Held

_QUEUE_IDS: Final = 4
_SUB_IDS: Final = 4
_QUEUE_ID_RESERVED: Final = 0xFFFF_FFFF

_E = StatusCategory


def ask(play: Play, client: Client, choice: ControlChoice, take: Take, *what: object) -> None:
    if client.phase is Phase.GONE or client.is_blocked:
        return
    client.r_id += 1
    data = words.request(client.r_id, choice, is_json=client.who is Who.JSON)
    say(play, client, data, _take_request, client.r_id, take, what)


def _take_request(
    play: Play, client: Client, r_id: int, take: Take, what: tuple[object, ...]
) -> None:
    if not client.is_admin:
        take(play, client, r_id, *what)


def _refuse(client: Client, r_id: int, category: StatusCategory) -> None:
    client.replies[r_id] = "Status", category


def open_queue(play: Play, instruction: Instruction) -> None:
    number = (instruction.first & 15) % len(words.QUEUES)
    spec = words.QUEUES[number]
    client = play.clients[instruction.client]
    lane = words.lane_of(spec, instruction.first >> 4)
    queue_id = _QUEUE_ID_RESERVED if lane.is_reserved else instruction.second % _QUEUE_IDS
    is_loaded = not spec.domain or spec.domain in play.world.loaded
    if not is_loaded:
        client.cut_at = None
        if play.inputs:  # the answer comes a step later, and what was said before must not
            play.settle()
            client = play.clients[instruction.client]
    request = words.open_queue(spec.uri, queue_id, lane)
    ask(play, client, request, _take_open, number, queue_id, lane)
    if not is_loaded:
        play.is_joining = False
    is_said = client.phase is Phase.OPEN and not client.tail and client.who is not Who.ADMIN
    if is_said and Held.DOMAINS in play.world.held and not is_loaded:
        play.settle()
        client.is_waiting = bool(client.replies)


def _take_open(
    play: Play, client: Client, r_id: int, number: int, queue_id: int, lane: Lane
) -> None:
    refusal = _refusal_of_open(play, client, number, queue_id, lane)
    if refusal is not None:
        _refuse(client, r_id, refusal)
        return
    client.replies[r_id] = "OpenQueueResponse", 0
    queue = play.queue(number)
    handle = client.handles.get(queue_id)
    if handle is None:
        handle = client.handles[queue_id] = Handle(number, queue)
    handle.readers.setdefault(lane.sub_id, None)
    if lane.writes and not handle.is_writer:
        handle.is_writer = True
        queue.producers += 1
    if lane.reads and handle.readers[lane.sub_id] is None:
        handle.readers[lane.sub_id] = queue.attach(
            client.connection,
            lane.sub_id,
            is_old=client.who is Who.OLD_PROPERTIES,
            is_paused=client.is_congested,
        )


def _refusal_of_open(
    play: Play, client: Client, number: int, queue_id: int, lane: Lane
) -> StatusCategory | None:
    """Return how an openQueue is refused; None if it is not."""
    spec = words.QUEUES[number]
    if not spec.domain:
        return _E.E_REFUSED
    is_wrong = bool(lane.flags & 2) is not bool(lane.reads) or (lane.writes and lane.sub_id)
    if is_wrong or bool(lane.flags & 4) is not bool(lane.writes) or lane.is_reserved:
        return _E.E_INVALID_ARGUMENT
    if spec.domain not in words.DOMAINS:
        return _E.E_UNKNOWN
    handle = client.handles.get(queue_id)
    if handle is not None and handle.number != number:
        return _E.E_INVALID_ARGUMENT
    if lane.reads and (spec.mode is Mode.FANOUT) is not bool(lane.sub_id):
        return _E.E_UNKNOWN
    queue = play.queues.get(number)
    if spec.clients_max and queue is not None:
        is_full_of_readers = lane.reads and queue.consumers >= spec.clients_max
        is_full_of_writers = lane.writes and queue.producers >= spec.clients_max
        if is_full_of_readers or is_full_of_writers:
            return _E.E_UNKNOWN
    return None


def configure(play: Play, instruction: Instruction) -> None:
    queue_id, sub_id = _stream(instruction.first)
    client = play.clients[instruction.client]
    number = instruction.second % 16
    flow = words.FLOWS[number] if number < len(words.FLOWS) else words.FLOWS[0]
    request = words.configure(queue_id, _sub_id(client, queue_id, sub_id), flow)
    sub_id = _sub_id(client, queue_id, sub_id)
    ask(play, client, request, _take_configure, queue_id, sub_id, flow)


def _stream(operand: int) -> tuple[int, int]:
    return operand % _QUEUE_IDS, operand // _QUEUE_IDS % (_SUB_IDS + 1)


def _sub_id(client: Client, queue_id: int, number: int) -> int:
    """Return the subId that a number means: the first one that is open, or exactly that one."""
    if number:
        return number - 1
    handle = client.handles.get(queue_id)
    readers = handle.readers if handle is not None else {}
    return next((sub_id for sub_id, reader in readers.items() if reader is not None), 0)


def _take_configure(
    _: Play, client: Client, r_id: int, queue_id: int, sub_id: int, flow: Flow
) -> None:
    reader = client.reader(queue_id, sub_id)
    if reader is None or (not flow.weight and flow.windows):
        _refuse(client, r_id, _E.E_UNKNOWN)
        return
    reader.configure(flow)
    client.replies[r_id] = (
        "ConfigureQueueStreamResponse" if flow.is_old else "ConfigureStreamResponse",
        0,
    )


def close_queue(play: Play, instruction: Instruction) -> None:
    queue_id, number = _stream(instruction.first)
    client = play.clients[instruction.client]
    given = words.RETURNS[instruction.second % len(words.RETURNS)]
    sub_id = _sub_id(client, queue_id, number)
    handle = client.handles.get(queue_id)
    uri = words.QUEUES[handle.number if handle is not None else 0].uri
    request = words.close_queue(uri, queue_id, sub_id, given)
    ask(play, client, request, _take_close, queue_id, sub_id, given)


def _take_close(
    play: Play, client: Client, r_id: int, queue_id: int, sub_id: int, given: Return
) -> None:
    handle = client.handles.get(queue_id)
    if handle is None or sub_id not in handle.readers:
        _refuse(client, r_id, _E.E_UNKNOWN)
        return
    if not given.reads and not given.writes:
        _refuse(client, r_id, _E.E_INVALID_ARGUMENT)
        return
    client.replies[r_id] = "CloseQueueResponse", 0
    reader = handle.readers[sub_id]
    if given.reads and reader is not None:
        handle.queue.detach(reader, is_lost=False, now=play.now)
        handle.readers[sub_id] = None
    if given.writes and handle.is_writer:
        handle.is_writer = False
        handle.queue.producers -= 1
    if handle.readers[sub_id] is None and (sub_id or not handle.is_writer):
        del handle.readers[sub_id]
    if given.is_final or not handle.readers:
        close_handle(handle, play.now, is_lost=False)
        del client.handles[queue_id]


def disconnect(play: Play, instruction: Instruction) -> None:
    client = play.clients[instruction.client]
    ask(play, client, words.DISCONNECT, _take_disconnect)


def _take_disconnect(play: Play, client: Client, r_id: int) -> None:
    client.let_go(play.now, is_lost=False)
    client.replies[r_id] = "DisconnectResponse", 0
    client.phase = Phase.PARTED
