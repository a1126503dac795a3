"""The target that a suite holds: configured, started, waited for, looked at, ended."""

from __future__ import annotations

import contextlib
import secrets
import socket
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from reference_broker.client import BlockingClient, ClientSettings
from suites.harness.target.docker_image import DockerRunner
from suites.harness.target.in_process import InProcessRunner
from suites.harness.target.process import ExecutableRunner, reference_runner
from suites.harness.target.reaching import SAMPLE_DOMAIN, find_trouble
from suites.harness.target.runner import LOG_TAIL_BYTES, Runner
from suites.harness.target.spec import Capability, TargetError, TargetKind, TargetSpec
from suites.harness.topology import DomainShape, write_config_folder, write_domain

#: How long a broker may take to answer that was started here, and one that should run already.
READY_SECONDS_MAX: Final = 20.0
REACH_SECONDS_MAX: Final = 3.0
_ANSWER_SECONDS_MAX: Final = 2.0
_RETRY_SECONDS: Final = 0.02
#: Ports for listeners: below those that systems give to outgoing connections, which would take one
#: between our looking and the broker's listening, or while a broker is being restarted.
_PORTS: Final = range(15_000, 30_000)
_PORT_TRIES_MAX: Final = 100


class Target:
    """A broker under test; use it as a context.

    Args:
        spec: which.
        heartbeat_ms: heartbeat interval to configure, milliseconds.
        app_config: members of `appConfig` to configure instead of, or beside, the usual ones.
        patience_s: how long it may take to answer, seconds; by default 20 if it is started here, and
            3 if it should run already.
        domain: one that a broker must have which runs already; empty for none.
    """

    def __init__(
        self,
        spec: TargetSpec,
        *,
        heartbeat_ms: int = 3000,
        app_config: Mapping[str, object] | None = None,
        patience_s: float | None = None,
        domain: str = SAMPLE_DOMAIN,
    ) -> None:
        assert spec.address is None or app_config is None, "an external target is not ours"
        self.spec = spec
        self._heartbeat_ms = heartbeat_ms
        self._app_config = app_config
        self._domain = domain if spec.address is not None else ""
        usual_s = READY_SECONDS_MAX if spec.address is None else REACH_SECONDS_MAX
        self._patience_s = usual_s if patience_s is None else patience_s
        self._runner: Runner | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self.host, self.port = spec.address or ("127.0.0.1", 0)

    def __enter__(self) -> Self:
        """Configure and start it, or see that it answers.

        Raises:
            TargetError: it cannot be started or reached, or runs already without the domain that it
                must have.
        """
        if self.spec.address is not None:
            self._wait_ready()
            return self
        self._folder = tempfile.TemporaryDirectory(prefix="gauntlet-target-")
        try:
            self._configure(Path(self._folder.name))
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
            if self._runner is not None:
                self._runner.stop()
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
        return self.spec.capabilities

    @property
    def pid(self) -> int | None:
        """The process of a running target that is one of its own, started here."""
        return self._runner.pid if self._runner is not None else None

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
        """Start it and wait until it answers.

        Raises:
            TargetError: it ends, answers what no broker does, or nothing for too long.
        """
        assert self._runner is not None, "it was not entered, or is not ours to start"
        self._runner.start()
        try:
            self._wait_ready()
        except BaseException:
            self._runner.kill()
            raise

    def stop(self) -> int:
        """Stop it gracefully and return its exit code; kill it if it takes over 20 s."""
        return self._runner.stop() if self._runner is not None else 0

    def kill(self) -> int:
        """End it as a crash would, and return its exit code."""
        return self._runner.kill() if self._runner is not None else 0

    def restart(self) -> None:
        """Start it again after `stop` or `kill`, on the same port with the same files."""
        self.start()

    def renew(self) -> None:
        """Kill it and start it with nothing stored, whatever state it is in; raises as `start`."""
        self.kill()
        for path in self.storage.rglob("*"):
            if path.is_file():
                path.unlink()
        self.start()

    # Looking.

    @contextlib.contextmanager
    def client(self, **settings: float) -> Iterator[BlockingClient]:
        """Return a connected blocking client."""
        with BlockingClient(self.address, ClientSettings(**settings)) as client:  # type: ignore[arg-type]  # the settings that cases change are all numbers
            yield client

    def log_tail(self, size: int = LOG_TAIL_BYTES) -> str:
        """Return the end of what it has logged, in bytes at most; empty for external targets."""
        return self._runner.log_tail(size) if self._runner is not None else ""

    def is_alive(self) -> bool:
        """Whether it accepts a session right now."""
        return find_trouble(self.host, self.port, _ANSWER_SECONDS_MAX, is_guarded=False) is None

    def _configure(self, folder: Path) -> None:
        self.port = free_port()
        in_container = self.spec.kind is TargetKind.DOCKER
        write_config_folder(
            folder,
            self.port,
            listen="0.0.0.0" if in_container else "127.0.0.1",
            heartbeat_ms=self._heartbeat_ms,
            app_config=self._app_config,
        )
        self._runner = _runner(self.spec, folder, self.port)

    def _wait_ready(self) -> None:
        give_up = time.monotonic() + self._patience_s
        while True:
            left = max(give_up - time.monotonic(), _RETRY_SECONDS)
            is_guarded = self._app_config is not None
            trouble = find_trouble(
                self.host,
                self.port,
                min(left, _ANSWER_SECONDS_MAX),
                is_guarded=is_guarded,
                domain=self._domain,
            )
            if trouble is None:
                return
            if trouble.is_setup:
                text = f"the broker at {self.address} {trouble.text}"
                raise TargetError(f"{text}; see 'Another broker' in README.md")
            if self._runner is None:
                raise TargetError(
                    f"no broker answers at {self.address}: {trouble.text}; "
                    "check host and port, and that the broker runs"
                )
            if ending := self._runner.wait_ended(_RETRY_SECONDS):
                raise TargetError(f"{ending}, while starting\n{self.log_tail()}".rstrip())
            if not trouble.may_pass or time.monotonic() >= give_up:
                text = f"no broker answers at {self.address} within {self._patience_s:g} s"
                raise TargetError(f"{text}: {trouble.text}\n{self.log_tail()}".rstrip())


def _runner(spec: TargetSpec, folder: Path, port: int) -> Runner:
    if spec.path is not None:
        return ExecutableRunner(spec.path, folder)
    if spec.kind is TargetKind.DOCKER:
        return DockerRunner(spec.image, folder, port)
    if spec.kind is TargetKind.IN_PROCESS:
        return InProcessRunner(folder, spec.defect)
    return reference_runner(folder, spec.defect)


def free_port() -> int:
    """Return a loopback port that is free now."""
    for _ in range(_PORT_TRIES_MAX):
        port = _PORTS[secrets.randbelow(len(_PORTS))]
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise TargetError(f"{_PORT_TRIES_MAX} ports of {_PORTS} were tried, and none is free")
