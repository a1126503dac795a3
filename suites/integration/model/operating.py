"""Acts of the operator and of time."""

from __future__ import annotations

from typing import Final

from reference_broker.wire import HEARTBEAT_REQUEST
from suites.integration.model.bench import Bench
from suites.integration.model.checking import Due
from suites.integration.model.line import DeviationError
from suites.integration.model.plan import Plan
from suites.integration.model.queue import Queue

_NS: Final = 1_000_000_000
#: How long a client may be silent at first, in seconds.
_GRACE_S: Final = 175


def purge(bench: Bench, queue: Queue, app_id: str | None) -> None:
    """Purge a queue, or what one app has not confirmed."""
    app = app_id if app_id is not None and queue.domain.plan.mode == "fanout" else None
    found = bench.command(f"{queue.words} PURGE {app or '*'}")
    size = sum(
        message.content.size for message in (queue.apps[app].copies if app else queue.stored)
    )
    count = queue.purge(app, bench.driver.now)
    _check_purged(found, {queue.uri: (count, size)} if queue.exists else None)
    bench.check(Due())
    bench.check_stored(queue)


def purge_domain(bench: Bench, number: int) -> None:
    """Purge all queues of a domain."""
    domain = bench.domains[number % len(bench.domains)]
    found = bench.command(f"DOMAINS DOMAIN {domain.name} PURGE")
    wanted = {}
    for queue in domain.queues:
        size = sum(message.content.size for message in queue.stored)
        count = queue.purge(None, bench.driver.now)
        if queue.exists:
            wanted[queue.uri] = (count, size)
    _check_purged(found, wanted)
    bench.check(Due())
    bench.check_all_stored()


def _check_purged(found: dict[str, object], wanted: dict[str, tuple[int, int]] | None) -> None:
    """Check what a purge tells; with None it must be an error."""
    if wanted is None:
        if "error" not in found:
            raise DeviationError(f"the purge of a queue that is not there gives {found!r}")
        return
    purged = found.get("purgedQueues")
    if not isinstance(purged, dict):
        raise DeviationError(f"a purge gives {found!r}")
    told = {
        each["queue"]["queueUri"]: (
            each["queue"]["numMessagesPurged"],
            each["queue"]["numBytesPurged"],
        )
        for each in purged.get("queues", [])
    }
    if {uri: counts for uri, counts in told.items() if counts[0]} != {
        uri: counts for uri, counts in wanted.items() if counts[0]
    }:
        raise DeviationError(f"a purge of {wanted} tells {told}")


def reconfigure(bench: Bench, number: int, plan: Plan) -> None:
    """Change a domain's configuration, and tell the broker."""
    domain = bench.domains[number % len(bench.domains)]
    domain.now = bench.driver.now
    bench.driver.configure(domain.name, plan)
    domain.plan = plan
    found = bench.command(f"DOMAINS RECONFIGURE {domain.name}")
    is_loaded = any(queue.exists for queue in domain.queues)
    if is_loaded and "success" not in found:
        raise DeviationError(f"RECONFIGURE gives {found!r}")
    for queue in domain.queues:
        queue.authorise()
    bench.check(Due())


def ask_for_life(bench: Bench, slot: int, count: int) -> None:
    """Ask for heartbeats; each is answered."""
    client = bench.client(slot)
    before = client.line.answered
    bench.act(client.line.slot, HEARTBEAT_REQUEST * count, Due())
    if client.line.answered - before < count:
        answered = client.line.answered - before
        raise DeviationError(f"client {slot}: {answered} of {count} heartbeats are answered")


def advance(bench: Bench, seconds: int) -> None:
    """Let time pass; silent clients are lost, others are asked and stay."""
    driver = bench.driver
    before = driver.now
    asked = {slot: client.line.asked for slot, client in bench.clients.items()}
    driver.advance(seconds, bench.pump)
    due = Due()
    interval = driver.heartbeat_s
    for slot, client in bench.clients.items():
        silent_s = (driver.now - client.spoke_at) // _NS
        if client.line.is_mute and not client.has_spoken:
            if silent_s >= _GRACE_S:
                due.may_close.add(slot)
        elif client.line.is_mute:
            if silent_s > interval * (driver.heartbeats_max + 2):
                due.closed.add(slot)
            elif silent_s >= interval * driver.heartbeats_max - 1:
                due.may_close.add(slot)
        quiet_s = (driver.now - max(before, client.spoke_at)) // _NS
        is_asked = client.line.asked > asked[slot] or driver.is_closed(slot)
        if quiet_s >= 3 * interval and not is_asked:
            raise DeviationError(f"client {slot} is silent for {quiet_s} s and not asked")
    for slot in sorted(due.closed | due.may_close):
        if driver.is_closed(slot):
            bench.drop(slot, is_lost=True)
    bench.note_age()
    bench.check(due)
