from __future__ import annotations

import pytest

from suites.fuzz.net.bystander import Bystander, Operator
from suites.fuzz.net.line import LineError
from suites.fuzz.net.tests.fragile import fragile
from suites.harness.target import free_port


def test_the_bystander_is_served_again_and_again(target):
    bystander = Bystander(target.host, target.port)
    for _ in range(5):
        bystander.check()
    bystander.close()


def test_two_bystanders_do_not_meet(target):
    both = [Bystander(target.host, target.port) for _ in range(2)]
    for bystander in both * 2:
        bystander.check()
    for bystander in both:
        bystander.close()


def test_the_operator_throws_everything_away(target):
    operator = Operator(target.host, target.port)
    operator.purge()
    operator.purge()
    operator.close()


def test_a_bystander_who_is_not_served_says_so():
    with fragile(b"the bystander's message", "hang") as broker:
        bystander = Bystander("127.0.0.1", broker.port, 0.1)
        with pytest.raises(LineError, match=r"waited 0\.1 s for ACK in vain"):
            bystander.check()
        bystander.close()


def test_without_a_broker_there_is_no_bystander():
    with pytest.raises(LineError, match="cannot connect"):
        Bystander("127.0.0.1", free_port())
    with pytest.raises(LineError, match="cannot connect"):
        Operator("127.0.0.1", free_port())
