"""Defects of the process and its files: command line, signals, control pipe, configuration."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace as changed_copy
from pathlib import Path
from typing import Any

from msgspec import inspect

from reference_broker.app import cli, control_pipe, options, process_files, stop_signals
from reference_broker.app.broker import Overrides, ReferenceBroker
from reference_broker.app.cli import Process
from reference_broker.app.config_folder import ConfigFolder
from reference_broker.app.control_pipe import ControlPipe
from reference_broker.app.control_words import ControlWords
from reference_broker.base import OperatorError
from reference_broker.config import ConfigError, DomainConfig, Redirect, reader
from reference_broker.core.broker import Broker
from suites.harness.defects.doors import after, before, defect, door, replace, wrap

# The command line.


@defect("app", "PROC")
def version_is_an_error() -> None:
    """-v ends with the exit code 1."""

    def make(run: Callable[..., int]) -> Callable[..., int]:
        return lambda asked, signals: run(asked, signals) or int(asked.is_version_asked)

    wrap(cli, "run", make)


@defect("app", "PROC")
def bad_command_line_is_a_bad_configuration() -> None:
    """A command line that is wrong ends with the exit code 2."""
    replace(options, "EXIT_COMMAND_LINE", 2)


@defect("app", "PROC")
def bad_configuration_is_a_bad_command_line() -> None:
    """A configuration that is refused ends with the exit code 1."""
    replace(cli, "EXIT_CONFIGURATION", 1)


@defect("app", "PROC")
def refusal_names_no_member() -> None:
    """A configuration is refused without saying what is wrong with it."""
    wrap(
        cli,
        "_panic",
        lambda panic: lambda kind, code, _: panic(kind, code, OperatorError("not good")),
    )


@defect("app", "PROC")
def port_option_ignored() -> None:
    """-p does not say where to listen."""
    wrap(cli, "_make_broker", lambda make: lambda asked: make(changed_copy(asked, port=None)))


@defect("app", "PROC")
def host_name_option_ignored() -> None:
    """-h does not say how the broker is called."""
    wrap(
        Overrides,
        "apply",
        lambda apply: (
            lambda self, config, port=None: changed_copy(
                apply(self, config, port), host_name=config.host_name
            )
        ),
    )


@defect("app", "PROC")
def options_not_told() -> None:
    """BROKERCONFIG DUMP tells what the file says, whatever the command line does."""
    wrap(
        Overrides,
        "apply",
        lambda apply: (
            lambda self, config, port=None: changed_copy(
                apply(self, config, port), app_json=config.app_json
            )
        ),
    )


@defect("app", "PROC")
def instance_not_told() -> None:
    """The lines of start and end do not tell the instance."""

    def look(self: Process, _: str) -> None:
        self._options = changed_copy(self._options, instance_id="")

    before(Process, "_say_state", look)


@defect("app", "PROC")
def prefix_ignored() -> None:
    """The broker leaves its files in the working folder, whatever BMQ_PREFIX says."""
    os.environ.pop("BMQ_PREFIX", None)


# Files, signals, pipe.


@defect("app", "PROC")
def process_number_not_written() -> None:
    """There is no file with the number of the process."""

    @contextlib.contextmanager
    def nothing(_: Path) -> Iterator[None]:
        yield

    replace(cli, "pid_file", nothing)


@defect("app", "PROC")
def process_number_left_behind() -> None:
    """The file with the number of the process stays when the broker goes."""
    replace(process_files, "_remove_if", lambda *_: None)


@defect("app", "PROC")
def left_pipe_refused() -> None:
    """A broker does not start where another one has left its control pipe."""
    replace(control_pipe, "_make_room", lambda _: None)


@defect("app", "PROC")
def pipe_left_behind() -> None:
    """The control pipe stays when the broker goes."""

    def keep(self: ControlPipe, *_: object) -> None:
        for descriptor in self._descriptors:
            os.close(descriptor)
        self._descriptors.clear()

    replace(ControlPipe, "__exit__", keep)


@defect("app", "PROC")
def pipe_read_once() -> None:
    """Of the lines in the control pipe the first one is read."""

    def make(take: Callable[[ControlWords, str], None]) -> Callable[[ControlWords, str], None]:
        def once(self: ControlWords, line: str) -> None:
            if lines:
                return
            lines.append(line)
            take(self, line)

        lines: list[str] = []
        return once

    wrap(ControlWords, "take", make)


@defect("app", "PROC")
def strange_lines_passed_over() -> None:
    """A line of the control pipe that is no command is passed over in silence."""
    replace(ControlWords, "_complain", lambda *_: None)


@defect("app", "PROC")
def exit_line_ignored() -> None:
    """The line EXIT in the control pipe does nothing."""

    def make(take: Callable[[ControlWords, str], None]) -> Callable[[ControlWords, str], None]:
        return lambda self, line: None if line == "EXIT" else take(self, line)

    wrap(ControlWords, "take", make)


@defect("app", "PROC")
def sigterm_kills() -> None:
    """SIGTERM ends the broker at once."""
    replace(stop_signals, "_NUMBERS", (signal.SIGINT,))


@defect("app", "PROC")
def sigterm_ignored() -> None:
    """SIGTERM does nothing."""

    def look(_: stop_signals.StopSignals) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)

    replace(stop_signals, "_NUMBERS", (signal.SIGINT,))
    before(stop_signals.StopSignals, "catch", look)


@defect("app", "PROC")
def sigxfsz_kills() -> None:
    """SIGXFSZ ends the broker."""

    def look(_: stop_signals.StopSignals, __: Any) -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)

    before(stop_signals.StopSignals, "hand_to", look)


# Configuration.


@defect("core", "FILE")
def redirect_is_a_domain_of_its_own() -> None:
    """A domain whose file redirects to another has queues of its own, set up as the other's."""

    def make(loaded: Callable[..., None]) -> Callable[..., None]:
        def own(self: Broker, name: str, outcome: Any) -> None:
            is_domain = isinstance(outcome, DomainConfig)
            loaded(self, name, changed_copy(outcome, name=name) if is_domain else outcome)

        return own

    wrap(Broker, "_domain_loaded", make)


@defect("app", "FILE")
def redirects_followed_on() -> None:
    """A redirect is followed to the next one, until it comes back."""

    def make(resolve: Callable[..., DomainConfig]) -> Callable[..., DomainConfig]:
        def follow(self: ConfigFolder, name: str) -> DomainConfig:
            seen: set[str] = set()
            variant = self._load_domain(name)
            while isinstance(variant, Redirect) and variant.target not in seen:
                seen.add(variant.target)
                variant = self._load_domain(variant.target)
            return resolve(self, name if isinstance(variant, Redirect) else variant.name)

        return follow

    wrap(ConfigFolder, "resolve_domain", make)


@defect("config", "FILE")
def quoted_integers_refused() -> None:
    """In files an integer must not be written as a string."""
    wrap(
        reader,
        "_as_integer",
        lambda read: lambda raw: None if isinstance(raw, str) else read(raw),
    )


@defect("config", "FILE")
def strange_members_refused() -> None:
    """A file with a member that the format does not have is refused."""

    def look(_: Any, schema: inspect.StructType, raw: object, path: str) -> None:
        known = {member.encode_name for member in schema.fields}
        for name in raw if isinstance(raw, dict) else ():
            if name not in known:
                raise ConfigError(f"{path}.{name}", "there", "must not be there")

    before(door(reader, "_Reader"), "_read_object", look)


@defect("config", "FILE")
def numbers_in_files_made_to_fit() -> None:
    """A number in a file that is out of range counts as the nearest one that is not."""

    def make(read: Callable[..., object]) -> Callable[..., object]:
        def fit(schema: Any, raw: object, path: str) -> object:
            if isinstance(schema, inspect.IntType) and isinstance(raw, int | float):
                raw = int(max(reader._low(schema), min(raw, reader._high(schema))))
            return read(schema, raw, path)

        return fit

    wrap(reader, "_read_scalar", make)


@defect("app", "FILE APP")
def wrong_domain_file_remembered() -> None:
    """A domain whose file was wrong when it was first read stays refused."""
    wrong: dict[str, ConfigError] = {}

    def make(resolve: Callable[..., DomainConfig]) -> Callable[..., DomainConfig]:
        def remember(self: ConfigFolder, name: str) -> DomainConfig:
            if name in wrong:
                raise wrong[name]
            try:
                return resolve(self, name)
            except ConfigError as error:
                wrong[name] = error
                raise

        return remember

    wrap(ConfigFolder, "resolve_domain", make)


@defect("app", "FILE")
def first_listener_only() -> None:
    """Of several listeners the broker listens on the first one."""
    after(ReferenceBroker, "_addresses", lambda addresses, *_: addresses[:1])
