"""A run for every start of Locust's test: `Load`s tied to Locust's events.

| Locust's event  | here                                                                          |
|-----------------|-------------------------------------------------------------------------------|
| `test_start`    | a new load with the settings of the moment, before the users are made          |
| `user_error`    | the load has failed                                                           |
| `test_stopping` | the load ends and is waited for, while the users still go on                  |
| `test_stop`     | the users are gone; what was found is handed on                                |

So the stock command, with or without its web page, and `python -m suites.stress` do the same.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from typing import Any, Final
from weakref import WeakKeyDictionary

import gevent
from locust.env import Environment
from locust.event import EventHook

from reference_broker.base import OperatorError
from suites.stress.load import Load, Outcome
from suites.stress.settings import LoadSettings

#: How long a user may take to leave; it ends its turn first, so that no frame is cut in half.
STOP_SECONDS_MAX: Final = 15.0

_log: Final = logging.getLogger(__name__)
_loads: Final[WeakKeyDictionary[Environment, Load]] = WeakKeyDictionary()


def find_load(environment: Environment) -> Load | None:
    """Return the load that is on; None if it could not start."""
    return _loads.get(environment)


def attach(
    environment: Environment,
    read_settings: Callable[[], LoadSettings],
    finish: Callable[[Outcome], None],
) -> None:
    """Make every start of the environment's test a run of its own.

    Args:
        environment: Locust's, with its users; it must not be attached already.
        read_settings: gives the settings of a run that begins; an `OperatorError` prevents it.
        finish: gets what a run has found, once all its users are gone.
    """
    _settle_process()
    environment.stop_timeout = max(environment.stop_timeout, STOP_SECONDS_MAX)

    def start(**_: Any) -> None:
        _loads.pop(environment, None)
        try:
            _loads[environment] = Load(read_settings())
        except OperatorError as error:
            _log.error("the load cannot start: %s", error)
            if environment.runner is not None:
                gevent.spawn(environment.runner.stop)

    def note_error(user_instance: Any, exception: BaseException, **_: Any) -> None:
        load = find_load(environment)
        if load is not None:
            name = type(getattr(user_instance, "user", user_instance)).__name__
            load.fail(f"{name}: {type(exception).__name__}: {exception}")

    def drain(**_: Any) -> None:
        load = find_load(environment)
        if load is not None:
            load.drain()

    def end(**_: Any) -> None:
        load = _loads.pop(environment, None)
        if load is not None:
            finish(load.outcome())

    events = environment.events
    listen(events.test_start, start)
    listen(events.user_error, note_error)
    listen(events.test_stopping, drain)
    listen(events.test_stop, end)


def _settle_process() -> None:
    """Get over what would disturb the measurement later."""
    # Timers count from when the event loop last looked at the clock, which may be before the
    # imports: a run of 10 s would be over seconds too early.
    gevent.get_hub().loop.update_now()
    # When a run ends, Locust looks at the stack before it tells anybody. Only the first look is
    # slow, and it stops all users for tens of milliseconds.
    inspect.stack()


def listen(hook: EventHook, listener: Callable[..., None]) -> None:
    """Call a listener at each of Locust's events of a kind."""
    hook.add_listener(listener)  # type: ignore[no-untyped-call]  # Locust's signature has no types
