"""What a load is made of."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Final

from reference_broker.base import QueueUri, UriError
from reference_broker.client import parse_address
from suites.harness.target import TargetError, TargetSpec
from suites.stress.payload import STAMP_BYTES

#: Where a BlazingMQ broker listens if nobody says otherwise.
DEFAULT_ADDRESS: Final = "tcp://127.0.0.1:30114"
#: In a domain that every BlazingMQ broker has as a sample; it takes 1,000 messages and 1 MiB.
SAMPLE_QUEUE_URI: Final = "bmq://bmq.test.mem.priority/stress"
MIB: Final = 1024 * 1024
MESSAGE_BYTES_MAX: Final = 16 * MIB
BATCH_MAX: Final = 10_000
#: Of one batch; it has to fit into what may wait for acknowledgement.
BATCH_BYTES_MAX: Final = 32 * MIB
RATE_MAX: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadSettings:
    """One load.

    Attributes:
        address: of the broker, `tcp://HOST:PORT`; on this machine.
        queue_uri: where producers post and consumers read; nobody else should use it meanwhile.
        message_bytes: size of a payload.
        batch: messages in one PUT event.
        rate: messages a second of each producer.
        drain_seconds: how long the end of the load waits for what is still under way.
        seed: of the bytes that fill the payloads.

    Raises:
        OperatorError: the address is malformed or not on this machine.
        TargetError: another value is beyond its limit; the message names both.
    """

    address: str
    queue_uri: str = SAMPLE_QUEUE_URI
    message_bytes: int = 1024
    batch: int = 10
    rate: int = 2000
    drain_seconds: float = 20.0
    seed: int = 0

    def __post_init__(self) -> None:
        host, port = parse_address(self.address)
        TargetSpec.parse(f"external:{host}:{port}")  # refuses what is not on this machine
        parse_queue_uri(self.queue_uri)
        _check("message size", self.message_bytes, STAMP_BYTES, MESSAGE_BYTES_MAX, "bytes")
        _check("batch", self.batch, 1, BATCH_MAX, "messages")
        _check("rate", self.rate, 1, RATE_MAX, "messages a second")
        _check("batch in bytes", self.batch * self.message_bytes, 1, BATCH_BYTES_MAX, "bytes")

    @property
    def domain(self) -> str:
        """The queue's domain."""
        return parse_queue_uri(self.queue_uri).domain


def parse_queue_uri(text: str) -> QueueUri:
    """Return the URI of the queue that a load goes to.

    Raises:
        TargetError: it is none, or has an app id.
    """
    try:
        uri = QueueUri.parse(text)
    except UriError as error:
        raise TargetError(f"queue URI {text!r}: {error}") from error
    if uri.app_id:
        rule = "but one queue serves producers and consumers; leave it out"
        raise TargetError(f"queue URI {text!r} has an app id, {rule}")
    return uri


def replay_command(*, target: str, defect: str = "", **options: object) -> str:
    """Return the command that runs a load again, without `--case`.

    Args:
        target: as for `--target`.
        defect: as for `--break`.
        options: more options by name; what is None is left out.
    """
    words = ["gauntlet", "stress", "--target", target]
    if defect:
        words += ["--break", defect]
    for name, value in options.items():
        if value is not None:
            text = f"{value:g}" if isinstance(value, float) else str(value)
            words += [f"--{name.replace('_', '-')}", text]
    return shlex.join(words)


def _check(name: str, value: int, minimum: int, maximum: int, unit: str) -> None:
    if not minimum <= value <= maximum:
        raise TargetError(f"{name} is {value} but must be {minimum} to {maximum} {unit}")
