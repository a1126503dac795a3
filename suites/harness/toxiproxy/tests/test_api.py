"""The HTTP API, by `toxiproxy-python` and raw; our own server and the real one alike."""

from __future__ import annotations

import http.client
import json
from typing import Any

import pytest
from toxiproxy import Toxiproxy
from toxiproxy.exceptions import InvalidToxic, NotFound, ProxyExists

from suites.harness.toxiproxy import ToxiproxyServer
from suites.harness.toxiproxy.tests.peers import Upstream, connect, is_closed

NOWHERE = "127.0.0.1:1"
own_only = pytest.mark.parametrize("server", ["own"], indirect=True)


def call(
    server: ToxiproxyServer,
    method: str,
    path: str,
    body: Any = None,
    *,
    agent: str = "test",
) -> tuple[int, Any]:
    """Make a request; a `str` body is sent as it is. Return the status and the parsed answer."""
    connection = http.client.HTTPConnection(server.host, server.port, timeout=10)
    try:
        text = body if isinstance(body, str) or body is None else json.dumps(body)
        connection.request(method, path, body=text, headers={"User-Agent": agent})
        response = connection.getresponse()
        answer = response.read().decode()
    finally:
        connection.close()
    try:
        return response.status, json.loads(answer)
    except ValueError:
        return response.status, answer


def test_version_is_json(server):
    status, answer = call(server, "GET", "/version")
    assert status == 200
    assert answer == {"version": server.version}


def test_proxies_are_created_shown_and_destroyed(client, server):
    proxy = client.create(upstream=NOWHERE, name="one")
    assert proxy.enabled is True
    assert int(proxy.listen.removeprefix("127.0.0.1:")) > 0
    assert list(client.proxies()) == ["one"]
    status, shown = call(server, "GET", "/proxies/one")
    assert status == 200
    shown.pop("Logger", None)  # an accident of the real server
    assert shown == {
        "name": "one",
        "listen": proxy.listen,
        "upstream": NOWHERE,
        "enabled": True,
        "toxics": [],
    }
    assert proxy.destroy() is True
    assert client.get_proxy("one") is None
    assert call(server, "GET", "/proxies") == (200, {})


def test_a_disabled_proxy_is_created_without_a_port(client):
    proxy = client.create(upstream=NOWHERE, name="one", enabled=False)
    assert (proxy.enabled, proxy.listen) == (False, "127.0.0.1:0")


def test_a_second_proxy_of_the_same_name_is_refused(client, server):
    client.create(upstream=NOWHERE, name="one")
    with pytest.raises(ProxyExists):
        client.create(upstream=NOWHERE, name="one")
    answer = call(server, "POST", "/proxies", {"name": "one", "upstream": NOWHERE})
    assert answer == (409, {"error": "proxy already exists", "status": 409})


def test_a_taken_port_is_told(client, server):
    listen = client.create(upstream=NOWHERE, name="one").listen
    body = {"name": "two", "upstream": NOWHERE, "listen": listen}
    status, answer = call(server, "POST", "/proxies", body)
    assert (status, answer["status"]) == (500, 500)
    assert "already in use" in answer["error"]
    assert "two" not in client.proxies()


@pytest.mark.parametrize(
    ("method", "path", "error"),
    [
        ("GET", "/proxies/none", "proxy not found"),
        ("POST", "/proxies/none", "proxy not found"),
        ("PATCH", "/proxies/none", "proxy not found"),
        ("DELETE", "/proxies/none", "proxy not found"),
        ("GET", "/proxies/none/toxics", "proxy not found"),
        ("POST", "/proxies/none/toxics", "proxy not found"),
        ("GET", "/proxies/none/toxics/none", "proxy not found"),
        ("GET", "/proxies/one/toxics/none", "toxic not found"),
        ("POST", "/proxies/one/toxics/none", "toxic not found"),
        ("PATCH", "/proxies/one/toxics/none", "toxic not found"),
        ("DELETE", "/proxies/one/toxics/none", "toxic not found"),
    ],
)
def test_what_is_not_there_is_told(client, server, method, path, error):
    client.create(upstream=NOWHERE, name="one")
    body: Any = {} if method in {"POST", "PATCH"} else None
    assert call(server, method, path, body) == (404, {"error": error, "status": 404})


@pytest.mark.parametrize(
    ("path", "body", "error"),
    [
        ("/proxies", "", "bad request body: "),
        ("/proxies", "{bad", "bad request body: "),
        ("/proxies", [], "bad request body: "),
        ("/proxies", {}, "missing required field: name"),
        ("/proxies", {"name": "two"}, "missing required field: upstream"),
        ("/proxies", {"name": "two", "upstream": 1}, "bad request body: "),
        ("/proxies", {"name": "two", "upstream": NOWHERE, "enabled": 1}, "bad request body: "),
        ("/proxies/one", "{bad", "bad request body: "),
        ("/proxies/one", {"enabled": "yes"}, "bad request body: "),
        ("/proxies/one/toxics", "{bad", "bad request body: "),
        ("/proxies/one/toxics", {}, "invalid toxic type"),
        ("/proxies/one/toxics", {"type": "zap"}, "invalid toxic type"),
        (
            "/proxies/one/toxics",
            {"type": "noop", "stream": "sideways"},
            "stream was invalid, can be either upstream or downstream",
        ),
        ("/proxies/one/toxics", {"type": "noop", "toxicity": "a"}, "bad request body: "),
        (
            "/proxies/one/toxics",
            {"type": "latency", "attributes": {"latency": "a"}},
            "bad request body: ",
        ),
        (
            "/proxies/one/toxics",
            {"type": "latency", "attributes": {"latency": 1.5}},
            "bad request body: ",
        ),
        ("/populate", "{bad", "bad request body: "),
        ("/populate", {"name": "two"}, "bad request body: "),
        ("/populate", [{"upstream": NOWHERE}], "missing required field: name at proxy 1"),
        ("/populate", [{"name": "two"}], "missing required field: upstream at proxy 1"),
    ],
)
def test_a_body_that_is_not_right_is_refused(client, server, path, body, error):
    client.create(upstream=NOWHERE, name="one")
    status, answer = call(server, "POST", path, body)
    assert (status, answer["status"]) == (400, 400)
    assert answer["error"].startswith(error)
    assert list(client.proxies()) == ["one"]
    assert client.get_proxy("one").toxics() == {}


def test_a_listen_address_without_a_port_is_refused(server):
    body = {"name": "one", "upstream": NOWHERE, "listen": "nonsense"}
    status, answer = call(server, "POST", "/proxies", body)
    assert status == 500
    assert "nonsense" in answer["error"]


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_proxy_is_updated(client, server, method):
    proxy = client.create(upstream=NOWHERE, name="one")
    status, answer = call(server, method, "/proxies/one", {"enabled": False})
    assert (status, answer["enabled"], answer["listen"]) == (200, False, proxy.listen)
    status, answer = call(server, method, "/proxies/one", {"enabled": True})
    assert (status, answer["enabled"], answer["listen"]) == (200, True, proxy.listen)
    change = {"upstream": "127.0.0.1:2", "name": "other"}
    status, answer = call(server, method, "/proxies/one", change)
    assert (status, answer["upstream"], answer["name"]) == (200, "127.0.0.1:2", "one")
    status, answer = call(server, method, "/proxies/one", {"listen": "127.0.0.1:0"})
    assert (status, answer["enabled"]) == (200, True)
    assert answer["listen"] not in {proxy.listen, "127.0.0.1:0"}


def test_toxics_are_added_shown_updated_and_removed(client, server):
    proxy = client.create(upstream=NOWHERE, name="one")
    proxy.add_toxic(type="latency", attributes={"latency": 5, "unknown": 1})
    proxy.add_toxic(type="slicer", name="cut", stream="upstream", toxicity=0.5)
    latency = proxy.get_toxic("latency_downstream")
    assert latency.attributes == {"latency": 5, "jitter": 0}
    assert (latency.type, latency.stream, latency.toxicity) == ("latency", "downstream", 1)
    path = "/proxies/one/toxics/latency_downstream"
    change = {"toxicity": 0.25, "attributes": {"jitter": 3}, "stream": "upstream", "name": "x"}
    expected = {
        "attributes": {"latency": 5, "jitter": 3},
        "name": "latency_downstream",
        "type": "latency",
        "stream": "downstream",
        "toxicity": 0.25,
    }
    assert call(server, "PATCH", path, change) == (200, expected)
    assert call(server, "POST", path, {}) == (200, expected)
    assert call(server, "GET", path) == (200, expected)
    assert call(server, "POST", path, {"attributes": {"jitter": "a"}})[0] == 400
    _, toxics = call(server, "GET", "/proxies/one/toxics")
    assert [toxic["name"] for toxic in toxics] == ["cut", "latency_downstream"]
    assert call(server, "GET", "/proxies/one")[1]["toxics"] == toxics
    assert proxy.destroy_toxic("cut") is True
    assert list(proxy.toxics()) == ["latency_downstream"]
    with pytest.raises(NotFound):
        proxy.destroy_toxic("cut")


@pytest.mark.parametrize(
    ("kind", "attributes"),
    [
        ("latency", {"latency": 0, "jitter": 0}),
        ("bandwidth", {"rate": 0}),
        ("slow_close", {"delay": 0}),
        ("timeout", {"timeout": 0}),
        ("reset_peer", {"timeout": 0}),
        ("slicer", {"average_size": 0, "size_variation": 0, "delay": 0}),
        ("limit_data", {"bytes": 0}),
        ("noop", {}),
    ],
)
def test_attributes_are_zero_unless_given(client, server, kind, attributes):
    client.create(upstream=NOWHERE, name="one")
    status, answer = call(
        server, "POST", "/proxies/one/toxics", {"type": kind, "stream": "UPSTREAM"}
    )
    assert status == 200
    assert answer == {
        "attributes": attributes,
        "name": f"{kind}_UPSTREAM",
        "type": kind,
        "stream": "UPSTREAM",
        "toxicity": 1,
    }


def test_a_second_toxic_of_the_same_name_is_refused(client, server):
    proxy = client.create(upstream=NOWHERE, name="one")
    proxy.add_toxic(type="latency", name="t")
    with pytest.raises(ProxyExists):  # that is how the client calls any 409
        proxy.add_toxic(type="noop", name="t", stream="upstream")
    with pytest.raises(InvalidToxic):
        proxy.add_toxic(type="zap")
    answer = call(server, "POST", "/proxies/one/toxics", {"type": "noop", "name": "t"})
    assert answer == (409, {"error": "toxic already exists", "status": 409})


def test_reset_enables_and_cleans_every_proxy(client):
    one = client.create(upstream=NOWHERE, name="one")
    one.add_toxic(type="latency")
    one.disable()
    client.create(upstream=NOWHERE, name="two", enabled=False)
    assert client.reset() is True
    for proxy in client.proxies().values():
        assert proxy.enabled is True
        assert proxy.toxics() == {}
        assert not proxy.listen.endswith(":0")


def test_populate_keeps_replaces_and_makes(client, server):
    kept = client.create(upstream=NOWHERE, name="kept")
    kept.add_toxic(type="noop")
    replaced = client.create(upstream=NOWHERE, name="replaced")
    replaced.add_toxic(type="noop")
    bodies = [
        {"name": "kept", "upstream": NOWHERE, "listen": kept.listen, "enabled": False},
        {"name": "replaced", "upstream": "127.0.0.1:2", "listen": replaced.listen},
        {"name": "made", "upstream": NOWHERE, "listen": "127.0.0.1:0", "enabled": False},
    ]
    status, answer = call(server, "POST", "/populate", bodies)
    assert status == 201
    shown = [(p["name"], p["enabled"], len(p["toxics"])) for p in answer["proxies"]]
    assert shown == [("kept", True, 1), ("replaced", True, 0), ("made", False, 0)]
    assert answer["proxies"][1]["upstream"] == "127.0.0.1:2"
    assert call(server, "POST", "/populate", []) == (201, {"proxies": None})


def test_populate_tells_how_far_it_came(client, server):
    listen = client.create(upstream=NOWHERE, name="there").listen
    bodies = [
        {"name": "first", "upstream": NOWHERE, "listen": "127.0.0.1:0"},
        {"name": "second", "upstream": NOWHERE, "listen": listen},
        {"name": "third", "upstream": NOWHERE, "listen": "127.0.0.1:0"},
    ]
    status, answer = call(server, "POST", "/populate", bodies)
    assert (status, answer["status"]) == (500, 500)
    assert [proxy["name"] for proxy in answer["proxies"]] == ["first"]
    assert sorted(client.proxies()) == ["first", "there"]


def test_browsers_are_turned_away(server):
    answer = call(server, "GET", "/proxies", agent="Mozilla/5.0 (X11)")
    assert answer == (403, "User agent not allowed\n")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nowhere", 404), ("PUT", "/proxies", 405), ("HEAD", "/version", 405)],
)
def test_routes_that_do_not_exist(server, method, path, status):
    assert call(server, method, path)[0] == status


def test_the_blocking_client_sees_the_server(client: Toxiproxy, echo_server: Upstream):
    assert client.running() is True
    made = client.populate([{"name": "p", "upstream": echo_server.address}])
    assert [proxy.name for proxy in made] == ["p"]
    with made[0].down():
        assert client.get_proxy("p").enabled is False
    assert client.get_proxy("p").enabled is True
    with connect(made[0].listen) as sock:
        sock.sendall(b"hello")
        assert sock.recv(5) == b"hello"
        assert client.destroy(made[0]) is True
        assert is_closed(sock)


@own_only
@pytest.mark.parametrize(
    ("field", "address"),
    [
        ("listen", "0.0.0.0:0"),
        ("listen", "[::]:0"),
        ("listen", ":0"),
        ("listen", "192.0.2.1:80"),
        ("upstream", "192.0.2.1:80"),
        ("upstream", "example.org:80"),
        ("upstream", "127.0.0.1"),
        ("upstream", "127.0.0.1:0"),
        ("upstream", "127.0.0.1:65536"),
    ],
)
def test_addresses_off_the_loopback_are_refused_by_name(client, server, field, address):
    body = {"name": "one", "upstream": NOWHERE, "listen": "127.0.0.1:0", field: address}
    status, answer = call(server, "POST", "/proxies", body)
    assert status == 400
    assert answer["error"].startswith(f"{field} ")
    assert repr(address) in answer["error"] or "loopback" in answer["error"]
    client.create(upstream=NOWHERE, name="one")
    assert call(server, "PATCH", "/proxies/one", {field: address})[0] == 400
    assert client.get_proxy("one").enabled is True


@own_only
@pytest.mark.parametrize(
    "change",
    [
        {"toxicity": 1.5},
        {"toxicity": -0.1},
        {"attributes": {"latency": -1}},
        {"attributes": {"latency": True}},
        {"attributes": {"latency": 2**63}},
        {"toxicity": 0.5, "attributes": {"jitter": -1}},
    ],
)
def test_numbers_out_of_range_are_refused_and_nothing_changes(client, server, change):
    client.create(upstream=NOWHERE, name="one").add_toxic(type="latency", name="t")
    assert call(server, "POST", "/proxies/one/toxics", {"type": "latency", **change})[0] == 400
    assert call(server, "PATCH", "/proxies/one/toxics/t", change)[0] == 400
    _, toxics = call(server, "GET", "/proxies/one/toxics")
    assert [(t["toxicity"], t["attributes"]) for t in toxics] == [(1, {"latency": 0, "jitter": 0})]


@own_only
def test_a_body_that_nests_too_deep_is_refused(server):
    assert call(server, "POST", "/proxies", "[" * 100_000)[0] == 400


@own_only
def test_there_is_a_most_of_everything(client, server):
    proxy = client.create(upstream=NOWHERE, name="one")
    for number in range(64):
        proxy.add_toxic(type="noop", name=f"t{number}")
    status, answer = call(server, "POST", "/proxies/one/toxics", {"type": "noop"})
    assert status == 400
    assert "at most 64 toxics" in answer["error"]
