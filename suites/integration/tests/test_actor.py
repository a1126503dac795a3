"""Peers that do errands: what they ask for and post is what the case told them."""

from __future__ import annotations

import pytest

from reference_broker.wire import Compression, decompress
from reference_broker.wire.control import ConsumerInfo, Expression, ExpressionVersion, Subscription
from reference_broker.wire.properties import Property, PropertyType, area_size, decode_properties
from suites.integration.actor import Actor, Want
from suites.integration.admin import queue_words


@pytest.fixture
def actor() -> Actor:
    return Actor("127.0.0.1", 1)


def test_apps_get_sub_ids_in_order_of_use(actor):
    assert [actor.sub_id(app_id) for app_id in ("", "foo", "bar", "foo")] == [0, 1, 2, 1]


def test_a_handle_without_an_app(actor):
    parameters = actor.handle("bmq://d/q", 3, read=True, write=True)
    assert (parameters.uri, parameters.q_id, parameters.flags) == ("bmq://d/q", 3, 6)
    assert (parameters.read_count, parameters.write_count) == (1, 1)
    assert parameters.sub_id_info is None


def test_a_handle_with_an_app(actor):
    actor.sub_id("foo")
    parameters = actor.handle("bmq://d/q", read=True, app_id="bar")
    assert parameters.uri == "bmq://d/q?id=bar"
    assert parameters.sub_id_info is not None
    assert (parameters.sub_id_info.sub_id, parameters.sub_id_info.app_id) == (2, "bar")


def test_a_subscription_to_everything_has_no_version():
    assert Want(priority=3, messages=1, size=2).as_subscription(7) == Subscription(
        7, Expression(ExpressionVersion.E_UNDEFINED, ""), (ConsumerInfo(1, 2, 3, 1),)
    )


def test_a_subscription_by_an_expression():
    expression = Want("x > 1").as_subscription(7).expression
    assert expression == Expression(ExpressionVersion.E_VERSION_1, "x > 1")


@pytest.mark.parametrize("new_style", [True, False])
@pytest.mark.parametrize("is_compressed", [True, False])
def test_messages_with_properties(actor, new_style, is_compressed):
    values = {"x": 1, "s": Property("s", PropertyType.SHORT, 2)}
    put = actor.put_with(values, b"payload", new_style=new_style, is_compressed=is_compressed)
    assert put.compression == (Compression.ZLIB if is_compressed else Compression.NONE)
    data = decompress(put.data) if is_compressed and not new_style else put.data
    size = area_size(data)
    found = decode_properties(data[:size], new_style=new_style)
    assert {name: item.value for name, item in found.items()} == {"x": 1, "s": 2}
    payload = decompress(data[size:]) if is_compressed and new_style else data[size:]
    assert payload == b"payload"


def test_words_about_a_queue():
    assert queue_words("bmq://d.x.~tier/q?id=foo") == "DOMAINS DOMAIN d.x.~tier QUEUE q"
