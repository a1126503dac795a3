"""What a load may be made of."""

from __future__ import annotations

from typing import Any

import pytest

from reference_broker.base import OperatorError
from suites.stress.payload import STAMP_BYTES
from suites.stress.settings import BATCH_BYTES_MAX, LoadSettings, replay_command

HERE = "tcp://127.0.0.1:30114"


@pytest.mark.parametrize("address", [HERE, "tcp://localhost:1", "tcp://[::1]:30114"])
def test_this_machine_is_loaded(address: str) -> None:
    assert LoadSettings(address=address).address == address


@pytest.mark.parametrize("address", ["tcp://10.0.0.1:30114", "tcp://example.com:30114"])
def test_no_other_machine_is_loaded(address: str) -> None:
    with pytest.raises(OperatorError, match="is not a loopback address"):
        LoadSettings(address=address)


@pytest.mark.parametrize("address", ["", "http://127.0.0.1:80", "tcp://127.0.0.1"])
def test_an_address_has_a_form(address: str) -> None:
    with pytest.raises(OperatorError, match="is not of the form tcp://HOST:PORT"):
        LoadSettings(address=address)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"message_bytes": STAMP_BYTES - 1}, "message size is 43 but must be 44 to 16777216 bytes"),
        ({"batch": 0}, "batch is 0 but must be 1 to 10000 messages"),
        ({"rate": 0}, "rate is 0 but must be 1 to 1000000 messages a second"),
        (
            {"message_bytes": 2**23, "batch": 5},
            f"batch in bytes is {5 * 2**23} .* {BATCH_BYTES_MAX}",
        ),
        ({"queue_uri": "nonsense"}, "queue URI 'nonsense'"),
        ({"queue_uri": "bmq://a/b?id=c"}, "has an app id"),
    ],
)
def test_limits_are_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(OperatorError, match=message):
        LoadSettings(address=HERE, **change)


def test_the_domain_is_of_the_queue() -> None:
    assert LoadSettings(address=HERE, queue_uri="bmq://my.domain/q").domain == "my.domain"


def test_the_replay_has_what_was_given() -> None:
    command = replay_command(
        target="reference", defect="push-twice", seed=7, seconds=10.0, queue_uri=None, rate=5
    )
    assert command == (
        "gauntlet stress --target reference --break push-twice --seed 7 --seconds 10 --rate 5"
    )
    assert replay_command(target="external:[::1]:5", queue_uri="bmq://a/b") == (
        "gauntlet stress --target 'external:[::1]:5' --queue-uri bmq://a/b"
    )
