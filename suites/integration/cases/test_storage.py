"""BMQ-STORE: what survives the broker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from reference_broker.wire import AckStatus, Put, put_event
from reference_broker.wire.push import FLAG_OUT_OF_ORDER
from suites.harness.target import Capability, Target
from suites.harness.topology import (
    BROADCAST_DOMAIN,
    FANOUT_DOMAIN,
    FILE_DOMAIN,
    MEM_DOMAIN,
    STRONG_DOMAIN,
)
from suites.integration.actor import Actor
from suites.integration.case import case
from suites.integration.connections import Wire

_MESSAGES = 40
_CONFIRMED = 15


def _survives(wire: Wire, target: Target, uri: str, end: Callable[[], int]) -> None:
    """Post, confirm some, end the broker, start it again, and see what is there."""
    producer = wire.writer(uri, target=target)
    guids: list[bytes] = []
    for start in range(0, _MESSAGES, 8):
        guids += producer.post(*(b"%d" % (start + step) for step in range(8)))
    consumer = wire.reader(uri, target=target)
    assert [push.guid for push in consumer.take_pushes(_MESSAGES)] == guids
    consumer.confirm(*guids[:_CONFIRMED])
    consumer.settle()
    consumer.crash()
    producer.crash()
    end()
    target.restart()
    again = wire.reader(uri, "consumer after the restart", target=target)
    again.settle()
    came = [push.guid for push in again.pushes]
    lost = set(guids[_CONFIRMED:]) - set(came)
    assert not lost, f"{len(lost)} of {_MESSAGES - _CONFIRMED} acknowledged messages are lost"
    back = set(guids[:_CONFIRMED]) & set(came)
    assert not back, f"{len(back)} of {_CONFIRMED} confirmed messages have come back"
    assert came == guids[_CONFIRMED:], "not in order, or not each once"
    assert [push.data for push in again.pushes] == [
        b"%d" % number for number in range(_CONFIRMED, _MESSAGES)
    ]
    again.confirm(*came)
    again.settle()


@case(
    "BMQ-STORE-1",
    statement="An acknowledged message of a file-backed domain is stored: it survives the broker.",
    expectation="After SIGKILL and a restart everything acknowledged and not confirmed is "
    "delivered, in order, each once; nothing confirmed is.",
    needs=(Capability.LIFECYCLE, Capability.CONFIGURED),
    proves=("STORE-1", "STORE-4", "STORE-5"),
)
def test_kill_eventual(wire: Wire, fresh_target: Target) -> None:
    _survives(wire, fresh_target, f"bmq://{FILE_DOMAIN}/store", fresh_target.kill)


@case(
    "BMQ-STORE-2",
    statement="With strong consistency an acknowledgement means that the message is durable.",
    expectation="As BMQ-STORE-1, in a domain of strong consistency.",
    needs=(Capability.LIFECYCLE, Capability.CONFIGURED),
    proves=("STORE-1",),
)
def test_kill_strong(wire: Wire, fresh_target: Target) -> None:
    _survives(wire, fresh_target, f"bmq://{STRONG_DOMAIN}/store", fresh_target.kill)


@case(
    "BMQ-STORE-3",
    statement="A graceful stop loses nothing.",
    expectation="As BMQ-STORE-1, after SIGINT; the broker exits with 0.",
    needs=(Capability.LIFECYCLE, Capability.CONFIGURED),
    proves=("STORE-3", "PROC-1"),
)
def test_graceful_stop(wire: Wire, fresh_target: Target) -> None:
    def stop() -> int:
        code = fresh_target.stop()
        assert code == 0, f"the broker exits with {code} after SIGINT"
        return code

    _survives(wire, fresh_target, f"bmq://{FILE_DOMAIN}/store", stop)


@case(
    "BMQ-STORE-4",
    statement="A producer sends again what was not acknowledged; GUIDs of stored messages are "
    "known across restarts.",
    expectation="After SIGKILL and a restart, messages posted again under their GUIDs are "
    "acknowledged with success and delivered once.",
    needs=(Capability.LIFECYCLE, Capability.CONFIGURED),
    proves=("STORE-7",),
)
def test_duplicates_across_a_restart(wire: Wire, fresh_target: Target) -> None:
    uri = f"bmq://{FILE_DOMAIN}/duplicates"
    producer = wire.writer(uri, target=fresh_target)
    puts = producer.puts([b"%d" % number for number in range(10)])
    producer.send(put_event(puts))
    producer.take_acks(10)
    producer.crash()
    fresh_target.kill()
    fresh_target.restart()
    again = wire.writer(uri, "producer after the restart", target=fresh_target)
    again.send(put_event(puts))
    assert {ack[0] for ack in again.take_acks(10)} == {AckStatus.SUCCESS}
    consumer = wire.reader(uri, target=fresh_target)
    consumer.settle()
    assert [push.guid for push in consumer.pushes] == [put.guid for put in puts]
    consumer.confirm(*(put.guid for put in puts))
    consumer.settle()


#: Queues of one message each, and the app that reads it.
_IN_MEMORY: Final = {
    f"bmq://{MEM_DOMAIN}/memory": "",
    f"bmq://{FANOUT_DOMAIN}/memory": "foo",
    f"bmq://{BROADCAST_DOMAIN}/memory": "",
}
_ON_DISK: Final = f"bmq://{FILE_DOMAIN}/disk"


@case(
    "BMQ-STORE-5",
    statement="What is stored in memory is gone after a restart, and with it what was known of its GUIDs.",
    expectation="One message each in queues of priority, fanout and broadcast mode in memory, and one in "
    "a file-backed queue; after a graceful stop, and after SIGKILL, only the last one is delivered. "
    "The same messages again are all acknowledged with success: now those in memory are delivered, as "
    "new ones, and the last one is not.",
    needs=(Capability.LIFECYCLE, Capability.CONFIGURED),
    proves=("STORE-1", "STORE-7", "STORE-9", "PUSH-8"),
)
def test_memory_is_empty_after_a_restart(wire: Wire, fresh_target: Target) -> None:
    for end in (fresh_target.stop, fresh_target.kill):
        producer = wire.actor("producer", target=fresh_target)
        puts = _post_to_all(producer)
        producer.crash()
        end()
        fresh_target.restart()
        consumer = wire.actor("consumer", target=fresh_target)
        uris = {**_IN_MEMORY, _ON_DISK: ""}
        for q_id, (uri, app_id) in enumerate(uris.items()):
            consumer.open(uri, q_id, read=True, app_id=app_id)
            consumer.configure(q_id, app_id=app_id)
        consumer.settle()
        assert [push.guid for push in consumer.pushes] == [puts[-1].guid]
        _post_to_all(wire.actor("producer after the restart", target=fresh_target), puts)
        pushes = consumer.take_pushes(len(uris))
        consumer.settle()
        assert not consumer.pushes, "more is delivered than was in memory"
        assert {push.guid for push in pushes} == {put.guid for put in puts}
        assert not any(push.flags & FLAG_OUT_OF_ORDER for push in pushes), "not as a new one"
        for push in pushes:
            app_id = [*uris.values()][push.queue_id]
            consumer.confirm(push.guid, q_id=push.queue_id, app_id=app_id)
        consumer.settle()


def _post_to_all(producer: Actor, puts: list[Put] | None = None) -> list[Put]:
    """Post these messages, or new ones, one to each queue, and return them."""
    uris = (*_IN_MEMORY, _ON_DISK)
    for q_id, uri in enumerate(uris):
        producer.open(uri, q_id, write=True)
    puts = puts or [producer.puts([uri.encode()], q_id)[0] for q_id, uri in enumerate(uris)]
    producer.post_puts(puts)
    return puts
