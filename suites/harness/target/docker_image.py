"""A broker in a container, through the package `docker` and the Docker that it finds.

The image must have the broker where BlazingMQ's own images have it. The container sees the configured
folder under the same path as we do, and publishes its port on the loopback interface only.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from suites.harness.target.runner import LOG_TAIL_BYTES, STOP_SECONDS_MAX, tail_of
from suites.harness.target.spec import TargetError

#: Where the broker is in BlazingMQ's images.
_BROKER: Final = "/usr/local/bin/bmqbrkr"
_LOG_LINES_MAX: Final = 500


def connect() -> Any:
    """Return a client of the local Docker.

    Raises:
        TargetError: the package is not installed, or no Docker answers.
    """
    try:
        docker = importlib.import_module("docker")
    except ImportError:
        text = "a docker: target needs the package 'docker': pip install docker, and start Docker"
        raise TargetError(text) from None
    try:
        return docker.from_env(timeout=STOP_SECONDS_MAX)
    except docker.errors.DockerException as error:
        text = f"Docker does not answer ({error}); start it, or set DOCKER_HOST"
        raise TargetError(text) from error


class DockerRunner:
    """Runs an image, a new container for every start.

    Args:
        image: its name.
        folder: the working folder; `etc` is in it.
        port: where the broker listens, inside and outside.
        connect: makes the client.
    """

    def __init__(
        self, image: str, folder: Path, port: int, connect: Callable[[], Any] = connect
    ) -> None:
        self._image = image
        self._folder = folder
        self._port = port
        self._connect = connect
        self._log = folder / "broker.log"
        self._container: Any = None

    @property
    def pid(self) -> int | None:
        """None: its process is the container's affair."""
        return None

    def start(self) -> None:
        """Start a container.

        Raises:
            TargetError: Docker is not there, or does not run the image.
        """
        assert self._container is None, "it runs already"
        client = self._connect()
        place = str(self._folder)
        try:
            self._container = client.containers.run(
                self._image,
                [_BROKER, "etc"],
                detach=True,
                working_dir=place,
                user=f"{os.getuid()}:{os.getgid()}",
                volumes={place: {"bind": place, "mode": "rw"}},
                ports={f"{self._port}/tcp": ("127.0.0.1", self._port)},
            )
        except Exception as error:  # of the package, of HTTP, of the socket
            text = f"Docker does not run the image {self._image!r} ({error}); is it pulled?"
            raise TargetError(text) from error

    def wait_ended(self, timeout_s: float) -> str:
        """See `Runner`."""
        if self._container is None:
            return "the broker was ended"
        # Docker's own timeout is an error of whichever library carries the request.
        with contextlib.suppress(Exception):
            code = self._container.wait(timeout=timeout_s)["StatusCode"]
            return f"the broker's container ended with exit code {code}"
        return ""

    def stop(self) -> int:
        """Stop it by SIGINT, as tools stop BlazingMQ's broker."""
        return self._end(signal.SIGINT)

    def kill(self) -> int:
        """Kill it."""
        return self._end(signal.SIGKILL)

    def log_tail(self, size: int = LOG_TAIL_BYTES) -> str:
        """Return the end of what it, and those before it, have printed."""
        self._keep_log()
        return tail_of(self._log, size)

    def _end(self, number: signal.Signals) -> int:
        container = self._container
        if container is None:
            return 0
        code = -signal.SIGKILL
        try:
            with contextlib.suppress(Exception):  # it has ended by itself, or it hangs
                container.kill(signal=number.name)
            with contextlib.suppress(Exception):
                code = int(container.wait(timeout=STOP_SECONDS_MAX)["StatusCode"])
            self._keep_log()
        finally:
            self._container = None
            container.remove(force=True)
        return code

    def _keep_log(self) -> None:
        if self._container is not None:
            self._log.write_bytes(self._container.logs(tail=_LOG_LINES_MAX))
