"""BMQ-FILE: what a configuration folder may say, and what comes of it."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from typing import Any, Final

import pytest

from reference_broker.wire import AckStatus, put_event
from reference_broker.wire.control import OpenQueue, OpenQueueResponse, Status, StatusCategory
from suites.harness.target import Capability, Target, TargetSpec, free_port
from suites.harness.topology import MEM_DOMAIN, DomainShape
from suites.integration.actor import Actor
from suites.integration.case import case
from suites.integration.config_files import start_anew
from suites.integration.connections import Wire

_CONFIGURED: Final = (Capability.CONFIGURED,)
_LIFECYCLE: Final = (Capability.LIFECYCLE, Capability.CONFIGURED)
_DEDUPLICATION_MS: Final = 300_000
_INVALID: Final = (StatusCategory.E_REFUSED, -10)
_LIMIT: Final = '"maxProducers": 0'
#: What is replaced in a domain's file to spoil it.
_SPOILT: Final = {
    "no JSON": ('"parameters": {', '"parameters": '),
    "a list for an object": ('"definition": {', '"definition": [], "other": {'),
    "too large": (_LIMIT, f'"maxProducers": {2**31}'),
    "a fraction": (_LIMIT, '"maxProducers": 1.5'),
    "a word": (_LIMIT, '"maxProducers": "many"'),
}


def _file(target: Target, domain: str) -> Any:
    return target.storage.parent / "etc" / "domains" / f"{domain}.json"


def _change(target: Target, domain: str, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the parameters in a domain's file."""
    path = _file(target, domain)
    content = json.loads(path.read_text())
    change(content["definition"]["parameters"])
    path.write_text(json.dumps(content))


def _ask_open(actor: Actor, uri: str, q_id: int = 0) -> OpenQueueResponse | Status:
    answer = actor.request(OpenQueue(handle_parameters=actor.handle(uri, q_id, write=True)))
    assert isinstance(answer, OpenQueueResponse | Status), answer
    return answer


@case(
    "BMQ-FILE-1",
    statement="A domain's file may point to another domain, once.",
    expectation="A queue opened by the name of the first is one of the second: what is posted by "
    "either name is read by the other, and counts there; to commands the first is no domain. A domain that points to one that points "
    "on, to itself or to none is refused.",
    needs=_CONFIGURED,
    proves=("FILE-6", "FILE-7", "OPEN-15", "OPEN-16"),
)
def test_redirect(
    wire: Wire, target: Target, target_spec: TargetSpec, new_domain: Callable[[DomainShape], str]
) -> None:
    domain = new_domain(DomainShape(changes={"maxProducers": 2}))
    alias, twice, itself, lost = (f"{domain}.{name}" for name in ("alias", "twice", "itself", "no"))
    for name, aim in ((alias, domain), (twice, alias), (itself, itself), (lost, f"{domain}.lost")):
        _file(target, name).write_text(json.dumps({"redirect": aim}))
    producer, other = wire.writer(f"bmq://{alias}/q"), wire.writer(f"bmq://{domain}/q", "other")
    guids = [*producer.post(b"by the first name"), *other.post(b"by the second")]
    admin = wire.admin()
    assert admin.command(f"DOMAINS DOMAIN {alias} INFOS") == f"Domain '{alias}' doesn't exist"
    assert admin.contents(f"bmq://{domain}/q") == [guid.hex().upper() for guid in guids]
    reader = wire.reader(f"bmq://{alias}/q")
    assert [push.guid for push in reader.take_pushes(2)] == guids
    reader.confirm(*guids)
    for name in (alias, domain):
        status = _ask_open(wire.actor(name), f"bmq://{name}/q")
        assert isinstance(status, Status), "one producer too many"
    actor = wire.actor("refused")
    for name, due in (
        (twice, _INVALID),
        (itself, _INVALID),
        (lost, (StatusCategory.E_UNKNOWN, -1)),
    ):
        status = _ask_open(actor, f"bmq://{name}/q")
        assert isinstance(status, Status), f"{name} is opened"
        assert (status.category, status.code) == due or not target_spec.is_ours, status


@case(
    "BMQ-FILE-2",
    statement="An integer in a file may be written as a string.",
    expectation='`"maxProducers": "1"` is a limit of one producer, `"messages": "2"` one of two '
    "messages; INFOS shows times and attempts as numbers.",
    needs=_CONFIGURED,
    proves=("FILE-8",),
)
def test_numbers_as_strings(
    wire: Wire, target: Target, new_domain: Callable[[DomainShape], str]
) -> None:
    domain = new_domain(DomainShape())

    def quote(parameters: dict[str, Any]) -> None:
        parameters |= {"maxProducers": "1", "messageTtl": "3600", "maxDeliveryAttempts": "7"}
        parameters["storage"]["queueLimits"] |= {"messages": "2", "bytes": "1000"}

    _change(target, domain, quote)
    uri = f"bmq://{domain}/q"
    producer = wire.writer(uri)
    assert isinstance(_ask_open(wire.actor(), uri), Status), "a second producer is let in"
    # The first message beyond the limit is taken, and tells the broker that it is reached.
    producer.send(put_event(producer.puts([b"1", b"2", b"3", b"4"])))
    statuses = [ack[0] for ack in producer.take_acks(4)]
    assert statuses == [AckStatus.SUCCESS] * 3 + [AckStatus.LIMIT_MESSAGES]
    infos = wire.admin().result(f"DOMAINS DOMAIN {domain} INFOS")["domainInfo"]
    config = json.loads(infos["configJson"])
    assert (config["maxDeliveryAttempts"], config["messageTtl"]) == (7, 3600)


@case(
    "BMQ-FILE-3",
    statement="Members that a domain's file leaves out have their defaults, and members that the "
    "format does not have are passed over.",
    expectation="A file with what a domain must have, and with strange members at two levels: no "
    "limits of clients, queues and attempts, a deduplication time of 5 minutes, watermarks at 0.8; "
    "the queue serves.",
    needs=_CONFIGURED,
    proves=("FILE-1", "FILE-5"),
)
def test_missing_and_unknown_members(
    wire: Wire, target: Target, new_domain: Callable[[DomainShape], str]
) -> None:
    domain = new_domain(DomainShape())

    def strip(parameters: dict[str, Any]) -> None:
        kept = {name: parameters[name] for name in ("mode", "storage", "consistency", "messageTtl")}
        for limits in ("queueLimits", "domainLimits"):
            kept["storage"][limits] = {"messages": 10, "bytes": 1000, "colour": ["blue"]}
        parameters.clear()
        parameters |= kept | {"flavour": {"sweet": [1, 2], "sour": {"very": True}}}

    _change(target, domain, strip)
    uri = f"bmq://{domain}/q"
    actor = wire.actor()
    opened = _ask_open(actor, uri)
    assert isinstance(opened, OpenQueueResponse), opened
    assert opened.deduplication_time_ms == _DEDUPLICATION_MS
    actor.post(b"served")
    infos = wire.admin().result(f"DOMAINS DOMAIN {domain} INFOS")["domainInfo"]
    config = json.loads(infos["configJson"])
    for name in ("maxConsumers", "maxProducers", "maxQueues", "maxIdleTime", "maxDeliveryAttempts"):
        assert config[name] == 0, name
    assert config["deduplicationTimeMs"] == _DEDUPLICATION_MS
    limits = config["storage"]["queueLimits"]
    assert (limits["messagesWatermarkRatio"], limits["bytesWatermarkRatio"]) == (0.8, 0.8)


@case(
    "BMQ-FILE-4",
    statement="A domain whose file is wrong is refused, and no other is; when it is mended the "
    "domain is as good as any.",
    expectation="No JSON, a list for an object, a number out of range, a fraction, a word for a number: each is "
    "refused, by the reference broker with E_REFUSED, code -10, and the names of file and member; "
    "after RECONFIGURE of the mended file it is opened.",
    needs=_CONFIGURED,
    proves=("OPEN-16", "FILE-9"),
)
def test_wrong_domain_files(
    wire: Wire, target: Target, target_spec: TargetSpec, new_domain: Callable[[DomainShape], str]
) -> None:
    actor, admin = wire.actor(), wire.admin()
    for q_id, (name, (old, new)) in enumerate(_SPOILT.items()):
        domain = new_domain(DomainShape())
        path = _file(target, domain)
        right = path.read_text()
        assert right.count(old) == 1, name
        path.write_text(right.replace(old, new))
        status = _ask_open(actor, f"bmq://{domain}/q", q_id)
        assert isinstance(status, Status), f"{name}: opened"
        if target_spec.is_ours:
            assert (status.category, status.code) == _INVALID, f"{name}: {status}"
            assert f"{domain}.json" in status.message, name
            assert "maxProducers" in status.message or "maxProducers" not in new, name
        path.write_text(right)
        assert admin.command(f"DOMAINS RECONFIGURE {domain}") == "SUCCESS", name
        actor.open(f"bmq://{domain}/q", q_id, write=True)
        actor.post(b"served", q_id=q_id)


@case(
    "BMQ-FILE-5",
    statement="A broker listens on every listener of its configuration, and then not on "
    "tcpInterface.port.",
    expectation="Three listeners, one with its port as a string, beside members that do not exist: "
    "what a client of one posts a client of another reads; nobody listens on the port.",
    needs=_LIFECYCLE,
    proves=("FILE-3", "FILE-5", "FILE-8", "FILE-10"),
)
def test_listeners(wire: Wire, fresh_target: Target) -> None:
    unused, *ports = free_port(), free_port(), free_port()

    def listen(content: Any) -> None:
        content["strange"] = content["appConfig"]["strange"] = {"members": [{}]}
        tcp = content["appConfig"]["networkInterfaces"]["tcpInterface"]
        (first,) = tcp["listeners"]
        tcp["port"] = unused
        tcp["listeners"] += [
            {"name": "second", "address": first["address"], "port": ports[0], "colour": "red"},
            {"name": "third", "address": first["address"], "port": str(ports[1]), "tls": False},
        ]

    start_anew(fresh_target, "bmqbrkrcfg.json", listen)
    uri = f"bmq://{MEM_DOMAIN}/listeners"
    reader = wire.reader(uri, target=fresh_target)
    for port in ports:
        with Actor(fresh_target.host, port, name=f"at {port}") as producer:
            producer.introduce()
            producer.open(uri, write=True)
            (guid,) = producer.post(b"from elsewhere")
            assert [push.guid for push in reader.take_pushes(1)] == [guid]
            reader.confirm(guid)
            producer.disconnect()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((fresh_target.host, unused), reader.timeout_s)
