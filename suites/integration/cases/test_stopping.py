"""BMQ-STOP: what a broker still does when it has been told to stop, and what no more."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final

import pytest

from reference_broker.wire.control import ClientType, OpenQueue, Status, StatusCategory
from suites.harness.target import Capability, Target, TargetSpec
from suites.harness.topology import FILE_DOMAIN
from suites.integration.actor import Actor, handle
from suites.integration.case import STRICT_TARGETS, case, non_strict
from suites.integration.config_files import start_anew
from suites.integration.connections import Wire
from suites.integration.log import wait_for_log
from suites.integration.raw import ClosedError, identity

_OWN: Final = (Capability.LIFECYCLE, Capability.CONFIGURED)
#: A queue whose consumer keeps a stop waiting.
_URI: Final = f"bmq://{FILE_DOMAIN}/held"
_STOPPING: Final = (StatusCategory.E_REFUSED, -11)
#: How long the stop waits for confirmations in the case that gives none.
_PATIENCE_MS: Final = 200
#: How long it then may take on a slow machine.
_PATIENCE_SECONDS_MAX: Final = 5.0


@contextlib.contextmanager
def _stopping(target: Target) -> Iterator[Future[int]]:
    """Tell a target to stop; the future is what it exits with. On leaving it has ended."""
    with ThreadPoolExecutor(1) as executor:
        yield executor.submit(target.stop)


def _wait_until_stopping(target: Target) -> None:
    """Wait until the stop tells what it waits for, or that it does not."""
    wait_for_log(target, r"(?:waiting for|giving up on) \d+ unconfirmed|no unconfirmed message")


def _held_message(wire: Wire, target: Target) -> tuple[Actor, bytes]:
    """Post a message, and return the consumer that holds it."""
    consumer = wire.reader(_URI, target=target)
    (guid,) = wire.writer(_URI, target=target).post(b"held")
    consumer.take_pushes(1)
    return consumer, guid


@case(
    "BMQ-OPEN-20",
    statement="A broker that is stopping opens no queue.",
    expectation="While a consumer keeps the stop waiting, openQueue is refused with E_REFUSED, code "
    "-11, for a new queue and for one that exists. (BlazingMQ drops requests from then on.)",
    needs=_OWN,
    grade="should",
    expects_strict_from=STRICT_TARGETS,
    proves=("OPEN-27",),
)
def test_open_while_stopping(wire: Wire, fresh_target: Target, target_spec: TargetSpec) -> None:
    consumer, guid = _held_message(wire, fresh_target)
    opener = wire.actor("opener", target=fresh_target)
    statuses: list[Status] = []
    with _stopping(fresh_target):
        _wait_until_stopping(fresh_target)
        with contextlib.suppress(ClosedError):
            for uri in (_URI, f"{_URI}.new"):
                asked = OpenQueue(handle_parameters=handle(uri, 1, read=False, write=True))
                statuses.append(opener.refusal(asked))
        consumer.confirm(guid)
    if not statuses:
        non_strict("a request is not answered while the broker stops")
    for status in statuses:
        assert (status.category, status.code) == _STOPPING, status
        if target_spec.is_ours:
            assert status.message == "Self node is stopping."
    assert len(statuses) == 2, "the second request is not answered"


@case(
    "BMQ-STOP-1",
    statement="A broker that is stopping delivers nothing more, and waits for confirmations.",
    expectation="A consumer that may hold two of four messages confirms one while the broker stops, "
    "and gets no other; after it has confirmed the second one it is disconnected, and the broker exits "
    "with 0. After a restart the other two are delivered, and the first two are not.",
    needs=_OWN,
    proves=("PROC-7", "PROC-8", "STORE-4"),
)
def test_confirms_while_stopping(wire: Wire, fresh_target: Target) -> None:
    consumer = wire.reader(_URI, messages=2, target=fresh_target)
    guids = wire.writer(_URI, target=fresh_target).post(b"0", b"1", b"2", b"3")
    consumer.take_pushes(2)
    with _stopping(fresh_target) as ending:
        _wait_until_stopping(fresh_target)
        consumer.confirm(guids[0])
        consumer.settle()
        assert not consumer.pushes, "a broker that is stopping delivers"
        assert not ending.done(), "the broker does not wait for the consumer"
        consumer.confirm(guids[1])
        with contextlib.suppress(ClosedError):
            while consumer.pump(consumer.timeout_s):
                assert not consumer.pushes, "a broker that is stopping delivers"
        assert ending.result() == 0
    fresh_target.restart()
    again = wire.reader(_URI, "consumer after the restart", target=fresh_target)
    assert [push.guid for push in again.take_pushes(2)] == guids[2:]
    again.settle()
    assert not again.pushes
    again.confirm(*guids[2:])
    again.settle()


@case(
    "BMQ-STOP-2",
    statement="A stop does not wait for ever: it gives consumers shutdownTimeoutMs.",
    expectation=f"With {_PATIENCE_MS} ms, a consumer that confirms nothing is disconnected, not before "
    "that time, and the broker exits with 0; after a restart its message is delivered again.",
    needs=_OWN,
    proves=("PROC-9", "STORE-3"),
)
def test_stop_gives_up(wire: Wire, fresh_target: Target) -> None:
    def shorten(content: Any) -> None:
        content["myClusters"][0]["queueOperations"]["shutdownTimeoutMs"] = _PATIENCE_MS

    start_anew(fresh_target, "clusters.json", shorten)
    consumer, guid = _held_message(wire, fresh_target)
    begun_at = time.monotonic()
    with _stopping(fresh_target) as ending:
        consumer.expect_closed(_PATIENCE_SECONDS_MAX)
        assert time.monotonic() - begun_at >= _PATIENCE_MS / 1000, "the stop does not wait"
        assert ending.result() == 0
    fresh_target.restart()
    again = wire.reader(_URI, "consumer after the restart", target=fresh_target)
    assert [push.guid for push in again.take_pushes(1)] == [guid]
    again.confirm(guid)
    again.settle()


@case(
    "BMQ-STOP-3",
    statement="A broker that is stopping begins no session.",
    expectation="While a consumer keeps the stop waiting, a new client finds nobody listening, or its "
    "connection is closed without an answer to its identity; an admin session as well.",
    needs=_OWN,
    proves=("PROC-10",),
)
def test_strangers_while_stopping(wire: Wire, fresh_target: Target) -> None:
    consumer, guid = _held_message(wire, fresh_target)
    with _stopping(fresh_target) as ending:
        _wait_until_stopping(fresh_target)
        for kind in (ClientType.E_TCPCLIENT, ClientType.E_TCPADMIN):
            stranger = wire.peer("stranger", target=fresh_target)
            with pytest.raises((ClosedError, OSError)):
                stranger.start(identity(client_type=kind))
        assert not ending.done(), "the broker does not wait for the consumer"
        consumer.confirm(guid)
