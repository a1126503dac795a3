"""Messages: posting, confirming, and a rejection, which no broker takes from a client."""

from __future__ import annotations

from typing import Final

from reference_broker.wire import AckStatus, EventType, confirm_event
from suites.fuzz.core import posts
from suites.fuzz.core.app_model import Message
from suites.fuzz.core.client import Client, Owed, Receipt
from suites.fuzz.core.play import Play
from suites.fuzz.core.posts import Draft, Fate
from suites.fuzz.core.program import CLIENTS, Instruction
from suites.fuzz.core.queue_model import Posted, QueueModel
from suites.fuzz.core.saying import say

_QUEUE_IDS: Final = 4
_SUB_IDS: Final = 4
_MADE_UP: Final = b"\x40" + bytes(14) + b"\xff"


def post(play: Play, instruction: Instruction) -> None:
    client = play.clients[instruction.client]
    first, second = instruction.first, instruction.second
    order = posts.Order(
        queue_id=first % _QUEUE_IDS,
        messages=1 + first // _QUEUE_IDS % 8,
        kind=posts.kind_of(second),
        size=second // 16,
        first=play.order,
        makes_guids=client.makes_guids,
        last_guid=client.last_guid,
    )
    play.order += order.messages
    data, drafts = posts.event(order)
    say(play, client, data, _take_posts, drafts)


def _take_posts(play: Play, client: Client, drafts: list[Draft]) -> None:
    if client.is_admin:
        return
    for draft in drafts:
        if draft.fate is Fate.UNREAD:
            continue
        handle = client.handles.get(draft.queue_id)
        if handle is None or not handle.is_writer or draft.fate is Fate.REFUSED:
            client.owe_ack(draft.queue_id, draft.key, Owed((AckStatus.UNKNOWN,)))
            continue
        if draft.guid is not None:
            client.last_guid = draft.guid
        _take_post(play, client, handle.queue, draft)


def _take_post(play: Play, client: Client, queue: QueueModel, draft: Draft) -> None:
    message = Message(draft.order, draft.data, draft.flags, draft.coding, play.wall_ns, draft.guid)
    outcome = queue.post(message, play.now)
    is_kept = outcome in (Posted.STORED, Posted.UNSURE)
    kept = message if is_kept else None
    if outcome is Posted.FULL:
        owed = Owed((AckStatus.LIMIT_MESSAGES,), queue)
    elif outcome is Posted.UNSURE:
        statuses = AckStatus.SUCCESS, AckStatus.LIMIT_MESSAGES
        owed = Owed(statuses, queue, kept, is_optional=not draft.is_asked)
    elif draft.is_asked:
        owed = Owed((AckStatus.SUCCESS,), queue, kept)
    else:
        return
    client.owe_ack(draft.queue_id, draft.key, owed)


def confirm(play: Play, instruction: Instruction) -> None:
    client = play.clients[instruction.client]
    chosen = _chosen(play, client, instruction)
    say(play, client, confirm_event(chosen), _take_confirms, chosen)


def _chosen(play: Play, client: Client, instruction: Instruction) -> list[tuple[int, bytes, int]]:
    """Return what is confirmed: queue id, GUID and subId of each."""
    how, count = instruction.first % 8, 1 + instruction.first // 8 % 4
    index = instruction.second
    if how == 3:
        return [(index % _QUEUE_IDS, _MADE_UP, index // _QUEUE_IDS % _SUB_IDS)]
    owner = play.clients[(client.number + 1) % CLIENTS] if how == 2 else client
    receipts = owner.receipts
    if how not in (1, 2):
        receipts = [each for each in receipts if not each.is_confirmed]
    if how == 1:
        receipts = receipts[::-1]
    chosen: list[tuple[int, bytes, int]] = []
    for receipt in receipts[index : index + count]:
        receipt.is_confirmed = how < 4 or receipt.is_confirmed
        chosen.append(_named(receipt, how))
    return chosen


def _named(receipt: Receipt, how: int) -> tuple[int, bytes, int]:
    """Return what a confirmation names: what was received, or something near."""
    if how == 4:
        return receipt.queue_id, receipt.guid, (receipt.sub_id + 1) % _SUB_IDS
    if how == 5:
        return (receipt.queue_id + 1) % _QUEUE_IDS, receipt.guid, receipt.sub_id
    return receipt.queue_id, receipt.guid, receipt.sub_id


def _take_confirms(play: Play, client: Client, chosen: list[tuple[int, bytes, int]]) -> None:
    if client.is_admin:
        return
    for queue_id, guid, sub_id in chosen:
        reader = client.reader(queue_id, sub_id)
        if reader is not None:
            client.handles[queue_id].queue.confirm(reader, guid, play.now)


def reject(play: Play, instruction: Instruction) -> None:
    client = play.clients[instruction.client]
    receipts = client.receipts[instruction.first : instruction.first + 1]
    named = [(each.queue_id, each.guid, each.sub_id) for each in receipts]
    data = confirm_event(named, EventType.REJECT)
    say(play, client, data, _take_reject)


def _take_reject(play: Play, client: Client) -> None:
    if not client.is_admin:
        client.doom(play.now)
