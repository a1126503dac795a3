"""What the toxics do to the bytes of an echo server; our own server and the real one alike."""

from __future__ import annotations

import random
import select
import socket

import pytest

from suites.harness.toxiproxy import ToxiproxyServer
from suites.harness.toxiproxy.tests.peers import (
    Upstream,
    answer_at_end,
    connect,
    echo,
    exchange,
    is_closed,
    read,
    read_to_end,
    seconds,
)
from suites.harness.toxiproxy.toxics import new_stage, parse_toxic

own_only = pytest.mark.parametrize("server", ["own"], indirect=True)
MEGABYTE = 1024 * 1024
DRAWS = [0.31518466952245094, 0.1367371684453088, 0.1929801407189864]  # seed 7, links 0 to 2


def ask(sock: socket.socket, data: bytes = b"x") -> bytes:
    sock.sendall(data)
    return read(sock, len(data))


def is_silent(sock: socket.socket, for_seconds: float) -> bool:
    return select.select([sock], [], [], for_seconds)[0] == []


@pytest.mark.parametrize("stream", ["upstream", "downstream"])
def test_latency_delays_and_ends_with_the_toxic(proxy, stream):
    with connect(proxy.listen) as sock:
        proxy.add_toxic(type="latency", stream=stream, attributes={"latency": 200, "jitter": 20})
        assert 0.17 <= seconds(lambda: ask(sock)) < 5
        proxy.destroy_toxic(f"latency_{stream}")
        assert min(seconds(lambda: ask(sock)) for _ in range(5)) < 0.17


def test_latencies_add_up(proxy):
    proxy.add_toxic(type="latency", name="a", attributes={"latency": 100})
    proxy.add_toxic(type="latency", name="b", attributes={"latency": 100})
    proxy.add_toxic(type="latency", stream="upstream", attributes={"latency": 100})
    with connect(proxy.listen) as sock:
        assert 0.29 <= seconds(lambda: ask(sock)) < 5


def test_latency_does_not_throttle(proxy):
    proxy.add_toxic(type="latency", attributes={"latency": 100})
    with connect(proxy.listen) as sock:
        # One chunk of at most 64 KiB at a time would take over 6 s.
        assert seconds(lambda: exchange(sock, bytes(4 * MEGABYTE))) < 5


@pytest.mark.parametrize("stream", ["upstream", "downstream"])
def test_bandwidth_throttles(proxy, stream):
    proxy.add_toxic(type="bandwidth", stream=stream, attributes={"rate": 100})
    data = random.Random(1).randbytes(50_000)
    with connect(proxy.listen) as sock:
        answers: list[bytes] = []
        assert 0.4 <= seconds(lambda: answers.append(exchange(sock, data))) < 5
        assert answers == [data]


def test_bandwidth_of_nothing_stalls_until_it_is_removed(proxy):
    proxy.add_toxic(type="bandwidth", attributes={"rate": 0})
    with connect(proxy.listen) as sock:
        sock.sendall(b"x")
        assert is_silent(sock, 0.3)
        proxy.destroy_toxic("bandwidth_downstream")
        assert read(sock, 1) == b"x"


def test_slow_close_holds_the_end_back(proxy):
    proxy.add_toxic(type="slow_close", attributes={"delay": 300})
    with connect(proxy.listen) as sock:
        assert ask(sock) == b"x"
        sock.shutdown(socket.SHUT_WR)  # the echo server ends the connection then
        assert 0.28 <= seconds(lambda: read_to_end(sock)) < 5


def test_timeout_of_zero_swallows_until_it_is_removed(proxy):
    with connect(proxy.listen) as sock:
        assert ask(sock) == b"x"
        proxy.add_toxic(type="timeout", attributes={"timeout": 0})
        sock.sendall(b"y")
        assert is_silent(sock, 0.3)
        proxy.destroy_toxic("timeout_downstream")
        assert is_closed(sock)  # bytes were lost, so the stream cannot go on
    with connect(proxy.listen) as sock:
        assert ask(sock) == b"x"


def test_timeout_closes(proxy):
    proxy.add_toxic(type="timeout", stream="upstream", attributes={"timeout": 250})
    with connect(proxy.listen) as sock:
        assert 0.2 <= seconds(lambda: is_closed(sock)) < 5


@pytest.mark.parametrize("stream", ["upstream", "downstream"])
def test_reset_peer_resets(proxy, stream):
    proxy.add_toxic(type="reset_peer", stream=stream, attributes={"timeout": 100})
    with connect(proxy.listen) as sock:
        sock.sendall(b"x")

        def wait_for_reset() -> None:
            with pytest.raises(ConnectionResetError):
                sock.recv(1)

        assert 0.08 <= seconds(wait_for_reset) < 5


def test_slicer_cuts_into_small_reads(proxy):
    attributes = {"average_size": 100, "size_variation": 10, "delay": 4000}
    proxy.add_toxic(type="slicer", attributes=attributes)
    data = random.Random(2).randbytes(2_000)
    with connect(proxy.listen) as sock:
        sock.sendall(data)
        reads: list[bytes] = []
        while sum(map(len, reads)) < len(data):
            reads.append(sock.recv(65_536))
            assert reads[-1], "the connection ended early"
    assert b"".join(reads) == data
    assert len(reads) >= 5


def test_limit_data_closes_after_so_many_bytes(proxy):
    proxy.add_toxic(type="limit_data", attributes={"bytes": 10})
    with connect(proxy.listen) as sock:
        assert ask(sock, b"0123") == b"0123"
        sock.sendall(b"456789abcdef")
        assert read_to_end(sock) == b"456789"


def test_limit_data_can_be_raised_on_the_way(proxy):
    proxy.add_toxic(type="limit_data", name="t", attributes={"bytes": 10})
    with connect(proxy.listen) as sock:
        assert ask(sock, b"01234567") == b"01234567"
        proxy.destroy_toxic("t")
        assert ask(sock, b"89abcdef") == b"89abcdef"


@pytest.mark.parametrize("stream", ["upstream", "downstream"])
def test_a_toxicity_of_zero_spares_every_link(proxy, stream):
    proxy.add_toxic(type="timeout", stream=stream, toxicity=0.0)
    with connect(proxy.listen) as sock:
        assert ask(sock) == b"x"


HARMLESS = {
    "noop": {},
    "latency": {"latency": 20, "jitter": 15},
    "bandwidth": {"rate": 20_000},
    "slow_close": {"delay": 10},
    "slicer": {"average_size": 8_192, "size_variation": 4_000, "delay": 10},
    "limit_data": {"bytes": 100 * MEGABYTE},
}


@pytest.mark.parametrize("kinds", [*([kind] for kind in HARMLESS), list(HARMLESS)], ids="+".join)
def test_four_megabytes_arrive_intact(proxy, kinds):
    for kind in kinds:
        for stream in ("upstream", "downstream"):
            proxy.add_toxic(type=kind, stream=stream, attributes=HARMLESS[kind])
    data = random.Random(3).randbytes(4 * MEGABYTE)
    with connect(proxy.listen) as sock:
        assert exchange(sock, data) == data


def test_bytes_stay_in_order_while_toxics_come_and_go(proxy):
    rng = random.Random(4)
    proxy.add_toxic(type="bandwidth", name="pace", attributes={"rate": 6_000})

    def churn() -> None:
        for number in range(20):
            kind = rng.choice(["noop", "latency", "slicer", "slow_close"])
            stream = rng.choice(["upstream", "downstream"])
            name = f"t{number}"
            proxy.add_toxic(type=kind, name=name, stream=stream, attributes=HARMLESS[kind])
            if number % 3:
                proxy.destroy_toxic(name)

    data = rng.randbytes(4 * MEGABYTE)
    with connect(proxy.listen) as sock:
        assert exchange(sock, data, churn) == data


@own_only
def test_reset_peer_resets_a_connection_that_was_there_before(proxy):
    with connect(proxy.listen) as sock:
        assert ask(sock) == b"x"
        proxy.add_toxic(type="reset_peer")
        sock.sendall(b"x")
        with pytest.raises(ConnectionResetError):
            sock.recv(1)


@own_only
@pytest.mark.parametrize("kind", ["noop", "latency", "bandwidth", "slicer"])
def test_a_half_closed_connection_still_gets_its_answer(client, kind):
    data = random.Random(5).randbytes(300_000)
    with Upstream(answer_at_end) as upstream:
        proxy = client.create(upstream=upstream.address, name="half")
        for stream in ("upstream", "downstream"):
            proxy.add_toxic(type=kind, stream=stream, attributes=HARMLESS[kind])
        with connect(proxy.listen) as sock:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            assert read_to_end(sock) == data


def predict(seed: int, links: int) -> list[bool]:
    toxic = parse_toxic({"type": "limit_data", "name": "t", "toxicity": 0.5})
    stages = (new_stage(toxic, seed=seed, proxy="echo", link=link) for link in range(links))
    return [stage.is_affected for stage in stages]


@pytest.mark.parametrize("seed", [1, 2])
def test_the_seed_alone_decides_which_links_are_affected(seed):
    with ToxiproxyServer("own", seed=seed) as server, Upstream(echo) as upstream:
        proxy = server.client().create(upstream=upstream.address, name="echo")
        proxy.add_toxic(type="limit_data", name="t", toxicity=0.5)
        affected = []
        for _ in range(24):
            with connect(proxy.listen) as sock:
                affected.append(ask(sock) == b"")
    assert affected == predict(seed, 24)
    assert affected != predict(3 - seed, 24)
    assert 4 <= sum(affected) <= 20


def test_draws_are_the_same_in_every_process_and_python():
    toxic = parse_toxic({"type": "latency", "name": "t"})
    draws = [new_stage(toxic, seed=7, proxy="p", link=link).draw for link in range(3)]
    assert draws == pytest.approx(DRAWS, abs=1e-12)
    others = [
        new_stage(toxic, seed=8, proxy="p", link=0),
        new_stage(toxic, seed=7, proxy="q", link=0),
        new_stage(parse_toxic({"type": "latency", "name": "u"}), seed=7, proxy="p", link=0),
    ]
    assert len({stage.draw for stage in others} | set(draws)) == 6


def test_raising_the_toxicity_only_adds_links():
    toxic = parse_toxic({"type": "latency", "name": "t", "toxicity": 0.2})
    stages = [new_stage(toxic, seed=7, proxy="p", link=link) for link in range(200)]
    few = {number for number, stage in enumerate(stages) if stage.is_affected}
    toxic.update({"toxicity": 0.8})
    many = {number for number, stage in enumerate(stages) if stage.is_affected}
    assert few < many
    assert 20 <= len(few) <= 60
    assert 130 <= len(many) <= 190
