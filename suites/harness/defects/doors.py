"""How a defect gets in: it replaces a name where the broker uses it.

A client may live in the same process and share the codec with the broker. So what is replaced is
the name in the module of the broker that uses a function, not the function where it is defined;
and where a function of the codec must behave otherwise inside, a copy of it does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import FunctionType, ModuleType
from typing import Any, Final, NamedTuple, Protocol, TypeVar

_Any = Callable[..., Any]


class _Named(Protocol):
    """What has a name."""

    @property
    def name(self) -> str: ...


_Entry = TypeVar("_Entry", bound=_Named)


class Defect(NamedTuple):
    """One seeded defect.

    Attributes:
        name: for `--break`.
        room: the room whose behaviour changes.
        summary: what goes wrong, in a sentence.
        areas: of the integration suite, where it should show first.
        apply: makes it so in this process; raises `AttributeError` if the product has moved a door.
    """

    name: str
    room: str
    summary: str
    areas: tuple[str, ...]
    apply: Callable[[], None]


def defect(room: str, areas: str) -> Callable[[Callable[[], None]], Defect]:
    """Make a function that applies a defect into the entry of the catalogue.

    The function's name is the defect's, and its docstring the summary.

    Args:
        room: whose behaviour changes.
        areas: of the integration suite, between blanks.
    """

    def make(apply: Callable[[], None]) -> Defect:
        name, summary = said_of(apply)
        return Defect(name, room, summary, tuple(areas.split()), apply)

    return make


def said_of(apply: Callable[[], None]) -> tuple[str, str]:
    """Return the name and the summary that the function of an entry gives it."""
    name = getattr(apply, "__name__", "").replace("_", "-")
    summary = (apply.__doc__ or "").removesuffix(".")
    assert name, apply
    assert summary, name
    assert "\n" not in summary, f"{name}: one line"
    return name, summary


def defects_of(modules: Sequence[ModuleType]) -> dict[str, Defect]:
    """Return the defects that modules define, by name, in their order."""
    return entries_of(modules, Defect)


def entries_of(modules: Sequence[ModuleType], kind: type[_Entry]) -> dict[str, _Entry]:
    """Return the entries of a kind that modules define, by name, in their order."""
    found = [each for module in modules for each in vars(module).values() if isinstance(each, kind)]
    by_name = {each.name: each for each in found}
    assert len(by_name) == len(found), "two defects have one name"
    return by_name


def door(owner: object, name: str) -> Any:
    """Return what a defect replaces.

    Raises:
        AttributeError: the product has moved it.
    """
    return getattr(owner, name)


def replace(owner: object, name: str, new: object) -> None:
    """Put something in the place of a door.

    Raises:
        AttributeError: the product has moved it.
    """
    door(owner, name)
    setattr(owner, name, new)


def wrap(owner: object, name: str, make: Callable[[_Any], _Any]) -> None:
    """Replace a function by what `make` makes of it.

    Raises:
        AttributeError: the product has moved it.
    """
    replace(owner, name, make(door(owner, name)))


def after(owner: object, name: str, change: _Any) -> None:
    """Let a function return what `change` makes of its result.

    Args:
        owner: of the function.
        name: of the function.
        change: takes the result, and then the function's arguments.

    Raises:
        AttributeError: the product has moved it.
    """

    def make(function: _Any) -> _Any:
        def changed(*arguments: Any, **named: Any) -> Any:
            return change(function(*arguments, **named), *arguments)

        return changed

    wrap(owner, name, make)


def before(owner: object, name: str, look: _Any) -> None:
    """Call `look` with the arguments of a function before the function itself.

    Raises:
        AttributeError: the product has moved it.
    """

    def make(function: _Any) -> _Any:
        def preceded(*arguments: Any, **named: Any) -> Any:
            look(*arguments)
            return function(*arguments, **named)

        return preceded

    wrap(owner, name, make)


def rebound(function: _Any, **names: object) -> _Any:
    """Return a copy of a function that sees other things under some global names.

    Raises:
        AttributeError: it is no function any more, or its module does not have such a name.
    """
    if not isinstance(function, FunctionType):
        raise AttributeError(f"{function!r} is no plain function")  # noqa: TRY004 - a door is gone
    missing = names.keys() - function.__globals__.keys()
    if missing:
        raise AttributeError(f"{function.__module__} has no {sorted(missing)}")
    scope = {**function.__globals__, **names}
    copy = FunctionType(
        function.__code__, scope, function.__name__, function.__defaults__, function.__closure__
    )
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy


class _Anything(int):
    """A number that is equal to every other one."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = int.__hash__


ANYTHING: Final = _Anything()
