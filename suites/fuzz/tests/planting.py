"""Planting defects: changes of the functions that a target uses, and whether they are found out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from suites.fuzz.registry import TARGETS

Function = Callable[..., Any]


def returning(value: object) -> Function:
    """Return a function of anything that returns a value."""
    return lambda *_args, **_options: value


def raising(error: Exception) -> Function:
    """Return a function of anything that raises an error."""

    def raise_it(*_args: object, **_options: object) -> object:
        raise error

    return raise_it


def changed(function: Function, change: Function) -> Function:
    """Return a function whose result is changed."""
    return lambda *args, **options: change(function(*args, **options))


def given(function: Function, change: Function) -> Function:
    """Return a function whose first argument is changed."""
    return lambda first, *args, **options: function(change(first), *args, **options)


def replaced(_right: object, new: object) -> object:
    """Return what stands in the place of something."""
    return new


def sometimes(function: Function, change: Function) -> Function:
    """Return a function whose result is changed at every second call."""
    count = 0

    def called(*args: object, **options: object) -> object:
        nonlocal count
        count += 1
        result = function(*args, **options)
        return result if count % 2 else change(result)

    return called


def shifted(index: int, by: int) -> Function:
    """Return a change of every tuple of an iterator: one number moves."""

    def change(items: Iterable[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
        for item in items:
            yield (*item[:index], item[index] + by, *item[index + 1 :])

    return change


def plant(monkeypatch: Any, owner: object, door: str, make: Function, change: object) -> None:
    """Replace something of a module or a class by what `make` makes of it and of a change."""
    monkeypatch.setattr(owner, door, make(getattr(owner, door), change))


def found_out_by(function: Function, seeds: Mapping[str, bytes]) -> str:
    """Return the name of the first seed that a target does not survive; nothing if it survives all."""
    for name, data in seeds.items():
        try:
            function(data)
        except Exception:  # noqa: BLE001  whatever comes is the finding
            return name
    return ""


def seeds_of(target_id: str) -> dict[str, bytes]:
    """Return the seeds of a target."""
    return dict(TARGETS[target_id].seeds())
