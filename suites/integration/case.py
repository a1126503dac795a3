"""What a case is: a number, a sentence of the protocol, and what a right target does.

A case is a pytest function that carries its description::

    @case("BMQ-PUT-1", statement="An ACK is sent if ...", expectation="One ACK ...")
    def test_ack_if_requested(...): ...

Its outcome is its verdict: it returns (pass), an assertion fails (fail), or it calls one of
`non_strict`, `informational` and `not_applicable`, which end it. A target that is known to be
strict (`expects_strict_from`) fails where others are merely not strict.

Numbers are for ever: a case that goes takes its number with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal, NoReturn, TypeAlias, TypeVar

import pytest

from suites.harness.report import Verdict
from suites.harness.target import OUR_TARGETS, Capability

Grade: TypeAlias = Literal["must", "should"]
_Function = TypeVar("_Function", bound=Callable[..., object])

#: Name of the pytest mark that holds a `CaseInfo`.
MARK: Final = "gauntlet_case"
#: Targets of which we know that they do what a "should" asks.
STRICT_TARGETS: Final = OUR_TARGETS

_ID: Final = re.compile(r"BMQ-([A-Z]+)-([1-9][0-9]*)")
_STATEMENT_ID: Final = re.compile(r"(?!BMQ-)[A-Z]+-[1-9][0-9]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseInfo:
    """The description of one case.

    Attributes:
        id: `BMQ-<AREA>-<n>`, unique in the suite.
        title: one line.
        statement: the sentence of the protocol that is checked.
        expectation: what a right target does.
        needs: what the target must be able to do.
        grade: "must" for what the protocol asks; "should" for what it leaves open, where a target
            that does otherwise is not strict.
        expects_strict_from: targets (as on the command line) that must do what a "should" asks.
        proves: ids of the statements in `docs/protocol` that a pass proves, such as "PUT-7".

    Raises:
        AssertionError: an id is not of its form, or a text is missing.
    """

    id: str
    title: str
    statement: str
    expectation: str
    needs: tuple[Capability, ...] = ()
    grade: Grade = "must"
    expects_strict_from: tuple[str, ...] = ()
    proves: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        assert _ID.fullmatch(self.id), f"case id {self.id!r} is not of the form BMQ-AREA-7"
        for statement_id in self.proves:
            assert _STATEMENT_ID.fullmatch(statement_id), (
                f"{self.id}: statement id {statement_id!r} is not of the form AREA-7"
            )
        for name in ("title", "statement", "expectation"):
            assert getattr(self, name).strip(), f"{self.id}: {name} is empty"

    @property
    def sort_key(self) -> tuple[str, int]:
        """Area and number, for lists of cases in a stable order."""
        match = _ID.fullmatch(self.id)
        assert match is not None
        return match[1], int(match[2])


#: Every case that was imported, with where it was defined.
_registry: Final[dict[str, tuple[CaseInfo, str]]] = {}


def registered_cases() -> Mapping[str, CaseInfo]:
    """Return the cases that were imported so far, by id, in a stable order."""
    infos = sorted((info for info, _ in _registry.values()), key=lambda info: info.sort_key)
    return MappingProxyType({info.id: info for info in infos})


def _register(info: CaseInfo, origin: str) -> None:
    known = _registry.setdefault(info.id, (info, origin))
    assert known[1] == origin, f"case id {info.id} is used in {known[1]} and in {origin}"


def _origin(function: Callable[..., object]) -> str:
    # Not the module's name: pytest may import a file under another one.
    code = getattr(function, "__code__", None)
    assert code is not None, f"{function!r} is no plain function"
    return f"{code.co_filename}:{code.co_qualname}"


def case(
    case_id: str,
    *,
    statement: str,
    expectation: str,
    needs: tuple[Capability, ...] = (),
    grade: Grade = "must",
    expects_strict_from: tuple[str, ...] = (),
    proves: tuple[str, ...] = (),
) -> Callable[[_Function], _Function]:
    """Make a pytest function a case; its title is the function's name.

    Raises:
        AssertionError: see `CaseInfo`; or the id is taken.
    """

    def decorate(function: _Function) -> _Function:
        info = CaseInfo(
            id=case_id,
            title=function.__name__.removeprefix("test_").replace("_", " "),
            statement=statement,
            expectation=expectation,
            needs=needs,
            grade=grade,
            expects_strict_from=expects_strict_from,
            proves=proves,
        )
        _register(info, _origin(function))
        marked: _Function = getattr(pytest.mark, MARK)(info)(function)
        return marked

    return decorate


def case_family(
    argument: str, members: Iterable[tuple[CaseInfo, Any]]
) -> Callable[[_Function], _Function]:
    """Make a pytest function one case per member, with the member's value as an argument.

    Args:
        argument: name of the function's parameter.
        members: the cases and their values.

    Raises:
        AssertionError: an id is taken.
    """
    listed = list(members)

    def decorate(function: _Function) -> _Function:
        for position, (info, _) in enumerate(listed):
            _register(info, f"{_origin(function)}[{position}]")
        parameters = [
            pytest.param(value, id=info.id, marks=getattr(pytest.mark, MARK)(info))
            for info, value in listed
        ]
        parametrized: _Function = pytest.mark.parametrize(argument, parameters)(function)
        return parametrized

    return decorate


def info_of(item: pytest.Item) -> CaseInfo | None:
    """Return the description of a collected case; None for any other test."""
    mark = item.get_closest_marker(MARK)
    if mark is None:
        return None
    info = mark.args[0]
    assert isinstance(info, CaseInfo), info
    return info


class Graded(Exception):  # noqa: N818 - a verdict that is neither pass nor fail is no error
    """Ends a case with a verdict of its own.

    Args:
        verdict: which.
        reason: one line.
    """

    def __init__(self, verdict: Verdict, reason: str) -> None:
        super().__init__(reason)
        self.verdict = verdict
        self.reason = reason


def non_strict(reason: str) -> NoReturn:
    """End the case: the target does what is tolerable, and not what the statement asks."""
    raise Graded(Verdict.NON_STRICT, reason)


def informational(reason: str) -> NoReturn:
    """End the case: something was observed that the protocol leaves open."""
    raise Graded(Verdict.INFORMATIONAL, reason)


def not_applicable(reason: str) -> NoReturn:
    """End the case: the target or this machine lacks what it needs."""
    raise Graded(Verdict.NOT_APPLICABLE, reason)
