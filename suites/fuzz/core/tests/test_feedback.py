from __future__ import annotations

import pytest

from suites.fuzz.core import feedback
from suites.fuzz.core.feedback import STATES_MAX, branches, observe_state


def test_nobody_is_told_before_install():
    observe_state(1)


def test_each_state_is_a_branch_of_its_own():
    reserved = iter(range(100))
    taken: list[int] = []
    observe = branches(lambda: next(reserved), taken.append)
    for key in (7, 9, 7, 7):
        observe(key)
    assert taken == [0, 1, 0, 0]


def test_the_number_of_branches_is_bounded():
    taken: list[int] = []
    observe = branches(lambda: len(taken), taken.append)
    for key in range(STATES_MAX + 3):
        observe(key)
    assert len(taken) == STATES_MAX


def test_install_finds_its_doors(monkeypatch):
    pytest.importorskip("atheris", reason="atheris is not there on this platform")
    monkeypatch.setattr(feedback, "_observers", [])
    feedback.install()
    observe_state(1)
    assert len(feedback._observers) == 1
