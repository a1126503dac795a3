from __future__ import annotations

from types import ModuleType

import pytest

from suites.harness.defects.doors import (
    ANYTHING,
    after,
    before,
    defect,
    defects_of,
    door,
    rebound,
    replace,
    wrap,
)

LIMIT = 10


def within(number: int, *, more: int = 0) -> bool:
    return number < LIMIT + more


class Room:
    def double(self, number: int) -> int:
        return 2 * number


@pytest.fixture
def room() -> type[Room]:
    return type("Room", (Room,), dict(vars(Room)))


def test_a_door_that_is_gone_is_an_error(room: type[Room]):
    for go_in in (
        lambda: door(room, "triple"),
        lambda: replace(room, "triple", None),
        lambda: wrap(room, "triple", lambda function: function),
        lambda: rebound(within, NO_LIMIT=1),
        lambda: rebound(print),
    ):
        with pytest.raises(AttributeError):
            go_in()
    assert not hasattr(room, "triple")


def test_after_changes_the_result_and_sees_the_arguments(room: type[Room]):
    after(room, "double", lambda result, _, number: result + number)
    assert room().double(4) == 12


def test_before_looks_at_the_arguments(room: type[Room]):
    seen: list[int] = []
    before(room, "double", lambda _, number: seen.append(number))
    assert room().double(4) == 8
    assert seen == [4]


def test_a_copy_sees_other_names_and_the_original_does_not():
    wider = rebound(within, LIMIT=100)
    assert wider(50)
    assert wider(100, more=1)
    assert not within(50)


def test_anything_is_equal_to_everything():
    assert ANYTHING == 7
    assert ANYTHING == -1
    assert (ANYTHING != 7) is False


def test_a_function_becomes_an_entry_of_the_catalogue():
    applied: list[str] = []

    @defect("queue", "PUT PUSH")
    def goes_wrong_at_once() -> None:
        """Something goes wrong."""
        applied.append("once")

    module = ModuleType("room")
    module.goes_wrong_at_once = goes_wrong_at_once  # type: ignore[attr-defined]
    found = defects_of([module])["goes-wrong-at-once"]
    assert found[:4] == ("goes-wrong-at-once", "queue", "Something goes wrong", ("PUT", "PUSH"))
    found.apply()
    assert applied == ["once"]
    with pytest.raises(AssertionError, match="two defects"):
        defects_of([module, module])


def test_an_entry_says_in_one_line_what_goes_wrong():
    with pytest.raises(AssertionError):
        defect("queue", "PUT")(lambda: None)
