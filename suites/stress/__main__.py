"""`python -m suites.stress`: start a target, put load on it, judge.

Locust runs in this process, without its web page: one producer and one consumer. The target is a
process of its own.
"""

from __future__ import annotations

import argparse
import logging
import random
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import gevent
import gevent.event
import msgspec
from locust.env import Environment

from reference_broker.base import OperatorError
from suites.harness.ending import in_order
from suites.harness.report import SuiteResult
from suites.harness.target import Capability, Target, TargetSpec
from suites.harness.topology import MEM_DOMAIN
from suites.stress.attach import STOP_SECONDS_MAX, attach, listen
from suites.stress.budgets import read_budgets
from suites.stress.load import Outcome
from suites.stress.settings import (
    SAMPLE_QUEUE_URI,
    LoadSettings,
    parse_queue_uri,
    replay_command,
)
from suites.stress.users import ConsumerUser, ProducerUser
from suites.stress.verdict import CASES, could_not_run, describe, exit_code, judge

SECONDS_MAX: Final = 3600.0
#: Beyond the load, its drain and the leaving of its users; then the run is given up.
_SLACK_SECONDS: Final = 30.0
_LOAD_OPTIONS: Final = ("queue_uri", "message_bytes", "batch", "rate")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the suite and return the exit code: 0 passed, 1 failed, 2 could not run."""
    options = _parse(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    result = run(options)
    sys.stdout.write(describe(result))
    if options.result is not None:
        _write(result, options.result)
    return exit_code(result)


def run(options: argparse.Namespace) -> SuiteResult:
    """Run the load that the command line asks for, and judge it; every error becomes a result."""
    begin = time.monotonic()
    given = {name: getattr(options, name) for name in _LOAD_OPTIONS}
    command = replay_command(
        target=options.target,
        defect=options.defect,
        seed=options.seed,
        seconds=options.seconds,
        **given,
    )
    case_ids = options.case or tuple(CASES)
    try:
        budgets = read_budgets()
        spec = TargetSpec.parse(options.target, options.defect)
        domain = parse_queue_uri(options.queue_uri or SAMPLE_QUEUE_URI).domain
        with Target(spec, domain=domain) as target:
            given = {name: value for name, value in given.items() if value is not None}
            if Capability.CONFIGURED in target.capabilities:
                given.setdefault("queue_uri", f"bmq://{MEM_DOMAIN}/stress")
            settings = LoadSettings(address=target.address, seed=options.seed, **given)
            outcome = put_load(settings, options.seconds)
            log_tail = target.log_tail()
    except OperatorError as error:
        reason, details = str(error), ""
    except KeyboardInterrupt:
        reason, details = "interrupted", ""
    except Exception as error:  # noqa: BLE001 - an error of ours must not look like a verdict
        reason, details = f"{type(error).__name__}: {error}", traceback.format_exc()
    else:
        return judge(
            outcome,
            budgets,
            command=command,
            duration_s=time.monotonic() - begin,
            case_ids=case_ids,
            log_tail=log_tail,
        )
    return could_not_run(
        reason,
        command=command,
        duration_s=time.monotonic() - begin,
        case_ids=case_ids,
        details=details,
    )


def put_load(settings: LoadSettings, seconds: float) -> Outcome:
    """Run one producer and one consumer, and return what was found.

    Args:
        settings: of the load.
        seconds: how long it goes on; it ends early if a user fails.

    Raises:
        OperatorError: it does not come to an end.
    """
    outcomes: list[Outcome] = []
    failed = gevent.event.Event()
    environment = Environment(user_classes=[ProducerUser, ConsumerUser], host=settings.address)
    attach(environment, lambda: settings, outcomes.append)

    def note_failure(**_: Any) -> None:
        failed.set()

    listen(environment.events.user_error, note_failure)
    runner = environment.create_local_runner()
    limit_s = seconds + settings.drain_seconds + STOP_SECONDS_MAX + _SLACK_SECONDS
    with gevent.Timeout(limit_s, OperatorError(f"the load did not end within {limit_s:g} s")):
        runner.start(2, spawn_rate=2)
        failed.wait(seconds)
        runner.quit()
    assert len(outcomes) == 1, outcomes
    return outcomes[0]


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m suites.stress", description="Put load on a broker and judge it."
    )
    parser.add_argument("--target", default="reference", help="reference or external:HOST:PORT")
    parser.add_argument("--break", dest="defect", default="", help="start it with this defect")
    parser.add_argument("--seed", type=int, default=None, help="of the payloads; drawn if left out")
    parser.add_argument("--seconds", type=_seconds, default=10.0, help="of load; 10 if left out")
    parser.add_argument("--case", action="append", choices=tuple(CASES), help="judge only this")
    parser.add_argument("--result", type=Path, default=None, help="write the result here, as JSON")
    parser.add_argument("--queue-uri", help="bmq://DOMAIN/NAME; nobody else should use it")
    parser.add_argument("--message-bytes", type=int, help="of a payload")
    parser.add_argument("--batch", type=int, help="messages that are posted together")
    parser.add_argument("--rate", type=int, help="messages a second")
    options = parser.parse_args(arguments)
    if options.seed is None:
        options.seed = random.SystemRandom().getrandbits(32)
    return options


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value <= SECONDS_MAX:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and {SECONDS_MAX:g} seconds")
    return value


def _write(result: SuiteResult, path: Path) -> None:
    """Write the result; a reader never sees half of it."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(msgspec.json.encode(result))
    temporary.replace(path)


if __name__ == "__main__":
    sys.exit(in_order(main))
