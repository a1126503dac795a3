"""The command lines: the peer's for `bmqbrkr.tsk`, and ours, which has the peer's in it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

from reference_broker.app.log_format import LEVELS
from reference_broker.config import SAMPLE_HOST, SAMPLE_PORT

EXIT_COMMAND_LINE: Final = 1
INSTANCE_ID: Final = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a command line says.

    Attributes:
        etc: configuration folder.
        instance_id: shown in the lines of start and stop, unless it is the default.
        host_name, host_tags, host_data_center: instead of those of the configuration.
        port: instead of the configured one; 0 takes a free one.
        is_version_asked: print the version and exit.
        host: address to listen on.
        storage: folder for the log of messages.
        log_level: least severity that is logged.
        log_format: `text` or `json`.
        metrics_port: where metrics are served; 0 takes a free one.
    """

    etc: Path | None = None
    instance_id: str = INSTANCE_ID
    host_name: str | None = None
    host_tags: str | None = None
    host_data_center: str | None = None
    port: int | None = None
    is_version_asked: bool = False
    host: str | None = None
    storage: Path | None = None
    log_level: str | None = None
    log_format: str = "text"
    metrics_port: int | None = None


class _Parser(argparse.ArgumentParser):
    """Ends the process for a wrong command line, with the usage [PROC-4]."""

    def error(self, message: str) -> NoReturn:
        sys.stderr.write(f"PANIC [STARTUP] Failed to parse command line: {message}\n")
        self.print_usage(sys.stderr)
        raise SystemExit(EXIT_COMMAND_LINE)


def parse_options(arguments: Sequence[str]) -> Options:
    """Return what the command line of `python -m reference_broker` says; exits with 1 on a bad one."""
    parser = _Parser(
        prog="python -m reference_broker",
        description="A BlazingMQ broker. With ETC_DIR it stands in for `bmqbrkr.tsk ETC_DIR`: it leaves "
        "bmqbrkr.pid, .ctl and .hist in the working directory. Without: one node on "
        f"{SAMPLE_HOST}:{SAMPLE_PORT} with the sample domains.",
        add_help=False,
        allow_abbrev=False,
    )
    _add_peer_options(parser, metavar="ETC_DIR")
    _add_own_options(parser)
    return Options(**vars(parser.parse_args(arguments)))


def parse_peer_options(arguments: Sequence[str]) -> Options:
    """Return what the command line of `bmqbrkr.tsk` says; exits with 1 on a bad one."""
    parser = _Parser(prog="bmqbrkr.tsk", add_help=False, allow_abbrev=False)
    _add_peer_options(parser, metavar="config")
    options = Options(**vars(parser.parse_args(arguments)))
    if options.etc is None and not options.is_version_asked:
        text = 'Error: No value supplied for the non-option argument "config".\n'
        sys.stderr.write(text)
        raise SystemExit(EXIT_COMMAND_LINE)
    return options


def _add_peer_options(parser: argparse.ArgumentParser, *, metavar: str) -> None:
    add = parser.add_argument
    add("etc", nargs="?", type=Path, metavar=metavar, help="configuration folder")
    add("-i", "--instanceId", dest="instance_id", type=_text, default=INSTANCE_ID, metavar="NAME",
        help="name of this instance, shown when it starts and stops")  # fmt: skip
    add("-h", "--hostName", dest="host_name", type=_text, metavar="NAME",
        help="instead of the configured one")  # fmt: skip
    add("-t", "--hostTags", dest="host_tags", type=_text, metavar="TAGS",
        help="instead of the configured ones")  # fmt: skip
    add("-d", "--hostDataCenter", dest="host_data_center", type=_text, metavar="NAME",
        help="instead of the configured one")  # fmt: skip
    add("-p", "--port", type=_port, help="listen on this port; 0 takes a free one")
    add("-v", "--version", dest="is_version_asked", action="store_true",
        help="print the version and exit")  # fmt: skip


def _add_own_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--help", action="help", help="print this and exit")
    add("--host", help="listen on this address")
    add("--storage", type=Path, help="folder for the log of messages")
    add("--log-level", choices=list(LEVELS),
        help="least severity that is logged; by default as the configuration says")  # fmt: skip
    add("--log-format", choices=["text", "json"], default="text",
        help="lines for people, or a JSON object a line")  # fmt: skip
    add("--metrics-port", type=_port, metavar="PORT",
        help="serve /metrics and /healthz on this loopback port; 0 takes a free one")  # fmt: skip


def _text(text: str) -> str:
    """Refuse what came as bytes that are not UTF-8: clients could not be told of it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError(f"{text!a} is not UTF-8") from None
    return text


def _port(text: str) -> int:
    port = int(text) if text.isdecimal() else -1
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"port {text!r} is not a number from 0 to 65535")
    return port
