"""BMQ-POISON, continued: messages that may be poisonous come slowly."""

from __future__ import annotations

import time
from typing import Any, Final

from suites.harness.target import Capability, Target
from suites.harness.topology import APP_IDS, DomainShape
from suites.integration.actor import Actor, Push
from suites.integration.case import case
from suites.integration.config_files import start_anew
from suites.integration.connections import Wire

_OWN: Final = (Capability.LIFECYCLE, Capability.CONFIGURED)
_LOW_MS: Final = 150
#: Longer than any case waits.
_HIGH_MS: Final = 60_000


def _set_throttle(content: Any) -> None:
    """With one attempt left there is the long pause, with two the short one, with three none."""
    content["myClusters"][0]["messageThrottleConfig"] = {
        "lowThreshold": 1,
        "highThreshold": 2,
        "lowInterval": _LOW_MS,
        "highInterval": _HIGH_MS,
    }


def _lose(wire: Wire, target: Target, uri: str, count: int, app_id: str = "") -> None:
    """Let a consumer vanish with so many messages."""
    victim = wire.reader(uri, "victim", app_id=app_id, target=target)
    victim.take_pushes(count)
    victim.crash()


def _data(pushes: list[Push]) -> list[bytes]:
    return [push.data for push in pushes]


def _confirm(actor: Actor, pushes: list[Push], app_id: str = "") -> None:
    for push in pushes:
        actor.confirm(push.guid, q_id=push.queue_id, app_id=app_id)
    actor.settle()


@case(
    "BMQ-POISON-7",
    statement="Between two messages that went down with a consumer there is a pause, the longer one "
    "if few attempts are left.",
    expectation=f"Thresholds 1 and 2, intervals {_LOW_MS} and {_HIGH_MS} ms, two messages lost once in each "
    "of three queues. With 4 attempts both come at once. With 3 the second one comes, not before "
    f"{_LOW_MS} ms. With 2 it comes when the first one is confirmed, and not before.",
    needs=_OWN,
    proves=("ATT-7", "ATT-8"),
)
def test_pauses(wire: Wire, fresh_target: Target) -> None:
    start_anew(fresh_target, "clusters.json", _set_throttle)
    uris = []
    for attempts in (4, 2, 3):  # the short pause begins last, so that the others are out before
        shape = DomainShape(changes={"maxDeliveryAttempts": attempts})
        fresh_target.write_domain(f"attempts.{attempts}", shape)
        uris.append(f"bmq://attempts.{attempts}/q")
        producer = wire.writer(uris[-1], target=fresh_target)
        producer.post(b"%d first" % attempts, b"%d second" % attempts)
        _lose(wire, fresh_target, uris[-1], 2)
    heir = wire.actor("heir", target=fresh_target)
    begun_at = time.monotonic()
    for q_id, uri in enumerate(uris):
        heir.open(uri, q_id, read=True)
        heir.configure(q_id)
        if q_id == 0:
            heir.settle()
            assert _data(list(heir.pushes)) == [b"4 first", b"4 second"], "there is a pause"
    at_once = sorted(heir.take_pushes(4), key=lambda push: push.data)
    assert _data(at_once) == [b"2 first", b"3 first", b"4 first", b"4 second"]
    paused = heir.take_pushes(1)
    assert time.monotonic() - begun_at >= _LOW_MS / 1000, "the pause is too short"
    assert _data(paused) == [b"3 second"]
    heir.settle()
    assert not heir.pushes, "there is no pause"
    _confirm(heir, at_once[:1])
    last = heir.take_pushes(1)
    assert _data(last) == [b"2 second"]
    _confirm(heir, at_once[1:] + paused + last)


@case(
    "BMQ-POISON-8",
    statement="The pause is for the app that lost its consumer, and no other, and nothing overtakes "
    "meanwhile.",
    expectation="Two messages went down with a consumer of foo, and a third one is posted: bar gets "
    "all of them at once; foo gets the first, the second when it has confirmed the first, and then the "
    "third.",
    needs=_OWN,
    proves=("ATT-7", "ATT-8", "BACK-2"),
)
def test_pauses_of_one_app(wire: Wire, fresh_target: Target) -> None:
    start_anew(fresh_target, "clusters.json", _set_throttle)
    shape = DomainShape(mode="fanout", app_ids=APP_IDS, changes={"maxDeliveryAttempts": 2})
    fresh_target.write_domain("attempts.fanout", shape)
    uri = "bmq://attempts.fanout/q"
    producer = wire.writer(uri, target=fresh_target)
    producer.post(b"first", b"second")
    _lose(wire, fresh_target, uri, 2, "foo")
    foo = wire.reader(uri, app_id="foo", target=fresh_target)
    first = foo.take_pushes(1)
    producer.post(b"later")
    bar = wire.reader(uri, app_id="bar", target=fresh_target)
    all_of_them = bar.take_pushes(3)
    assert _data(all_of_them) == [b"first", b"second", b"later"]
    foo.settle()
    assert not foo.pushes, "there is no pause"
    _confirm(foo, first, "foo")
    rest = foo.take_pushes(2)
    assert _data(first + rest) == [b"first", b"second", b"later"]
    _confirm(foo, rest, "foo")
    _confirm(bar, all_of_them, "bar")
