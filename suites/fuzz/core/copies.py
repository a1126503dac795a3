"""Cheap copies of brokers, so that an execution need not begin at the beginning.

A copy is a pickle that is loaded, in which all that nobody changes is shared. What cannot be
pickled, as a broker with a seeded defect may be, is made anew each time.
"""

from __future__ import annotations

import io
import pickle
import pickletools
from collections.abc import Callable
from enum import Enum
from typing import Any, TypeVar

from reference_broker.security import Authenticators

T = TypeVar("T")


def copying(make: Callable[[], T]) -> Callable[[], T]:
    """Return a function that gives what `make` does, but makes it only once if it can.

    Args:
        make: returns the same each time, and nothing that was there before.
    """
    try:
        return _copier(make())
    except (pickle.PicklingError, AttributeError, TypeError):
        return make


def _copier(value: T) -> Callable[[], T]:
    """Return what makes copies.

    Raises:
        pickle.PicklingError: it cannot be copied.
        AttributeError: the same.
        TypeError: the same.
    """
    shared: list[object] = []
    sink = io.BytesIO()
    _Pickler(sink, shared).dump(value)
    content = pickletools.optimize(sink.getvalue())
    load = shared.__getitem__

    def copy() -> T:
        unpickler = pickle.Unpickler(io.BytesIO(content))
        unpickler.persistent_load = load  # type: ignore[method-assign]
        made: T = unpickler.load()
        return made

    copy()
    return copy


class _Pickler(pickle.Pickler):
    """Pickles what can change, and refers to what cannot.

    Args:
        sink: where the bytes go.
        shared: where what is referred to is put.
    """

    def __init__(self, sink: io.BytesIO, shared: list[object]) -> None:
        super().__init__(sink, pickle.HIGHEST_PROTOCOL)
        self._shared = shared
        self._numbers: dict[int, int] = {}

    def persistent_id(self, obj: Any) -> int | None:
        """Return the number of what is shared; None for what is to be copied."""
        if not _is_frozen(obj):
            return None
        number = self._numbers.get(id(obj))
        if number is None:
            number = self._numbers[id(obj)] = len(self._shared)
            self._shared.append(obj)
        return number


def _is_frozen(obj: object) -> bool:
    """Return whether nobody can change an object: a class, a frozen value, a decider."""
    if isinstance(obj, type | Enum | Authenticators):
        return True
    parameters = getattr(type(obj), "__dataclass_params__", None)
    return parameters is not None and parameters.frozen
