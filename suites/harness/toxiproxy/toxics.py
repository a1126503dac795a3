"""The toxics: what can be done to one direction of a link (ANCHORS 2.4).

| kind       | attributes (unit)                                | effect on the bytes of one direction |
|------------|--------------------------------------------------|--------------------------------------|
| latency    | latency, jitter (ms)                             | each chunk leaves that much later    |
| bandwidth  | rate (1000 bytes/s; 0 = nothing passes)          | leave at that rate, 100 ms at a time |
| slow_close | delay (ms)                                       | pass; the ending is held back        |
| timeout    | timeout (ms; 0 = never closes)                   | dropped; closed when none came so long |
| reset_peer | timeout (ms)                                     | the first one starts the countdown to a TCP reset |
| slicer     | average_size, size_variation (bytes), delay (us) | leave in small pieces (size 0: whole) |
| limit_data | bytes                                            | that many pass, then the connection is closed |
| noop       |                                                  | pass                                 |

Rules:
- The order of the bytes never changes, and an ending comes after the bytes before it.
- Randomness belongs to one toxic on one link and depends only on the seed, the proxy's name, the
  link's number and the toxic's name. The first number decides whether the toxic affects this link
  (it is smaller than `toxicity`); it is drawn once, so raising the toxicity only adds links.
- As with Toxiproxy, a link whose bytes a `timeout` swallowed is closed when that toxic is removed
  (what was lost cannot be made good), and `timeout` counts from the last bytes that came.
- Unlike Toxiproxy, negative numbers and a toxicity outside 0..1 are refused.
"""

from __future__ import annotations

import asyncio
import json
import math
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeVar

from suites.harness.toxiproxy.channel import Channel, Chunk, Ending
from suites.harness.toxiproxy.errors import ToxiproxyError, bad_body

Direction = Literal["upstream", "downstream"]
Value = TypeVar("Value")

BUFFER_BYTES: Final = 256 * 1024
# What is on its way through a latency: at 100 ms this lets 160 MB/s pass.
LATENCY_BUFFER_BYTES: Final = 16 * 1024 * 1024
JSON_NAMES: Final[dict[type, str]] = {str: "a string", bool: "true or false", dict: "an object"}
ATTRIBUTE_MAX: Final = 2**63 - 1
# Timers come late by up to this much on a busy machine; later pieces catch up on that, not on more.
CATCH_UP_SECONDS: Final = 0.02


class Stage:
    """One toxic on one direction of one link: a task that moves chunks from `inbox` to `outbox`.

    `mark` (a time) and `passed_bytes` outlive a pause of the pipe; everything else about the
    progress is in the channels.

    Args:
        toxic: the settings; they may change while the stage is paused.
        rng: the randomness of this toxic on this link.
    """

    __slots__ = ("draw", "inbox", "mark", "outbox", "passed_bytes", "rng", "toxic")

    def __init__(self, toxic: Toxic, rng: random.Random) -> None:
        self.toxic = toxic
        self.rng = rng
        self.draw = rng.random()
        self.inbox = Channel(KINDS[toxic.kind].buffer_bytes)
        self.outbox = self.inbox
        self.mark: float | None = None
        self.passed_bytes = 0

    @property
    def is_affected(self) -> bool:
        """Whether the toxic does anything to this link."""
        return self.draw < self.toxic.toxicity

    async def run(self) -> None:
        """Move chunks until the outbox has ended; may be cancelled and run again."""
        assert self.outbox is not self.inbox, f"the stage of {self.toxic.name} leads into itself"
        if self.outbox.ending is None:
            run = KINDS[self.toxic.kind].run if self.is_affected else _noop
            await run(self)

    def remove(self, following: Channel) -> None:
        """Give what is still held to the channel that follows; the stage is not run again."""
        if self.is_affected and KINDS[self.toxic.kind].closes_when_removed:
            following.end(Ending.CLOSE)
        self.inbox.spill_into(following)

    def attribute(self, name: str) -> int:
        """The present value of an attribute."""
        return self.toxic.attributes[name]

    def mark_once(self) -> float:
        """The time at which this was first called since the toxic was added or updated."""
        if self.mark is None:
            self.mark = _now()
        return self.mark

    async def forward(self, size: int, *, arrived: float | None = None) -> None:
        """Move up to `size` bytes of the first chunk once there is space for them."""
        await self.outbox.wait_for_space()
        chunk = self.inbox.take(size)
        self.outbox.append(chunk if arrived is None else Chunk(chunk.data, arrived))

    def pass_ending(self) -> None:
        """Hand on the ending of the inbox."""
        assert self.inbox.ending is not None, "an ending is passed on that did not come"
        self.outbox.end(self.inbox.ending)


@dataclass(slots=True, eq=False)
class Toxic:
    """The settings of one toxic of a proxy; shared by the links of the proxy.

    Args:
        name: unique in the proxy.
        kind: a key of `KINDS`.
        stream: the text that the caller gave, in the caller's case; see `direction`.
        toxicity: the share of links that are affected, 0 to 1.
        attributes: the kind's attributes, all of them, each 0 or more.
    """

    name: str
    kind: str
    stream: str
    toxicity: float
    attributes: dict[str, int]

    @property
    def direction(self) -> Direction:
        """Which way the affected bytes flow."""
        return "upstream" if self.stream.lower() == "upstream" else "downstream"

    def to_json(self) -> dict[str, Any]:
        """The toxic as the API shows it."""
        return {
            "attributes": dict(self.attributes),
            "name": self.name,
            "type": self.kind,
            "stream": self.stream,
            "toxicity": self.toxicity,
        }

    def update(self, body: dict[str, Any]) -> None:
        """Change toxicity and attributes as far as the body has them; all of it or nothing.

        Raises:
            ToxiproxyError: status 400.
        """
        toxicity = _read_toxicity(body, self.toxicity)
        self.attributes = _read_attributes(body, self.attributes)
        self.toxicity = toxicity


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of toxic: the attributes that it takes and what it does."""

    attributes: tuple[str, ...]
    run: Callable[[Stage], Awaitable[None]]
    buffer_bytes: int = BUFFER_BYTES
    closes_when_removed: bool = False


def parse_toxic(body: dict[str, Any]) -> Toxic:
    """Read the body of a request that adds a toxic.

    Raises:
        ToxiproxyError: status 400, with Toxiproxy's text for a bad stream and a bad type.
    """
    kind = read_field(body, "type", str, "")
    stream = read_field(body, "stream", str, "downstream")
    name = read_field(body, "name", str, "")
    toxicity = _read_toxicity(body, 1.0)
    if stream.lower() not in {"upstream", "downstream"}:
        raise ToxiproxyError("stream was invalid, can be either upstream or downstream", status=400)
    if kind not in KINDS:
        raise ToxiproxyError("invalid toxic type", status=400)
    attributes = _read_attributes(body, dict.fromkeys(KINDS[kind].attributes, 0))
    return Toxic(name or f"{kind}_{stream}", kind, stream, toxicity, attributes)


def new_stage(toxic: Toxic, *, seed: int, proxy: str, link: int) -> Stage:
    """The stage of `toxic` on link number `link` of `proxy`, with its own stream of randomness."""
    # Only Random.random() is used on it: its sequence is the same in every version of Python.
    rng = random.Random(json.dumps([seed, proxy, link, toxic.name]))
    return Stage(toxic, rng)


def read_field(body: dict[str, Any], field: str, kind: type[Value], default: Value) -> Value:
    """Return `body[field]`, or the default where it is missing or null.

    Raises:
        ToxiproxyError: status 400, the value is of another type.
    """
    value = body.get(field)
    if value is None:
        return default
    if not isinstance(value, kind):
        raise bad_body(f"{field} is {value!r} but has to be {JSON_NAMES[kind]}")
    return value


def _read_toxicity(body: dict[str, Any], default: float) -> float:
    value = body.get("toxicity")
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise bad_body(f"toxicity is {value!r} but has to be a number from 0 to 1")
    return float(value)


def _read_attributes(body: dict[str, Any], present: dict[str, int]) -> dict[str, int]:
    given: dict[str, Any] = read_field(body, "attributes", dict, {})
    attributes = dict(present)
    for name in present:
        value = given.get(name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= ATTRIBUTE_MAX:
            raise bad_body(
                f"attributes.{name} is {value!r} but has to be a whole number from 0 to 2^63-1"
            )
        attributes[name] = value
    return attributes


async def _noop(stage: Stage) -> None:
    while (chunk := await stage.inbox.wait_for_data()) is not None:
        await stage.forward(len(chunk.data))
    stage.pass_ending()


async def _latency(stage: Stage) -> None:
    while (chunk := await stage.inbox.wait_for_data()) is not None:
        jitter = (2 * stage.rng.random() - 1) * stage.attribute("jitter")
        due = chunk.arrived + max(0.0, stage.attribute("latency") + jitter) / 1e3
        await _wait_until(due)
        # The next latency in the chain counts from here: latencies add up.
        await stage.forward(len(chunk.data), arrived=due)
    stage.pass_ending()


async def _bandwidth(stage: Stage) -> None:
    while (chunk := await _next_in_turn(stage)) is not None:
        bytes_per_ms = stage.attribute("rate")
        if bytes_per_ms == 0:
            await _wait_forever()
        piece = min(len(chunk.data), 100 * bytes_per_ms)
        due = _turn(stage) + piece / (1e3 * bytes_per_ms)
        await _wait_until(due)
        await stage.forward(piece)
        stage.mark = due
    stage.pass_ending()


async def _slow_close(stage: Stage) -> None:
    while (chunk := await stage.inbox.wait_for_data()) is not None:
        await stage.forward(len(chunk.data))
    await _wait_until(stage.mark_once() + stage.attribute("delay") / 1e3)
    stage.pass_ending()


async def _timeout(stage: Stage) -> None:
    limit_ms = stage.attribute("timeout")
    deadline = stage.mark_once() + limit_ms / 1e3 if limit_ms else math.inf
    while _now() < deadline:
        try:
            async with asyncio.timeout_at(deadline if limit_ms else None):
                chunk = await stage.inbox.wait_for_data()
        except TimeoutError:
            break
        if chunk is None:
            stage.pass_ending()
            return
        stage.inbox.take(len(chunk.data))
        stage.mark = _now()
        deadline = stage.mark + limit_ms / 1e3 if limit_ms else math.inf
    stage.outbox.end(Ending.CLOSE)


async def _reset_peer(stage: Stage) -> None:
    await stage.inbox.wait_for_data()
    await _wait_until(stage.mark_once() + stage.attribute("timeout") / 1e3)
    stage.outbox.end(Ending.RESET)


async def _slicer(stage: Stage) -> None:
    while (chunk := await _next_in_turn(stage)) is not None:
        size = stage.attribute("average_size")
        if size == 0:
            await stage.forward(len(chunk.data))
            continue
        variation = round((2 * stage.rng.random() - 1) * stage.attribute("size_variation"))
        due = _turn(stage)
        await _wait_until(due)
        await stage.forward(max(1, size + variation))
        stage.mark = due + stage.attribute("delay") / 1e6
    stage.pass_ending()


async def _limit_data(stage: Stage) -> None:
    while (chunk := await stage.inbox.wait_for_data()) is not None:
        remaining = max(0, stage.attribute("bytes") - stage.passed_bytes)
        size = min(remaining, len(chunk.data))
        if size > 0:
            await stage.forward(size)
            stage.passed_bytes += size
        if size == remaining:
            stage.outbox.end(Ending.CLOSE)
            return
    stage.pass_ending()


KINDS: Final[dict[str, Kind]] = {
    "latency": Kind(("latency", "jitter"), _latency, buffer_bytes=LATENCY_BUFFER_BYTES),
    "bandwidth": Kind(("rate",), _bandwidth),
    "slow_close": Kind(("delay",), _slow_close),
    "timeout": Kind(("timeout",), _timeout, closes_when_removed=True),
    "reset_peer": Kind(("timeout",), _reset_peer),
    "slicer": Kind(("average_size", "size_variation", "delay"), _slicer),
    "limit_data": Kind(("bytes",), _limit_data),
    "noop": Kind((), _noop),
}


def _now() -> float:
    return asyncio.get_running_loop().time()


async def _next_in_turn(stage: Stage) -> Chunk | None:
    """Wait for a chunk of a stage that paces by `mark`; a lull earns no catching up."""
    was_idle = stage.inbox.size == 0
    chunk = await stage.inbox.wait_for_data()
    if was_idle or stage.mark is None:
        stage.mark = max(stage.mark or 0.0, _now())
    return chunk


def _turn(stage: Stage) -> float:
    """When the next piece is due; in the past by no more than may be caught up on."""
    assert stage.mark is not None, "set by _next_in_turn"
    return max(stage.mark, _now() - CATCH_UP_SECONDS)


async def _wait_until(due: float) -> None:
    delay = due - _now()
    if delay > 0:
        await asyncio.sleep(delay)


async def _wait_forever() -> None:
    """Wait until the pipe is paused: the attribute that holds everything up has changed."""
    await asyncio.Event().wait()
