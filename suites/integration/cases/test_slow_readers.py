"""BMQ-PUSH, continued: clients that do not read what they are sent."""

from __future__ import annotations

from typing import Final

from suites.harness.target import Capability
from suites.integration.case import case
from suites.integration.connections import Wire

#: Together more than the broker and the system hold for one connection.
_PAYLOAD: Final = bytes(256 * 1024)
_COUNT: Final = 64


@case(
    "BMQ-PUSH-18",
    statement="A client that does not read holds up nobody else, and misses nothing.",
    expectation=f"While {_COUNT} messages of 256 KiB are posted for a client that reads nothing, another "
    "consumer gets each message of another queue as it is posted; when the first client reads again, "
    "everything comes, in order, once.",
    proves=("FLOW-7", "FLOW-8"),
)
def test_client_that_does_not_read(wire: Wire, queue_uri: str) -> None:
    other_uri = f"{queue_uri}.other"
    slow, other = wire.reader(queue_uri, "slow"), wire.reader(other_uri, "other")
    producer = wire.actor("producer")
    producer.open(queue_uri, 0, write=True)
    producer.open(other_uri, 1, write=True)
    guids = []
    for number in range(_COUNT):
        guids += producer.post(_PAYLOAD)
        mark = producer.post(b"%d" % number, q_id=1)
        assert [push.guid for push in other.take_pushes(1)] == mark
        other.confirm(*mark)
    pushes = slow.take_pushes(_COUNT)
    assert [push.guid for push in pushes] == guids
    assert {len(push.data) for push in pushes} == {len(_PAYLOAD)}
    slow.settle()
    assert not slow.pushes
    slow.confirm(*guids)
    last = producer.post(b"last")
    assert [push.guid for push in slow.take_pushes(1)] == last
    slow.confirm(*last)


@case(
    "BMQ-PUSH-19",
    statement="A client that does not read is sent nothing more when about 4 MiB wait for it.",
    expectation=f"Of {_COUNT} messages of 256 KiB a consumer whose turns are eight times as long, and that "
    "reads nothing, gets the first ones, and the other consumer everything from some message on; when "
    "the first one reads again its own come, in order, and it has its turn again.",
    needs=(Capability.REFERENCE,),
    proves=("FLOW-9",),
)
def test_turns_of_a_client_that_does_not_read(wire: Wire, queue_uri: str) -> None:
    slow, other = wire.actor("slow"), wire.reader(queue_uri, "other")
    slow.open(queue_uri, read=True)
    slow.configure(weight=8)
    producer = wire.writer(queue_uri)
    guids, others = [], []
    for _ in range(_COUNT):
        guids += producer.post(_PAYLOAD)
        others += [push.guid for push in other.take_pushes(len(other.pushes))]
    other.settle()
    others += [push.guid for push in other.take_pushes(len(other.pushes))]
    mine = [guid for guid in guids if guid not in others]
    assert others[-8:] == guids[-8:], "a client that does not read is sent more and more"
    pushes = slow.take_pushes(len(mine))
    assert [push.guid for push in pushes] == mine
    slow.confirm(*mine)
    other.confirm(*others)
    slow.settle()
    assert not slow.pushes
    guids = producer.post(*(b"%d" % number for number in range(18)))
    mine = [push.guid for push in slow.take_pushes(16)]
    assert mine == [guid for guid in guids if guid in mine]
    slow.confirm(*mine)
    other.confirm(*guids)
