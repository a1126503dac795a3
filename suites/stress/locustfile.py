"""What the stock command loads, headless or with its web page.

::

    locust -f suites/stress/locustfile.py --headless -u 2 -r 2 -t 10s --host tcp://127.0.0.1:30114

Half of the users produce and half consume. At the end of each run the latencies and what became of
the messages are printed; the exit code is Locust's own unless the run is bad: then 1 if the broker
failed, 2 if the run says nothing.
"""

from __future__ import annotations

import logging
import sys
from typing import Any, Final, NoReturn

from locust import events
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.runners import LocalRunner

from reference_broker.base import OperatorError
from suites.stress.attach import attach, listen
from suites.stress.budgets import read_budgets
from suites.stress.load import Outcome
from suites.stress.settings import DEFAULT_ADDRESS, LoadSettings, replay_command
from suites.stress.users import ConsumerUser, ProducerUser
from suites.stress.verdict import describe, exit_code, judge

__all__ = ["ConsumerUser", "ProducerUser"]

_DEFAULTS: Final = LoadSettings(address=DEFAULT_ADDRESS)
_log: Final = logging.getLogger(__name__)


def add_arguments(parser: LocustArgumentParser, **_: Any) -> None:
    """Add what a load is made of; the web form shows it too."""
    for flag, default, text in (
        ("--queue-uri", _DEFAULTS.queue_uri, "BlazingMQ queue to load: bmq://DOMAIN/NAME"),
        ("--message-bytes", _DEFAULTS.message_bytes, "Size of a payload in bytes"),
        ("--batch", _DEFAULTS.batch, "Messages that are posted together"),
        ("--rate", _DEFAULTS.rate, "Messages a second of each producer"),
        ("--payload-seed", _DEFAULTS.seed, "Seed of the bytes that fill the payloads"),
    ):
        # Not in a group: Locust would leave those of a group out of its form.
        parser.add_argument(flag, type=type(default), default=default, help=text)


def begin(environment: Environment, **_: Any) -> None:
    """Make every start of the test a run; end the command if it cannot be one."""
    if not isinstance(environment.runner, LocalRunner):
        _fail(
            "other processes cannot share a load yet; leave out --master, --worker and --processes"
        )
    try:
        _read_settings(environment)
        budgets = read_budgets()
    except OperatorError as error:
        _fail(str(error))

    def finish(outcome: Outcome) -> None:
        settings = outcome.settings
        command = replay_command(
            target=f"external:{settings.address.removeprefix('tcp://')}",
            seed=settings.seed,
            seconds=float(max(1, round(outcome.load_s))),
            queue_uri=settings.queue_uri,
            message_bytes=settings.message_bytes,
            batch=settings.batch,
            rate=settings.rate,
        )
        result = judge(outcome, budgets, command=command, duration_s=outcome.load_s)
        sys.stdout.write(f"\n{describe(result)}\n")
        code = max(environment.process_exit_code or 0, exit_code(result))
        environment.process_exit_code = code or None

    attach(environment, lambda: _read_settings(environment), finish)


def stop(environment: Environment, **_: Any) -> None:
    """End the run of a command that is interrupted, so that it counts for the exit code."""
    if environment.runner is not None:
        environment.runner.stop()


def _read_settings(environment: Environment) -> LoadSettings:
    """Return what the command line, or the web form, says."""
    options = environment.parsed_options
    assert options is not None, "Locust's command parses options"
    return LoadSettings(
        address=environment.host or DEFAULT_ADDRESS,
        queue_uri=options.queue_uri,
        message_bytes=options.message_bytes,
        batch=options.batch,
        rate=options.rate,
        seed=options.payload_seed,
    )


def _fail(reason: str) -> NoReturn:
    _log.error(reason)
    sys.exit(2)


listen(events.init_command_line_parser, add_arguments)
listen(events.init, begin)
listen(events.quitting, stop)
