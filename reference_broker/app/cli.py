"""The broker as a process: `python -m reference_broker [ETC_DIR]`, and `bmqbrkr.tsk ETC_DIR`.

| exit code | meaning                                                            |
|-----------|--------------------------------------------------------------------|
| 0         | stopped gracefully [PROC-1, PROC-2], or told its version [PROC-11] |
| 1         | bad command line                                                   |
| 2         | bad configuration [FILE-2, PROC-5]                                 |
| 3         | the log, the control pipe or the pid file cannot be set up         |
| 6         | could not start, or could not go on; an error of the program, too  |
| 9         | the log of messages is damaged                                     |
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from reference_broker.app.broker import Overrides, ReferenceBroker
from reference_broker.app.control_pipe import ControlPipe
from reference_broker.app.control_words import ControlWords
from reference_broker.app.event_loop import loop_factory
from reference_broker.app.log_output import LogOutput, say
from reference_broker.app.open_files import allow_many_files
from reference_broker.app.options import (
    INSTANCE_ID,
    Options,
    parse_options,
    parse_peer_options,
)
from reference_broker.app.pretty import pretty_time
from reference_broker.app.process_files import add_to_history, pid_file, refuse_special_file
from reference_broker.app.records import LOGGER
from reference_broker.app.stop_signals import StopSignals
from reference_broker.base import OperatorError
from reference_broker.config import SAMPLE_PORT, ConfigError
from reference_broker.storage import StorageCorruptionError

EXIT_CONFIGURATION: Final = 2
EXIT_TASK: Final = 3
EXIT_RUN: Final = 6
EXIT_RECOVERY: Final = 9

VERSION_TEXT: Final = "99.99.99"
VERSION: Final = 999_999


class TaskError(OperatorError):
    """What surrounds the broker cannot be set up: log, control pipe or file with the process id."""


def main(arguments: Sequence[str] | None = None, *, signals: StopSignals | None = None) -> int:
    """Run the broker until it is told to stop, and return the exit code.

    Args:
        arguments: instead of those of the process.
        signals: that are caught already.
    """
    options = parse_options(sys.argv[1:] if arguments is None else arguments)
    return run(options, signals or StopSignals())


def main_as_peer(*, signals: StopSignals | None = None) -> int:
    """Do the same as `bmqbrkr.tsk`, with the peer's command line and no more."""
    return run(parse_peer_options(sys.argv[1:]), signals or StopSignals())


def run(options: Options, signals: StopSignals) -> int:
    """Run the broker as the options say, and return the exit code; signals have no effect then."""
    if options.is_version_asked:
        say(f"BlazingMQ broker version: {VERSION_TEXT}")
        return 0
    signals.catch()
    allow_many_files()
    log = LogOutput(is_json=options.log_format == "json", level=options.log_level)
    log.open()
    process = Process(options, log, signals)
    try:
        _run_loop(process)
    except ConfigError as error:
        return _panic("STARTUP", EXIT_CONFIGURATION, error)
    except TaskError as error:
        return _panic("STARTUP", EXIT_TASK, error)
    except StorageCorruptionError as error:
        return _panic("STARTUP", EXIT_RECOVERY, error)
    except OperatorError as error:
        return _panic("RUN" if process.is_started else "STARTUP", EXIT_RUN, error)
    except Exception as error:  # noqa: BLE001 - an error of ours must not look like a bad command line
        LOGGER.critical("error in the program", exc_info=error)
        return _panic("RUN" if process.is_started else "STARTUP", EXIT_RUN, error)
    finally:
        log.close()
    return 0


def _panic(category: str, code: int, error: Exception) -> int:
    LOGGER.error("PANIC [%s] (%d): %s", category, code, str(error) or type(error).__name__)
    return code


def _run_loop(process: Process) -> None:
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(process.serve())


class Process:
    """One broker with what a process has around it.

    With a configuration folder that is what the peer has: a file with the process id, a control
    pipe and a history, all in the working directory, or where `BMQ_PREFIX` says [PROC-16].

    Whatever the broker does, this process does it, so that SIGSTOP holds it up whole [PROC-13].
    """

    def __init__(self, options: Options, log: LogOutput, signals: StopSignals) -> None:
        self._options = options
        self._log = log
        self._signals = signals
        self._broker = _make_broker(options)
        self._prefix = Path(os.environ.get("BMQ_PREFIX") or ".")
        self._is_asked_to_stop = asyncio.Event()

    @property
    def is_started(self) -> bool:
        """Whether the broker has come to listen."""
        return self._broker.is_started

    async def serve(self) -> None:
        """Start, serve until somebody asks for the end, and stop.

        Raises:
            OperatorError: it cannot start, or cannot go on.
        """
        self._log.say(f"STARTING bmqbrkr [pid: {os.getpid()}]")
        for name in ("SIGPIPE", "SIGXFSZ"):  # a failed write tells of itself [PROC-12]
            with contextlib.suppress(AttributeError):  # absent on Windows
                signal.signal(getattr(signal, name), signal.SIG_IGN)
        self._signals.hand_to(self._on_signal)
        try:
            self._configure()
            if not self._is_asked_to_stop.is_set():
                await self._serve()
        finally:
            self._signals.ignore()
        self._say_state("STOPPED")

    # Parts.

    async def _serve(self) -> None:
        with contextlib.ExitStack() as stack:
            pipe = self._enter_folder(stack)
            async with self._broker:
                if self._broker.is_started:  # nobody asked for the end before
                    self._announce(pipe)
                    await self._wait_for_end()
                self._say_state("STOPPING")
                began_ns = time.perf_counter_ns()
                await self._broker.stop()
            took = pretty_time(time.perf_counter_ns() - began_ns)
            LOGGER.info("BMQbrkr stopped (shutdown took %s)", took)

    def _on_signal(self, number: signal.Signals) -> None:
        self._log.say(
            f"Shutting down [received signal '{signal.strsignal(number)}' ({number.value})]"
        )
        self._ask_to_stop()

    def _ask_to_stop(self) -> None:
        self._is_asked_to_stop.set()
        if not self._broker.is_started:  # a long log is being recovered
            self._broker.begin_stop()

    def _configure(self) -> None:
        """Read the configuration, and log as it says."""
        etc = self._options.etc
        if etc is not None:
            self._log.say(f"Reading broker configuration from {etc / 'bmqbrkrcfg.json'}")
        settings = self._broker.read_configuration().log
        try:
            self._log.configure(settings, has_folder=etc is not None)
        except OperatorError as error:
            raise TaskError(str(error)) from error

    def _enter_folder(self, stack: contextlib.ExitStack) -> ControlPipe | None:
        """Make the control pipe and the file with the process id; both go with the stack.

        The latter waits until the storage is ours: a broker that is refused leaves it alone.
        """
        if self._options.etc is None or not hasattr(os, "mkfifo"):
            return None
        path = self._prefix / "bmqbrkr.pid"
        try:
            for file in (path, self._prefix / "bmqbrkr.hist"):
                refuse_special_file(file)
            pipe = stack.enter_context(ControlPipe(self._prefix / "bmqbrkr.ctl"))
        except OperatorError as error:
            raise TaskError(str(error)) from error
        stack.callback(self._broker.release_storage)
        self._broker.reserve_storage()
        try:
            stack.enter_context(pid_file(path))
        except OperatorError as error:
            raise TaskError(str(error)) from error
        return pipe

    def _announce(self, pipe: ControlPipe | None) -> None:
        """Say that the broker serves, in the lines that tools wait for [PROC-3]."""
        broker = self._broker
        fields = (("address", broker.address),)
        LOGGER.info("BMQbrkr started successfully", extra={"fields": fields})
        for cluster in broker.clusters:
            extra = {"category": "MQBBLP.CLUSTERORCHESTRATOR"}
            leader = "Cluster (%s) onClusterLeader: new leader: [%s, %d], leader status: ACTIVE"
            LOGGER.info(
                leader, cluster.name, cluster.nodes[0].name, cluster.nodes[0].id, extra=extra
            )
            LOGGER.info("Cluster (%s) is available", cluster.name, extra=extra)
        if self._options.etc is not None:
            add_to_history(
                self._prefix / "bmqbrkr.hist",
                version=VERSION,
                config_version=broker.read_configuration().config_version,
                broker_id=broker.broker_id,
            )
        self._say_state("STARTED")
        if pipe is not None:
            words = ControlWords(command=broker.command, log=self._log, stop=self._ask_to_stop)
            pipe.read(words.take)

    async def _wait_for_end(self) -> None:
        """Wait until somebody asks for the end, or the broker ends by itself."""
        waits = [
            asyncio.ensure_future(self._broker.wait_stopped()),
            asyncio.ensure_future(self._is_asked_to_stop.wait()),
        ]
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for wait in done:
                wait.result()
        finally:
            for wait in waits:
                wait.cancel()

    def _say_state(self, state: str) -> None:
        """Tell tools what the broker comes to, and which instance it is [PROC-15]."""
        instance = self._options.instance_id
        label = "" if instance in ("", INSTANCE_ID) else f"instance: '{instance}', "
        self._log.say(f"{state} bmqbrkr [{label}pid: {os.getpid()}]")


def _make_broker(options: Options) -> ReferenceBroker:
    port = options.port if options.port is not None or options.etc else SAMPLE_PORT
    return ReferenceBroker(
        options.etc,
        host=options.host,
        port=port,
        storage=options.storage,
        metrics_port=options.metrics_port,
        overrides=Overrides(
            host_name=options.host_name,
            host_tags=options.host_tags,
            host_data_center=options.host_data_center,
        ),
    )
