"""Targets: the brokers that suites run against.

| specification        | what it is                                                   | can do    |
|----------------------|--------------------------------------------------------------|-----------|
| `reference`          | our broker, a process of its own, configured and started here | lifecycle |
| `external:HOST:PORT` | a broker that runs already                                   | nothing   |

All calls block and are bounded. A case that needs what a target cannot do is reported as not
applicable.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from reference_broker.base import OperatorError
from reference_broker.client import BlockingClient, ClientSettings, ConnectionLostError
from suites.harness.bound import bound
from suites.harness.defects import DEFECTS
from suites.harness.topology import DomainShape, write_config_folder, write_domain

READY_SECONDS_MAX: Final = 20.0
STOP_SECONDS_MAX: Final = 20.0
_LOG_TAIL_BYTES: Final = 8 * 1024


class TargetError(OperatorError):
    """The target cannot be started or reached: the run cannot go on (exit code 2)."""


class Capability(StrEnum):
    """What a target can do beyond speaking the protocol."""

    LIFECYCLE = "lifecycle"  # start, stop, kill, restart
    CONFIGURED = "configured"  # its domains are those of `suites.harness.topology`


@dataclass(frozen=True, slots=True)
class TargetSpec:
    """What the command line says of a target.

    Attributes:
        text: as given.
        address: (host, port) of an external target; None for one that we start.
        defect: name of a seeded defect to start it with; empty for none.
    """

    text: str
    address: tuple[str, int] | None = None
    defect: str = ""

    @classmethod
    def parse(cls, text: str, defect: str = "") -> Self:
        """Return the specification in a command line's words.

        Raises:
            TargetError: the text is of no known form, the address is not on this machine, or the
                defect is unknown.
        """
        if defect and defect not in DEFECTS:
            raise TargetError(f"no defect is called {defect!r}; known: {', '.join(DEFECTS)}")
        kind, _, rest = text.partition(":")
        if text == "reference":
            return cls(text, None, defect)
        host, _, port = rest.rpartition(":")
        if kind != "external" or not host or not port.isdecimal():
            raise TargetError(
                f"target {text!r} is neither 'reference' nor of the form external:HOST:PORT"
            )
        if defect:
            raise TargetError("a defect can be seeded only into the target 'reference'")
        _check_loopback(host)
        return cls(text, (host.strip("[]"), int(port)))

    @property
    def arguments(self) -> str:
        """The command-line options that give this target again."""
        options = f"--target {shlex.quote(self.text)}"
        return f"{options} --break {self.defect}" if self.defect else options


def _check_loopback(host: str) -> None:
    """Tests send traffic to this machine only."""
    if host == "localhost":
        return
    with contextlib.suppress(ValueError):
        if ipaddress.ip_address(host.strip("[]")).is_loopback:
            return
    raise TargetError(f"target host {host!r} is not a loopback address (127.0.0.0/8 or [::1])")


class Target:
    """A broker under test; use it as a context.

    Args:
        spec: which.
        heartbeat_ms: heartbeat interval to configure, milliseconds.
        app_config: members of `appConfig` to configure instead of, or beside, the usual ones.
    """

    def __init__(
        self,
        spec: TargetSpec,
        *,
        heartbeat_ms: int = 3000,
        app_config: Mapping[str, object] | None = None,
    ) -> None:
        assert spec.address is None or app_config is None, "an external target is not ours"
        self.spec = spec
        self._heartbeat_ms = heartbeat_ms
        self._app_config = app_config
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._log: Path | None = None
        self.host, self.port = spec.address or ("127.0.0.1", 0)

    def __enter__(self) -> Self:
        """Configure and start it, or see that it answers.

        Raises:
            TargetError: it cannot be started or reached.
        """
        if self.spec.address is not None:
            self._wait_ready()
            return self
        self._folder = tempfile.TemporaryDirectory(prefix="gauntlet-target-")
        self.port = free_port()
        folder = Path(self._folder.name)
        write_config_folder(
            folder, self.port, heartbeat_ms=self._heartbeat_ms, app_config=self._app_config
        )
        self._log = folder / "broker.log"
        try:
            self.start()
        except BaseException:
            self._folder.cleanup()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it, if it was started here, and remove its files."""
        try:
            if self._process is not None:
                self.stop()
        finally:
            if self._folder is not None:
                self._folder.cleanup()

    @property
    def address(self) -> str:
        """What clients connect to."""
        return f"tcp://{self.host}:{self.port}"

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What it can do."""
        return frozenset(Capability) if self.spec.address is None else frozenset()

    @property
    def pid(self) -> int | None:
        """The process id of a running target that was started here."""
        return self._process.pid if self._process is not None else None

    @property
    def storage(self) -> Path:
        """The folder of its log; only for targets that were started here."""
        assert self._folder is not None, "an external target's storage is not ours"
        return Path(self._folder.name) / "storage"

    def write_domain(self, name: str, shape: DomainShape) -> None:
        """Configure a domain anew, or change one; a broker that has it loaded must be told.

        Args:
            name: of the domain.
            shape: what it is to be.
        """
        assert self._folder is not None, "an external target's configuration is not ours"
        write_domain(Path(self._folder.name) / "etc", name, shape)

    # Lifecycle.

    def start(self) -> None:
        """Start the process and wait until it answers.

        Raises:
            TargetError: it ends, or does not answer within 20 s.
        """
        assert self._folder is not None, "an external target is not ours to start"
        assert self._log is not None, "it was not entered"
        assert self._process is None, "it runs already"
        command = [sys.executable, "-m", "reference_broker", "etc"]
        if self.spec.defect:
            command[2:3] = ["suites.harness.broken_broker", self.spec.defect]
        environment = dict(os.environ)
        root = str(Path(__file__).resolve().parents[2])
        environment["PYTHONPATH"] = os.pathsep.join([root, environment.get("PYTHONPATH", "")])
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                bound(command),
                cwd=self._folder.name,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            self._wait_ready()
        except BaseException:
            self._end(signal.SIGKILL)
            raise

    def stop(self) -> int:
        """Stop it gracefully and return its exit code; kill it if it takes over 20 s."""
        return self._end(signal.SIGINT)

    def kill(self) -> int:
        """Kill it as a crash would, and return its exit code."""
        return self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Start it again after `stop` or `kill`, on the same port with the same files."""
        self.start()

    def _end(self, number: signal.Signals) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(number)
        try:
            return process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait(STOP_SECONDS_MAX)
        except BaseException:
            process.kill()
            process.wait(STOP_SECONDS_MAX)
            raise

    # Looking.

    @contextlib.contextmanager
    def client(self, **settings: float) -> Iterator[BlockingClient]:
        """Return a connected blocking client."""
        with BlockingClient(self.address, ClientSettings(**settings)) as client:  # type: ignore[arg-type]  # the settings that cases change are all numbers
            yield client

    def log_tail(self) -> str:
        """Return the end of what it has printed; empty for external targets."""
        if self._log is None or not self._log.exists():
            return ""
        with self._log.open("rb") as log:
            log.seek(max(0, self._log.stat().st_size - _LOG_TAIL_BYTES))
            return log.read().decode(errors="replace")

    def is_alive(self) -> bool:
        """Whether it accepts a session right now."""
        try:
            with BlockingClient(self.address, ClientSettings(connect_timeout_s=2.0)):
                return True
        except ConnectionLostError:
            return False

    def _wait_ready(self) -> None:
        give_up = time.monotonic() + READY_SECONDS_MAX
        settings = ClientSettings(connect_timeout_s=0.5, retry_interval_s=0.02)
        while time.monotonic() < give_up:
            if self._process is not None and (code := self._process.poll()) is not None:
                text = f"the broker ended with exit code {code} while starting"
                raise TargetError(f"{text}:\n{self.log_tail()}")
            if self._answers(settings):
                return
        text = f"no broker answers at {self.address} within {READY_SECONDS_MAX} s"
        raise TargetError(f"{text}\n{self.log_tail()}".rstrip())

    def _answers(self, settings: ClientSettings) -> bool:
        """Whether it accepts a session, or a connection where it may keep strangers out."""
        try:
            if self._app_config is None:
                with BlockingClient(self.address, settings):
                    return True
            socket.create_connection((self.host, self.port), settings.connect_timeout_s).close()
        except ConnectionLostError:
            return False
        except OSError:
            assert self._process is not None, "only a target of our own has such a configuration"
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(settings.retry_interval_s)
            return False
        return True


def free_port() -> int:
    """Return a loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
