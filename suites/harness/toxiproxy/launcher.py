"""Starts a Toxiproxy server: the real `toxiproxy-server` where there is one, else our own.

Where the real one is looked for, in this order:

1. the file that the environment variable `TOXIPROXY_SERVER` names,
2. `toxiproxy-server` on PATH,
3. `.tools/bin/toxiproxy-server` under the repository and under the working directory; that is
   where `install_with_go` can put it.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import logging
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Literal, Self

from toxiproxy import Toxiproxy
from toxiproxy.api import APIConsumer

from reference_broker.base import OperatorError
from suites.harness.bound import bound

logger = logging.getLogger(__name__)

REAL_VERSION: Final = "2.12.0"
REAL_MODULE: Final = "github.com/Shopify/toxiproxy/v2"
REAL_NAME: Final = "toxiproxy-server"
TOOLS: Final = Path(".tools", "bin", REAL_NAME)
ROOT: Final = Path(__file__).resolve().parents[3]

INSTALL_SECONDS_MAX: Final = 180.0
START_SECONDS_MAX: Final = 15.0
STOP_SECONDS_MAX: Final = 5.0
# The port for the real server is free when it is chosen; someone may take it before the server does.
START_ATTEMPTS_MAX: Final = 5
RETRY_SECONDS: Final = 0.02
LOG_TAIL_BYTES: Final = 4_096
READY_LINE_BYTES_MAX: Final = 1_024


def find_real_server() -> Path | None:
    """Return the real `toxiproxy-server`, or None where there is none.

    Raises:
        OperatorError: `TOXIPROXY_SERVER` is set to what is not an executable file.
    """
    named = os.environ.get("TOXIPROXY_SERVER")
    if named:
        path = shutil.which(named)
        if path is None:
            raise OperatorError(
                f"TOXIPROXY_SERVER is {named!r} but that is not an executable file; "
                "correct it or unset it"
            )
        return Path(path)
    on_path = shutil.which(REAL_NAME)
    candidates = [on_path, ROOT / TOOLS, Path.cwd() / TOOLS]
    for candidate in candidates:
        if candidate is not None and (found := shutil.which(candidate)) is not None:
            return Path(found)
    return None


def install_with_go(destination: Path) -> Path | None:
    """Build the real server with `go install`, if Go is there.

    Args:
        destination: the folder that gets `toxiproxy-server`; made if need be.

    Returns:
        The executable, or None; the reason is logged then.
    """
    go = shutil.which("go")
    if go is None:
        logger.info("no toxiproxy-server was built: there is no go on PATH")
        return None
    destination.mkdir(parents=True, exist_ok=True)
    # Built aside and moved in one step, so that nobody finds half a server.
    with tempfile.TemporaryDirectory(dir=destination.resolve(), prefix=".build-") as aside:
        failure = _run_go(go, Path(aside))
        if failure is not None:
            logger.warning("no toxiproxy-server was built: %s", failure)
            return None
        return Path(aside, "server").replace(destination / REAL_NAME)


class ToxiproxyServer:
    """A running Toxiproxy server on a free loopback port; a context manager.

    `toxiproxy-python` keeps the server's address in a class, so only one server at a time can be
    driven by it in a process; the address that was there before is put back at the end.

    Args:
        kind: `real`, `own`, or `auto` for the real one if it is found.
        seed: of the toxics' randomness; the real server takes it and does not use it.

    Raises:
        OperatorError: on entering; the server is not found or does not start.
    """

    def __init__(self, kind: Literal["auto", "real", "own"] = "auto", seed: int = 0) -> None:
        self._wanted = kind
        self._seed = seed
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        self._client_before: tuple[str, int] | None = None
        self.kind: Literal["real", "own"] = "own"
        self.version = ""
        self.host = "127.0.0.1"
        self.port = 0

    @property
    def description(self) -> str:
        """Which server this is, for a report."""
        if self.kind == "real":
            return f"{REAL_NAME} {self.version} (real)"
        return f"gauntlet toxiproxy (own, seed {self._seed})"

    def client(self) -> Toxiproxy:
        """A `toxiproxy-python` client that talks to this server."""
        assert self._process is not None, "the server is not running"
        if self._client_before is None:
            self._client_before = (APIConsumer.host, APIConsumer.port)
        client = Toxiproxy()
        client.update_api_consumer(self.host, self.port)
        return client

    def __enter__(self) -> Self:
        real = None if self._wanted == "own" else find_real_server()
        if self._wanted == "real" and real is None:
            raise OperatorError(
                f"there is no {REAL_NAME}: put it on PATH, name it in TOXIPROXY_SERVER, "
                f"or build it into {ROOT / TOOLS.parent} with go"
            )
        try:
            if real is not None:
                self.kind = "real"
                self._start_real(real)
            else:
                self.kind = "own"
                self._start_own()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._client_before is not None:
            Toxiproxy().update_api_consumer(*self._client_before)
            self._client_before = None
        self._stop()

    def _start_real(self, path: Path) -> None:
        for _ in range(START_ATTEMPTS_MAX):
            self.port = _free_port(self.host)
            command = [str(path), "-host", self.host, "-port", str(self.port)]
            command += ["-seed", str(self._seed)]
            self._spawn(command, stdout=None, environment={"LOG_LEVEL": "warn"})
            try:
                self.version = self._wait_ready()
            except _PortTakenError:
                self._stop()
                continue
            return
        raise OperatorError(f"{path} found no free port in {START_ATTEMPTS_MAX} attempts")

    def _start_own(self) -> None:
        command = [sys.executable, "-m", "suites.harness.toxiproxy"]
        command += ["--host", self.host, "--port", "0", "--seed", str(self._seed)]
        search = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        self._spawn(command, stdout=subprocess.PIPE, environment={"PYTHONPATH": search})
        self.port = self._read_port()
        self.version = self._wait_ready()

    def _spawn(
        self, command: list[str], *, stdout: int | None, environment: dict[str, str]
    ) -> None:
        # A file, not a pipe: nobody has to read it for the server to go on.
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by _stop
        try:
            self._process = subprocess.Popen(
                bound(command),
                stdin=subprocess.DEVNULL,
                stdout=self._log if stdout is None else stdout,
                stderr=self._log,
                env={**os.environ, **environment},
            )
        except OSError as error:
            raise OperatorError(f"{command[0]} cannot be run: {error.strerror}") from error

    def _read_port(self) -> int:
        """Wait for the line of our own server that has its address."""
        assert self._process is not None, "spawned before"
        assert self._process.stdout is not None, "spawned with a pipe"
        stdout = self._process.stdout.fileno()
        deadline = time.monotonic() + START_SECONDS_MAX
        line = b""
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            while not line.endswith(b"\n"):
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    raise self._failure(f"was not ready in {START_SECONDS_MAX:.0f} s")
                data = os.read(stdout, READY_LINE_BYTES_MAX)
                line += data
                if not data or len(line) > READY_LINE_BYTES_MAX:
                    raise self._failure(f"ended without its address, after {line!r}")
        address = line.split(b",")[0]
        return int(address.rpartition(b":")[2])

    def _wait_ready(self) -> str:
        """Wait until the server answers, and return its version."""
        assert self._process is not None, "spawned before"
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline:
            version = _ask_version(self.host, self.port)
            # Paces the attempts, and sees the server end.
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(RETRY_SECONDS)
                if b"address already in use" in self._log_tail():
                    raise _PortTakenError
                raise self._failure(f"ended with code {self._process.returncode}")
            if version is not None:
                return version
        raise self._failure(f"did not answer in {START_SECONDS_MAX:.0f} s")

    def _failure(self, what: str) -> OperatorError:
        log = self._log_tail().decode(errors="replace").strip() or "nothing"
        return OperatorError(f"the {self.kind} toxiproxy server {what}; it wrote: {log}")

    def _log_tail(self) -> bytes:
        assert self._log is not None, "spawned before"
        size = os.fstat(self._log.fileno()).st_size
        return os.pread(self._log.fileno(), LOG_TAIL_BYTES, max(0, size - LOG_TAIL_BYTES))

    def _stop(self) -> None:
        process, self._process = self._process, None
        log, self._log = self._log, None
        if process is not None:
            _end(process)
            if process.stdout is not None:
                process.stdout.close()
        if log is not None:
            log.close()


class _PortTakenError(Exception):
    """Someone else listens on the port that was free a moment ago."""


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        pass
    finally:
        process.kill()
        process.wait()


def _free_port(host: str) -> int:
    with socket.create_server((host, 0)) as sock:
        port: int = sock.getsockname()[1]
        return port


def _ask_version(host: str, port: int) -> str | None:
    """The version that a server at this address tells, or None if it does not answer."""
    connection = http.client.HTTPConnection(host, port, timeout=1.0)
    try:
        connection.request("GET", "/version")
        response = connection.getresponse()
        text = response.read(LOG_TAIL_BYTES).decode(errors="replace").strip()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    if response.status != http.HTTPStatus.OK:
        return None
    try:
        version = json.loads(text)["version"]
    except (ValueError, KeyError, TypeError):
        return text  # plain text, before 2.7.0
    return str(version)


def _run_go(go: str, folder: Path) -> str | None:
    """Install the server's command into a folder; return why that failed, or None."""
    command = [go, "install", "-ldflags", f"-X {REAL_MODULE}.Version={REAL_VERSION}"]
    command.append(f"{REAL_MODULE}/cmd/server@v{REAL_VERSION}")
    try:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, "GOBIN": str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        return f"{go} cannot be run: {error.strerror}"
    with process:
        try:
            output, _ = process.communicate(timeout=INSTALL_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            return f"go install took longer than {INSTALL_SECONDS_MAX:.0f} s"
        finally:
            if process.poll() is None:
                # go's own compilers and linkers are in the session that was started for it.
                os.killpg(process.pid, signal.SIGKILL)
    if process.returncode != 0:
        tail = output[-LOG_TAIL_BYTES:].decode(errors="replace").strip()
        return f"go install ended with code {process.returncode}: {tail}"
    return None
