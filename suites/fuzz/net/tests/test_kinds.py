from __future__ import annotations

import pytest

from reference_broker.wire import EventReader
from suites.fuzz.net.kinds import KINDS, PEER_COUNT, steps_to
from suites.fuzz.oracles.broker_bench import ATTACKER, BrokerBench


def test_the_peers_counts():
    assert len(KINDS) == 9
    assert PEER_COUNT == 46_646


@pytest.mark.parametrize("name", KINDS)
def test_each_step_is_answered_as_told(name):
    bench = BrokerBench()
    kind = KINDS[name]
    for data, answer in (*steps_to(name), (kind.forms[0], kind.answer)):
        bench.attack(data)
        types = [event.type for event in EventReader(1 << 20).feed(bench.take_sent(ATTACKER))]
        assert answer is None or answer in types
    bench.check_bystander()
    bench.hang_up()


def test_a_confirm_finds_its_message():
    bench = BrokerBench()
    for data, _ in steps_to("confirm"):
        bench.attack(data)
    assert bench.broker.statistics().unconfirmed == 1
    bench.attack(KINDS["confirm"].forms[0])
    assert bench.broker.statistics().unconfirmed == 0


@pytest.mark.parametrize(
    ("name", "form"),
    [(name, number) for name, kind in KINDS.items() for number in range(len(kind.forms))],
)
def test_no_form_ends_the_session(name, form):
    bench = BrokerBench()
    for data, _ in steps_to(name):
        bench.attack(data)
    bench.attack(KINDS[name].forms[form])
    assert bench.broker.statistics().sessions == 2
