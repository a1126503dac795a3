from __future__ import annotations

from typing import Any

import pytest

from reference_broker.base import WireError
from reference_broker.config import Mode
from reference_broker.wire import EventReader, EventType
from reference_broker.wire.control import (
    AuthenticationMessage,
    ControlMessage,
    NegotiationMessage,
    decode_message,
)
from suites.fuzz.core import words


def read(message_type: type[object], data: bytes) -> Any:
    (event,) = EventReader(1 << 20).feed(data)
    return decode_message(message_type, event.encoding, event.body)


def test_each_queue_has_its_domain_but_two():
    missing = [spec for spec in words.QUEUES if spec.domain not in words.DOMAINS]
    assert [spec.uri for spec in missing] == ["bmq://fuzz.missing/q", "bmq:/fuzz.memory"]
    for spec in words.QUEUES[:8]:
        config = words.DOMAINS[spec.domain]
        assert (config.mode, config.message_ttl_s) == (spec.mode, spec.ttl_s)
        assert config.app_ids == (spec.apps if spec.mode is Mode.FANOUT else ())


@pytest.mark.parametrize("who", words.Who)
def test_identities_are_identities(who):
    assert read(NegotiationMessage, words.identity(who)).choice is not None
    if who is not words.Who.JSON:
        with pytest.raises(WireError):
            read(ControlMessage, words.identity(who))


def test_credentials_are_credentials():
    for credentials in words.CREDENTIALS:
        message = read(AuthenticationMessage, words.authentication(credentials))
        assert message.choice.mechanism == credentials.mechanism


def test_requests_are_requests_in_both_encodings():
    choices: list[Any] = [words.open_queue("bmq://fuzz.memory/q", 1, lane) for lane in words.LANES]
    choices += [words.configure(1, sub_id, flow) for sub_id in (0, 2) for flow in words.FLOWS]
    choices += [words.close_queue("bmq://fuzz.fanout/q", 1, 2, given) for given in words.RETURNS]
    for choice in [*choices, words.DISCONNECT, words.admin_command("HELP")]:
        for is_json in (False, True):
            data = words.request(5, choice, is_json=is_json)
            (event,) = EventReader(1 << 20).feed(data)
            assert event.type == EventType.CONTROL
            assert read(ControlMessage, data) == ControlMessage(r_id=5, choice=choice)


def test_a_reader_of_a_fanout_queue_names_an_app():
    fanout = words.QUEUES[2]
    assert [words.lane_of(fanout, number).sub_id for number in range(5)] == [1, 0, 1, 2, 3]
    assert words.lane_of(words.QUEUES[0], 0).sub_id == 0


def test_ids_of_subscriptions_are_not_the_same_twice():
    ids = [words.push_id(sub_id, index) for sub_id in range(4) for index in range(2)]
    ids += range(4)
    assert len(set(ids)) == len(ids)


def test_commands():
    assert words.command(0) == ("HELP", None)
    text, purged = words.command(len(words.COMMANDS) + 8)
    assert (text, purged) == ("DOMAINS DOMAIN fuzz.fanout QUEUE q PURGE foo", (2, "foo"))
    assert words.command(len(words.COMMANDS) + len(words.PURGED)) == words.command(0)
