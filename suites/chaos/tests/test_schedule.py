from __future__ import annotations

from dataclasses import replace

import pytest

from suites.chaos.schedule import (
    CONSUMER_LINK,
    DOWNSTREAM,
    NODE,
    PARAMETER_MAX,
    PRODUCER_LINK,
    SECONDS_MAX,
    STEPS_MAX,
    UPSTREAM,
    Action,
    Schedule,
    ScheduleError,
    Step,
    black_hole,
    crash,
    cut,
)

RESET = Step(
    at_s=1.0, action=Action.RESET_PEER, target=PRODUCER_LINK, parameters={"timeout_ms": 250}
)
HEAL = Step(at_s=2.5, action=Action.HEAL, target=PRODUCER_LINK)
HOLE = Step(at_s=1, action=Action.BLACK_HOLE, target=PRODUCER_LINK, parameters={"stream": UPSTREAM})


@pytest.mark.parametrize(
    "schedule",
    [
        black_hole(1.0, 1.25, 3.0),
        cut(1.0, 2.0),
        crash(0.5, 0.75),
        Schedule("reset", (RESET, HEAL)),
        Schedule("peace", ()),
    ],
    ids=lambda schedule: schedule.name,
)
def test_a_schedule_survives_json(schedule):
    data = schedule.to_json()
    assert Schedule.from_json(data) == schedule
    assert Schedule.from_json(data).to_json() == data


def test_a_schedule_is_data_that_people_can_write():
    text = b"""{
        "name": "one",
        "steps": [
            {"at_s": 1, "action": "cut", "target": "producers-broker"},
            {"at_s": 2.5, "action": "heal", "target": "producers-broker"}
        ]
    }"""
    break_link = Step(at_s=1, action=Action.CUT, target=PRODUCER_LINK)
    assert Schedule.from_json(text) == Schedule("one", (break_link, HEAL))


def test_a_schedule_is_a_line_for_people():
    text = "reset: 1 s: reset-peer producers-broker timeout_ms=250; 2.5 s: heal producers-broker"
    assert str(Schedule("reset", (RESET, HEAL))) == text


def test_the_black_hole_takes_acknowledgements_first():
    steps = black_hole(1, 2, 3).steps
    first = [step for step in steps if step.at_s == 1]
    assert [(step.target, step.parameters) for step in first] == [
        (PRODUCER_LINK, {"stream": DOWNSTREAM})
    ]
    holes = {(step.target, step.parameters["stream"]) for step in steps if step.parameters}
    assert holes == {
        (link, stream)
        for link in (PRODUCER_LINK, CONSUMER_LINK)
        for stream in (UPSTREAM, DOWNSTREAM)
    }


@pytest.mark.parametrize("at_s", [-1, float("nan"), SECONDS_MAX + 1])
def test_a_time_out_of_range(at_s):
    with pytest.raises(ScheduleError, match=r"at_s must be from 0 to 86400"):
        Step(at_s=at_s, action=Action.KILL, target=NODE)


@pytest.mark.parametrize(
    ("action", "parameters", "message"),
    [
        (Action.RESET_PEER, {}, "the parameters must be: timeout_ms"),
        (Action.KILL, {"timeout_ms": 1}, "the parameters must be: none"),
        (Action.RESET_PEER, {"timeout_ms": -1}, f"timeout_ms must be from 0 to {PARAMETER_MAX}"),
        (Action.RESET_PEER, {"timeout_ms": "1"}, f"timeout_ms must be from 0 to {PARAMETER_MAX}"),
        (Action.BLACK_HOLE, {"stream": "up"}, "stream must be one of upstream, downstream"),
        (Action.BLACK_HOLE, {"stream": 1}, "stream must be one of upstream, downstream"),
    ],
)
def test_parameters_that_the_action_does_not_take(action, parameters, message):
    with pytest.raises(ScheduleError, match=message):
        Step(at_s=0, action=action, target=PRODUCER_LINK, parameters=parameters)


def test_steps_must_be_in_order():
    with pytest.raises(ScheduleError, match=r"'1 s: reset-peer .* comes after '2\.5 s: heal"):
        Schedule("x", (HEAL, RESET))


def test_steps_are_bounded():
    with pytest.raises(ScheduleError, match=f"has {STEPS_MAX + 1} steps; the limit is {STEPS_MAX}"):
        Schedule("x", (HEAL,) * (STEPS_MAX + 1))


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param((HOLE,), id="never"),
        pytest.param((replace(HEAL, at_s=0.5), HOLE), id="before it"),
        pytest.param((HOLE, replace(HEAL, target=CONSUMER_LINK)), id="elsewhere"),
        pytest.param((HOLE, replace(HEAL, action=Action.RESTART)), id="by other means"),
    ],
)
def test_every_fault_must_end(steps):
    with pytest.raises(ScheduleError, match=r"no heal follows '1 s: black-hole .*add one"):
        Schedule("x", steps)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"[]",
        b'{"name": "x"}',
        b'{"name": "x", "steps": [{"at_s": 0, "action": "explode", "target": "broker"}]}',
        b'{"name": "x", "steps": [{"at_s": -1, "action": "heal", "target": "broker"}]}',
        b'{"name": "x", "steps": [{"at_s": 0, "action": "kill", "target": "broker"}]}',
    ],
)
def test_what_is_no_schedule_is_refused(data):
    with pytest.raises(ScheduleError):
        Schedule.from_json(data)
