"""BMQ-SDK: the real client, BlazingMQ's C++ library in its Python dress, unmodified."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from suites.harness.target import Capability, Target
from suites.harness.topology import MEM_DOMAIN, STRONG_DOMAIN
from suites.integration.case import case
from suites.integration.connections import Wire
from suites.integration.sdk_process import run_sdk
from suites.integration.verdict import Properties

_PROGRAM: Final = Path(__file__).parents[1] / "sdk_program.py"
_MESSAGES: Final = 2_000
_SECONDS_MAX: Final = 40.0


def _run(address: str, uri: str, hold: int = _MESSAGES) -> Iterator[dict[str, Any]]:
    """Run the SDK's program and yield what it says, the account last.

    Args:
        address: of the broker.
        uri: of the queue.
        hold: which message waits for a connection to be lost; none by default.

    Raises:
        AssertionError: it crashed, or did not end in time.
    """
    numbers = map(str, (_MESSAGES, _SECONDS_MAX, hold))
    return run_sdk(_PROGRAM, address, uri, *numbers, seconds_max=_SECONDS_MAX)


def _check(account: dict[str, Any], properties: Properties) -> None:
    """Check what holds whatever happens to the broker."""
    properties["acknowledged"] = account["acked"]
    properties["delivered"] = account["delivered"]
    properties["delivered twice"] = account["delivered_twice"]
    properties["connections lost"] = account["events"].get("ConnectionLost", 0)
    assert not account["refused"], f"refused: {account['refused']}"
    assert account["acked"] == _MESSAGES, f"{account['acked']} of {_MESSAGES} are acknowledged"
    lost = account["lost"]
    assert not lost, f"{len(lost)} acknowledged messages were never delivered: {lost[:10]}"
    assert account["delivered"] == _MESSAGES
    assert account["confirmed"] == _MESSAGES
    assert not account["damaged"], f"payload or properties differ: {account['damaged'][:10]}"
    assert not account["phantom"]
    assert not account["acked_twice"]


@case(
    "BMQ-SDK-1",
    statement="An unmodified SDK works with the broker.",
    expectation="Two producers, two consumers, 2,000 messages with properties and compression: all "
    "acknowledged, each delivered and confirmed once, none changed; the queue is empty afterwards.",
    proves=("CRC-1", "ACK-12"),
)
def test_sdk(
    wire: Wire, target: Target, new_uri: Callable[[str], str], properties: Properties
) -> None:
    uri = new_uri(MEM_DOMAIN)
    *_, account = _run(target.address, uri)
    _check(account, properties)
    assert not account["delivered_twice"], f"{account['delivered_twice']} were delivered twice"
    assert not account["confirmed_twice"]
    wire.wait_until_empty(uri)


@case(
    "BMQ-SDK-2",
    statement="When the broker dies the SDK reconnects by itself, opens its queues again and sends "
    "again what was not acknowledged.",
    expectation="The broker is killed with SIGKILL in the middle of 2,000 messages and started "
    "again on the same port: all are acknowledged in the end, nothing acknowledged is lost, and "
    "the queue is empty afterwards.",
    needs=(Capability.LIFECYCLE, Capability.CONFIGURED),
    proves=("STORE-1", "STORE-7"),
)
def test_sdk_survives_a_killed_broker(
    wire: Wire, fresh_target: Target, properties: Properties
) -> None:
    uri = f"bmq://{STRONG_DOMAIN}/sdk"
    account: dict[str, Any] = {}
    was_killed = False
    for account in _run(fresh_target.address, uri, hold=_MESSAGES * 3 // 4):
        if not was_killed and account.get("acked", 0) >= _MESSAGES // 2:
            was_killed = True
            properties["acknowledged before the kill"] = account["acked"]
            fresh_target.kill()
            fresh_target.restart()
    assert was_killed
    _check(account, properties)
    assert account["events"].get("ConnectionLost"), "no session noticed the kill"
    assert account["events"].get("Reconnected"), "no session says that it reconnected"
    wire.wait_until_empty(uri, target=fresh_target)
