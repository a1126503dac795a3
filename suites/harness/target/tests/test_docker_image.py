"""The container's side of a target, with a stand-in for Docker."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from suites.harness.target import Target, TargetError, TargetSpec
from suites.harness.target.docker_image import DockerRunner, connect


class FakeContainer:
    """A container that ends as soon as it gets a signal, unless it is deaf."""

    def __init__(self, *, is_deaf: bool = False) -> None:
        self.calls: list[Any] = []
        self._is_deaf = is_deaf
        self._code: int | None = None

    def kill(self, signal: str) -> None:
        self.calls.append(signal)
        if not self._is_deaf:
            self._code = 137 if signal == "SIGKILL" else 0

    def wait(self, timeout: float) -> dict[str, int]:
        if self._code is None:
            raise TimeoutError(timeout)
        return {"StatusCode": self._code}

    def logs(self, tail: int) -> bytes:
        assert tail
        return b"it says so"

    def remove(self, *, force: bool) -> None:
        assert force
        self.calls.append("removed")


class FakeDocker:
    """A client that has one image, or none."""

    def __init__(self, container: FakeContainer | None) -> None:
        self.containers = self
        self.asked: dict[str, Any] = {}
        self._container = container

    def run(self, image: str, command: list[str], **settings: Any) -> FakeContainer:
        self.asked = {"image": image, "command": command, **settings}
        if self._container is None:
            raise ValueError("no such image")
        return self._container


def runner(folder: Path, container: FakeContainer | None) -> tuple[DockerRunner, FakeDocker]:
    docker = FakeDocker(container)
    return DockerRunner("name:tag", folder, 30_114, lambda: docker), docker


def test_a_container_sees_the_folder_and_publishes_on_this_machine_alone(tmp_path: Path):
    container = FakeContainer()
    running, docker = runner(tmp_path, container)
    running.start()
    assert docker.asked["image"] == "name:tag"
    assert docker.asked["command"][-1] == "etc"
    assert docker.asked["working_dir"] == str(tmp_path)
    assert docker.asked["ports"] == {"30114/tcp": ("127.0.0.1", 30_114)}
    assert docker.asked["volumes"] == {str(tmp_path): {"bind": str(tmp_path), "mode": "rw"}}
    assert running.wait_ended(0.01) == ""
    assert running.log_tail() == "it says so"
    assert running.stop() == 0
    assert container.calls == ["SIGINT", "removed"]
    assert running.log_tail() == "it says so", "the log outlives the container"
    assert running.stop() == 0, "there is nothing to stop"


@pytest.mark.parametrize(("is_deaf", "code"), [(False, 137), (True, -9)])
def test_a_container_is_killed_and_removed_whatever_it_does(tmp_path: Path, is_deaf, code):
    container = FakeContainer(is_deaf=is_deaf)
    running, _ = runner(tmp_path, container)
    running.start()
    assert running.kill() == code
    assert container.calls == ["SIGKILL", "removed"]


def test_an_end_of_its_own_is_told(tmp_path: Path):
    container = FakeContainer()
    running, _ = runner(tmp_path, container)
    running.start()
    container.kill("SIGKILL")
    assert running.wait_ended(1) == "the broker's container ended with exit code 137"


def test_an_image_that_is_not_there(tmp_path: Path):
    running, _ = runner(tmp_path, None)
    with pytest.raises(TargetError, match=r"does not run the image 'name:tag' .no such image"):
        running.start()


def test_without_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "docker", None)
    with (
        pytest.raises(TargetError, match="needs the package 'docker': pip install docker"),
        Target(TargetSpec.parse("docker:name")),
    ):
        pass


def test_without_docker(monkeypatch):
    class Absent(Exception):  # noqa: N818 - the package's name has no suffix either
        pass

    def from_env(**_settings: Any) -> None:
        raise Absent("no socket")

    fake = SimpleNamespace(errors=SimpleNamespace(DockerException=Absent), from_env=from_env)
    monkeypatch.setitem(sys.modules, "docker", fake)
    with pytest.raises(TargetError, match=r"Docker does not answer .no socket.; start it"):
        connect()
