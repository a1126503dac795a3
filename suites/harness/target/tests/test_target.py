"""Every target that can be had here, through one life: start, kill, restart, stop."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest

from reference_broker.client import TimedOutError
from suites.harness.target import Target, TargetError, TargetSpec, free_port
from suites.harness.target.reaching import SAMPLE_DOMAIN
from suites.harness.tests.processes import needs_proc, wait_until_gone
from suites.harness.topology import FILE_DOMAIN, DomainShape

URI = f"bmq://{FILE_DOMAIN}/kept"
#: Our drop-in, as an installation has it.
DROP_IN = (
    f"#!{sys.executable}\n"
    "import sys\n"
    "from reference_broker.app.cli import main_as_peer\n"
    "sys.exit(main_as_peer())\n"
)


def script(path: Path, text: str) -> TargetSpec:
    """Return the target that an executable file of this text makes."""
    path.write_text(text)
    path.chmod(0o755)
    return TargetSpec.parse(f"bmqbrkr:{path}")


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[4]))


@pytest.fixture(
    params=[
        "in-process",
        pytest.param("reference", marks=pytest.mark.slow),
        pytest.param("bmqbrkr", marks=pytest.mark.slow),
        pytest.param("script", marks=pytest.mark.slow),
    ]
)
def spec(request: pytest.FixtureRequest, tmp_path: Path) -> TargetSpec:
    """A target to be started."""
    if request.param == "bmqbrkr":
        return script(tmp_path / "bmqbrkr.tsk", DROP_IN)
    if request.param == "script":  # a shell that stays, and starts it
        script(tmp_path / "bmqbrkr.tsk", DROP_IN)
        return script(tmp_path / "start.sh", f'#!/bin/sh\n{tmp_path}/bmqbrkr.tsk "$@"\nexit $?\n')
    return TargetSpec.parse(request.param)


def test_a_life(spec: TargetSpec):
    with Target(spec) as target:
        port = target.port
        pid = target.pid
        assert target.is_alive()
        with target.client() as client:
            client.open(URI, write=True).post(b"kept")
        assert target.kill() != 0
        assert not target.is_alive()
        target.restart()
        assert target.port == port
        assert target.pid is None or target.pid != pid
        with target.client() as client:
            queue = client.open(URI, read=True)
            message = queue.get(5)
            assert message.payload == b"kept"
            queue.confirm(message)
        assert target.log_tail()
        assert target.stop() == 0
        assert target.stop() == 0, "there is nothing to stop"
        assert not target.is_alive()
    assert not target.storage.exists()


@needs_proc
@pytest.mark.slow
def test_the_process_is_the_broker_and_not_the_script_that_started_it(tmp_path: Path):
    script(tmp_path / "bmqbrkr.tsk", DROP_IN)
    spec = script(tmp_path / "start.sh", f'#!/bin/sh\n{tmp_path}/bmqbrkr.tsk "$@"\nexit $?\n')
    with Target(spec) as target:
        assert target.pid is not None
        assert "bmqbrkr.tsk" in Path(f"/proc/{target.pid}/cmdline").read_text()
        assert "start.sh" not in Path(f"/proc/{target.pid}/cmdline").read_text()
        pid = target.pid
        target.kill()
    wait_until_gone([pid])


def test_a_renewed_target_has_forgotten_everything():
    with Target(TargetSpec.parse("in-process")) as target:
        with target.client() as client:
            client.open(URI, write=True).post(b"gone")
        target.renew()
        with target.client() as client:
            queue = client.open(URI, read=True)
            with pytest.raises(TimedOutError):
                queue.get(0.05)


def test_what_is_configured():
    settings = {"configureStream": False}
    with Target(TargetSpec.parse("in-process"), heartbeat_ms=123, app_config=settings) as target:
        etc = target.storage.parent / "etc"
        app = json.loads((etc / "bmqbrkrcfg.json").read_text())["appConfig"]
        assert app["configureStream"] is False
        assert app["networkInterfaces"]["tcpInterface"]["heartbeatIntervalMs"] == 123
        target.write_domain("some.domain", DomainShape())
        with target.client() as client:
            client.open("bmq://some.domain/q", write=True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("#!/bin/sh\necho I am no broker; exit 7\n", "ended with exit code 7.*\n.*I am no broker"),
        ("#!/no/such/interpreter\n", "cannot be run: No such file"),
        ("\x7fELF nonsense", "cannot be run: Exec format error"),
        ("#!/bin/sh\nexec tail -f /dev/null\n", "within 0.3 s: nobody listens"),
    ],
)
def test_executables_that_are_no_brokers(tmp_path: Path, text: str, message: str):
    started = time.monotonic()
    spec = script(tmp_path / "broker", text)
    with pytest.raises(TargetError, match=message), Target(spec, patience_s=0.3):
        pass
    assert time.monotonic() - started < 5


def test_its_log_files_are_read(tmp_path: Path):
    text = "#!/bin/sh\necho in the file > logs/logs.1; echo on the console; exit 1\n"
    with (
        pytest.raises(TargetError, match=r"(?s)in the file.*on the console"),
        Target(script(tmp_path / "broker", text)),
    ):
        pass


def test_a_target_that_dies_is_not_alive():
    with Target(TargetSpec.parse("in-process")) as target:
        spec = TargetSpec.parse(f"external:127.0.0.1:{target.port}")
        with Target(spec) as seen:
            assert seen.is_alive()
            assert seen.pid is None
            assert seen.log_tail() == ""
            target.kill()
            assert not seen.is_alive()


def test_an_external_broker_must_have_the_domain_that_cases_use():
    with Target(TargetSpec.parse("in-process")) as target:
        (target.storage.parent / f"etc/domains/{SAMPLE_DOMAIN}.json").unlink()
        spec = TargetSpec.parse(f"external:127.0.0.1:{target.port}")
        text = f"^the broker at {target.address} needs the domain {SAMPLE_DOMAIN}, .* E_UNKNOWN"
        with pytest.raises(TargetError, match=text) as caught, Target(spec):
            pass
        assert str(caught.value).endswith("; see 'Another broker' in README.md")
        for domain in (FILE_DOMAIN, ""):
            with Target(spec, domain=domain) as seen:
                assert seen.is_alive()


def test_ports_are_below_those_of_outgoing_connections():
    assert all(15_000 <= free_port() < 30_000 for _ in range(20))
