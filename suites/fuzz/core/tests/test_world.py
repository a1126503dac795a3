from __future__ import annotations

import pytest

from reference_broker.base import Instant, seconds
from reference_broker.ports import AdminCommand, CreateFile, LoadDomain, Sync, Write
from suites.fuzz.core.world import EndedError, Held, Listener, Loss, World


class Ears(Listener):
    """Note what is heard."""

    def __init__(self) -> None:
        self.heard: list[object] = []
        self.steps = 0

    def sent(self, connection, data):
        self.heard.append(("sent", connection, data))
        return data

    def left(self, connection, token):
        self.heard.append(("left", connection, token))

    def closed(self, connection, reason):
        self.heard.append(("closed", connection, reason))

    def answered(self, token):
        self.heard.append(("answered", token))

    def stepped(self):
        self.steps += 1


@pytest.fixture
def ears():
    return Ears()


@pytest.fixture
def world(ears):
    world = World()
    world.start(ears)
    return world


def obey(world: World, ears: Ears, *effects: object) -> None:
    """Let the world obey effects that the core did not have."""
    for effect in effects:
        world._OBEY[type(effect)](world, effect, ears)


def test_commands_are_answered(world, ears):
    world.run([AdminCommand(3, "HELP")], ears)
    assert ears.heard == [("answered", 3)]


def test_time_passes_in_stops(world, ears):
    before = world.step_count
    world.wait(seconds(5), 3, ears)
    assert world.now == seconds(5)
    assert world.step_count > before


def test_what_is_held_back_comes_when_it_is_released(world, ears):
    world.held.add(Held.DOMAINS)
    obey(world, ears, LoadDomain("fuzz.memory"))
    assert (world.is_waited_for(Held.DOMAINS), world.has_answers) == (True, False)
    world.release(Held.DOMAINS)
    assert (world.is_waited_for(Held.DOMAINS), world.has_answers) == (False, True)
    assert not world.held


def test_a_domain_is_loaded_once_the_broker_knows(world, ears):
    world.run([AdminCommand(1, "DOMAINS RECONFIGURE fuzz.memory")], ears)
    world.run([AdminCommand(2, "DOMAINS RECONFIGURE fuzz.nowhere")], ears)
    assert world.loaded == {"fuzz.memory"}


@pytest.mark.parametrize(
    ("loss", "torn_bytes", "left"),
    [(Loss.NOTHING, 0, b"safelost"), (Loss.UNSYNCED, 0, b"safe"), (Loss.TORN, 3, b"safelos")],
)
def test_power_loss_takes_what_was_not_synced(world, ears, loss, torn_bytes, left):
    obey(world, ears, CreateFile("log"), Write("log", [b"safe"]), Sync("log", 0))
    world._durable_until(1, ears)
    obey(world, ears, Write("log", [b"lost"]))
    files = world.files
    world._begin = lambda: None
    world.start = lambda _: None
    world.restart(loss, torn_bytes, ears)
    assert files["log"] == left


def test_a_sync_that_is_held_back_makes_nothing_durable(world, ears):
    world.held.add(Held.SYNCS)
    obey(world, ears, CreateFile("log"), Write("log", [b"late"]), Sync("log", 9))
    assert world._durable["log"] == 0
    world.finish_syncs(ears)
    assert world._durable["log"] == 4


def test_a_new_file_makes_older_ones_durable(world, ears):
    obey(world, ears, CreateFile("one"), Write("one", [b"1234"]), CreateFile("two"))
    assert (world._durable["one"], world._durable["two"]) == (4, 0)


def test_a_write_that_fails_ends_the_broker(world, ears):
    obey(world, ears, CreateFile("log"))
    world.fails_next = True
    with pytest.raises(EndedError):
        obey(world, ears, Write("log", [b"12345678"]))
    assert world.files["log"] == b"1234"


def test_a_restart_takes_time(world, ears):
    world.now = Instant(seconds(1))
    world.restart(Loss.NOTHING, 0, ears)
    assert world.now > seconds(1)
