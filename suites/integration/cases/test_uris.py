"""BMQ-OPEN, continued: names of queues, domains and tiers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from reference_broker.wire.control import OpenQueue, StatusCategory
from suites.harness.target import Capability, Target, TargetSpec
from suites.harness.topology import DomainShape
from suites.integration.actor import handle
from suites.integration.case import case
from suites.integration.connections import Wire

_NAME_CHARS_MAX: Final = 64


def _open_refused(wire: Wire, uri: str) -> tuple[StatusCategory, int, str]:
    parameters = handle(uri, 0, read=False, write=True)
    status = wire.actor("refused").refusal(OpenQueue(handle_parameters=parameters))
    return StatusCategory(status.category), status.code, status.message


@case(
    "BMQ-OPEN-21",
    statement="A queue's name has up to 64 characters, of those that a name may have.",
    expectation="Names of 63 and 64 characters, with letters, digits, dots, hyphens and underscores, are "
    "opened, told apart, and pass messages on; 65 characters are refused with E_REFUSED, code 0.",
    proves=("URI-3", "URI-5", "URI-8"),
)
def test_longest_name(wire: Wire, queue_uri: str) -> None:
    domain = queue_uri.rpartition("/")[0]
    suffix = "-Az_09." + queue_uri[-12:]  # nobody else's
    names = [suffix.rjust(size, "q") for size in (_NAME_CHARS_MAX - 1, _NAME_CHARS_MAX)]
    actor = wire.actor()
    for q_id, name in enumerate(names):
        actor.open(f"{domain}/{name}", q_id, read=True, write=True)
        actor.configure(q_id)
        (guid,) = actor.post(name.encode(), q_id=q_id)
        (push,) = actor.take_pushes(1)
        assert (push.queue_id, push.guid, push.data) == (q_id, guid, name.encode())
        actor.confirm(guid, q_id=q_id)
    category, code, _ = _open_refused(wire, f"{domain}/q{names[-1]}")
    assert (category, code) == (StatusCategory.E_REFUSED, 0)


@case(
    "BMQ-OPEN-22",
    statement="A domain with a tier is a domain of its own, with a file of its own.",
    expectation="`D` and `D.~t` are configured, with different limits: a queue of one name in both holds "
    "different messages, and each keeps to its own limit; `D.~u`, which has no file, is refused with "
    "E_UNKNOWN, code -1.",
    needs=(Capability.CONFIGURED,),
    proves=("URI-9", "OPEN-15"),
)
def test_tier(
    wire: Wire,
    target: Target,
    target_spec: TargetSpec,
    new_domain: Callable[[DomainShape], str],
) -> None:
    domain = new_domain(DomainShape(queue_limits=(1, 1_000)))
    target.write_domain(f"{domain}.~t", DomainShape(queue_limits=(2, 1_000)))
    plain, tiered = f"bmq://{domain}/q", f"bmq://{domain}.~t/q"
    actor, admin = wire.actor(), wire.admin()
    stored = []
    for q_id, (uri, count) in enumerate(((plain, 2), (tiered, 3))):
        assert actor.open(uri, q_id, write=True).original_request.handle_parameters.uri == uri
        stored.append(actor.post(*(b"%d" % number for number in range(count)), q_id=q_id))
    for uri, guids in zip((plain, tiered), stored, strict=True):
        assert admin.contents(uri) == [guid.hex().upper() for guid in guids]
        consumer = wire.reader(uri)
        assert [push.guid for push in consumer.take_pushes(len(guids))] == guids
        consumer.confirm(*guids)
    category, code, text = _open_refused(wire, f"bmq://{domain}.~u/q")
    assert (category, code) == (StatusCategory.E_UNKNOWN, -1)
    if target_spec.is_ours:
        assert f"{domain}.~u.json' doesn't exist" in text


@case(
    "BMQ-OPEN-23",
    statement="A tier is letters, digits and hyphens, and stands with the domain.",
    expectation="An empty tier, one with a dot or an underscore, two of them, and one behind the "
    "queue's name are refused with E_REFUSED, code 0.",
    proves=("URI-4", "URI-5"),
)
def test_bad_tiers(wire: Wire, queue_uri: str) -> None:
    domain, _, queue = queue_uri.removeprefix("bmq://").partition("/")
    for path in (
        f"{domain}.~/{queue}",
        f"{domain}.~a.b/{queue}",
        f"{domain}.~a_b/{queue}",
        f"{domain}.~a.~b/{queue}",
        f"{domain}/{queue}.~a",
        f".~a/{queue}",
    ):
        category, code, text = _open_refused(wire, f"bmq://{path}")
        assert (category, code) == (StatusCategory.E_REFUSED, 0), f"{path}: {text}"
