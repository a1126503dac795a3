"""`python -m reference_broker [ETC_DIR]`: the broker as a process.

Exit codes, as the peer has them: 0 stopped gracefully; 1 bad command line; 2 bad configuration;
6 could not run; 9 the log is damaged.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import resource
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

from reference_broker.app.broker import ReferenceBroker
from reference_broker.app.records import LEVELS, LOGGER, log_to_console
from reference_broker.base import OperatorError
from reference_broker.config import SAMPLE_HOST, SAMPLE_PORT, ConfigError
from reference_broker.storage import StorageCorruptionError

EXIT_COMMAND_LINE: Final = 1
EXIT_CONFIGURATION: Final = 2
EXIT_RUN: Final = 6
EXIT_RECOVERY: Final = 9


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        sys.stderr.write(f"PANIC [STARTUP] Failed to parse command line: {message}\n")
        raise SystemExit(EXIT_COMMAND_LINE)


def _port(text: str) -> int:
    port = int(text) if text.isdecimal() else -1
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"port {text!r} is not a number from 0 to 65535")
    return port


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the command line's options; exits with 1 on a bad one."""
    parser = _Parser(
        prog="python -m reference_broker",
        description="A BlazingMQ broker. Without ETC_DIR: one node on "
        f"{SAMPLE_HOST}:{SAMPLE_PORT} with the sample domains.",
    )
    parser.add_argument("etc", nargs="?", type=Path, metavar="ETC_DIR", help="configuration folder")
    parser.add_argument("-p", "--port", type=_port, help="listen on this port; 0 takes a free one")
    parser.add_argument("--host", help="listen on this address")
    parser.add_argument("--storage", type=Path, help="folder for the log")
    parser.add_argument(
        "--log-level",
        choices=list(LEVELS),
        help="least severity that is logged; by default as the configuration says",
    )
    parser.add_argument("-v", "--version", action="store_true", help="print the version and exit")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the broker until it is told to stop, and return the exit code."""
    options = parse_arguments(sys.argv[1:] if arguments is None else arguments)
    if options.version:
        sys.stdout.write("BlazingMQ broker version: 99.99.99\n")
        return 0
    log_to_console()
    _allow_many_files()
    port = options.port if options.port is not None or options.etc else SAMPLE_PORT
    broker = ReferenceBroker(options.etc, host=options.host, port=port, storage=options.storage)
    try:
        _run(broker, options.log_level)
    except ConfigError as error:
        return _panic("STARTUP", EXIT_CONFIGURATION, error)
    except StorageCorruptionError as error:
        return _panic("STARTUP", EXIT_RECOVERY, error)
    except OperatorError as error:
        return _panic("RUN" if broker.is_started else "STARTUP", EXIT_RUN, error)
    return 0


def _allow_many_files() -> None:
    """Raise the limit of open files as far as we may: each connection is one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _run(broker: ReferenceBroker, log_level: str | None) -> None:
    loop_factory = None
    with contextlib.suppress(ImportError):  # optional: faster, not different
        import uvloop  # noqa: PLC0415

        loop_factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(_serve(broker, log_level))


async def _serve(broker: ReferenceBroker, log_level: str | None) -> None:
    _say(f"STARTING bmqbrkr [pid: {os.getpid()}]")
    await broker.__aenter__()
    LOGGER.setLevel(LEVELS[log_level or broker.console_severity])
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, _on_signal, broker, number)
    LOGGER.info("BMQbrkr started successfully", extra={"fields": (("address", broker.address),)})
    _say(f"STARTED bmqbrkr [pid: {os.getpid()}]")
    try:
        await broker.wait_stopped()
    finally:
        await broker.stop()
    _say(f"STOPPED bmqbrkr [pid: {os.getpid()}]")


def _on_signal(broker: ReferenceBroker, number: signal.Signals) -> None:
    _say(f"Shutting down [received signal '{signal.strsignal(number)}' ({number.value})]")
    broker.begin_stop()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _panic(category: str, code: int, error: Exception) -> int:
    sys.stderr.write(f"PANIC [{category}] ({code}): {error}\n")
    return code
