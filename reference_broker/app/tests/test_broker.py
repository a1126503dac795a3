"""The broker as a library."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from reference_broker.app import ReferenceBroker
from reference_broker.app.broker import Overrides
from reference_broker.base import OperatorError
from reference_broker.client import Client, ClientSettings, RequestRefusedError
from reference_broker.client.tests.running import domain, until
from reference_broker.config import ConfigError
from reference_broker.runtime import StorageError

PATIENCE_S = 20.0
HURRY = ClientSettings(retry_interval_s=0.01, process_name="test")


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        async with asyncio.timeout(PATIENCE_S):
            await scenario()

    asyncio.run(main())


def log_files(folder: Path) -> list[str]:
    return [path.name for path in folder.glob("*.bmq_data")]


def client(broker: ReferenceBroker) -> Client:
    return Client(broker.address, HURRY)


@pytest.mark.parametrize(
    "name",
    ["bmq.test.mem.priority", "bmq.test.persistent.priority", "bmq.test.persistent.priority.sc"],
)
def test_the_sample_domains_are_there(name: str):
    async def scenario() -> None:
        async with ReferenceBroker() as broker, client(broker) as session:
            queue = await session.open(f"bmq://{name}/q", read=True, write=True)
            await queue.post(b"x")
            assert (await queue.get()).payload == b"x"

    run(scenario)


def test_a_free_loopback_port_is_taken():
    async def scenario() -> None:
        async with ReferenceBroker() as first, ReferenceBroker() as second:
            assert first.port != second.port
            assert first.address == f"tcp://127.0.0.1:{first.port}"

    run(scenario)


def test_domains_can_be_given():
    async def scenario() -> None:
        domains = {"mine": domain(messages=0)}
        async with ReferenceBroker(domains=domains) as broker, client(broker) as session:
            queue = await session.open("bmq://mine/q", write=True)
            acks = await queue.post_nowait([b"1", b"2"])
            assert [ack.is_success for ack in acks] == [True, False]
            with pytest.raises(RequestRefusedError, match="doesn't exist"):
                await session.open("bmq://others/q", write=True)

    run(scenario)


@pytest.mark.parametrize(
    "definition", [{"definition": {}}, {"redirect": "other"}, domain() | {"redirect": "other"}]
)
def test_a_domain_that_is_wrong_is_refused_when_it_is_opened(definition: dict[str, Any]):
    async def scenario() -> None:
        domains = {"wrong": definition}
        async with ReferenceBroker(domains=domains) as broker, client(broker) as session:
            with pytest.raises(RequestRefusedError, match="E_REFUSED -10"):
                await session.open("bmq://wrong/q", write=True)

    run(scenario)


def test_statistics():
    async def scenario() -> None:
        async with ReferenceBroker() as broker, client(broker) as session:
            queue = await session.open("bmq://bmq.test.mem.priority/q", read=True, write=True)
            await queue.post_many([b"12", b"345"])
            assert broker.statistics() == (1, 1, 2, 5, 2)

    run(scenario)


def test_a_temporary_log_goes_with_the_broker():
    folders: list[Path] = []

    async def scenario() -> None:
        async with ReferenceBroker() as broker:
            assert broker._temporary is not None
            folders.append(Path(broker._temporary.name))
            async with client(broker) as session:
                queue = await session.open("bmq://bmq.test.persistent.priority/q", write=True)
                await queue.post(b"x")
            assert log_files(folders[0])

    run(scenario)
    assert not folders[0].exists()


@pytest.mark.parametrize("is_graceful", [True, False])
def test_a_given_folder_keeps_the_log(tmp_path: Path, *, is_graceful: bool):
    async def scenario() -> None:
        uri = "bmq://bmq.test.persistent.priority/q"
        broker = await ReferenceBroker(storage=tmp_path).__aenter__()
        async with client(broker) as session:
            await (await session.open(uri, write=True)).post(b"x")
        await (broker.stop() if is_graceful else broker.abort())
        async with ReferenceBroker(storage=tmp_path) as again, client(again) as session:
            assert (await (await session.open(uri, read=True)).get()).payload == b"x"

    run(scenario)


def test_an_exception_ends_the_broker_at_once():
    async def scenario() -> None:
        async def fail() -> None:
            async with ReferenceBroker() as broker, client(broker) as session:
                uri = "bmq://bmq.test.mem.priority/q"
                queue = await session.open(uri, read=True, write=True)
                await queue.post(b"never confirmed")
                raise KeyError

        with pytest.raises(KeyError):
            await fail()

    run(scenario)


def test_stopping_can_be_begun_and_waited_for():
    async def scenario() -> None:
        broker = await ReferenceBroker().__aenter__()
        waiting = asyncio.ensure_future(broker.wait_stopped())
        broker.begin_stop()
        await waiting
        await broker.stop()
        await broker.stop()

    run(scenario)


# What the operator did.


def test_a_storage_folder_is_used_by_one_broker(tmp_path: Path):
    async def scenario() -> None:
        async with ReferenceBroker(storage=tmp_path):
            with pytest.raises(StorageError, match="in use by another broker; stop it first"):
                await ReferenceBroker(storage=tmp_path).__aenter__()

    run(scenario)


def test_a_port_is_used_by_one_broker(tmp_path: Path):
    async def scenario() -> None:
        async with ReferenceBroker() as broker:
            second = ReferenceBroker(port=broker.port, storage=tmp_path)
            with pytest.raises(OperatorError, match="is another broker running"):
                await second.__aenter__()
            async with ReferenceBroker(storage=tmp_path):
                pass  # the refused one let go of the folder

    run(scenario)


def test_a_configuration_folder_that_is_not_there(tmp_path: Path):
    async def scenario() -> None:
        with pytest.raises(ConfigError, match=r"bmqbrkrcfg\.json: cannot be read"):
            await ReferenceBroker(tmp_path / "nowhere").__aenter__()

    run(scenario)


def write_folder(folder: Path, port: int = 0) -> Path:
    """Write the smallest configuration folder, with one file-backed domain."""
    etc = folder / "etc"
    (etc / "domains").mkdir(parents=True)
    listener = {"name": "tcp", "address": "127.0.0.1", "port": port}
    tcp = {"name": "tcp", "listeners": [listener], "heartbeatIntervalMs": 3000}
    config = {
        "appConfig": {
            "hostName": "localhost",
            "networkInterfaces": {"heartbeats": {"client": 7}, "tcpInterface": tcp},
        }
    }
    node = {
        "id": 0,
        "name": "localhost",
        "transport": {"tcp": {"endpoint": "tcp://localhost:30114"}},
    }
    cluster = {
        "name": "local",
        "nodes": [node],
        "partitionConfig": {"numPartitions": 1, "location": str(folder / "storage")},
    }
    (etc / "bmqbrkrcfg.json").write_text(json.dumps(config))
    (etc / "clusters.json").write_text(json.dumps({"myClusters": [cluster]}))
    (etc / "domains" / "mine.json").write_text(json.dumps(domain("fileBacked")))
    (etc / "domains" / "alias.json").write_text(json.dumps({"redirect": "mine"}))
    return etc


def test_a_configuration_folder_says_everything(tmp_path: Path):
    async def scenario() -> None:
        etc = write_folder(tmp_path)
        async with ReferenceBroker(etc, port=0) as broker, client(broker) as session:
            queue = await session.open("bmq://mine/q", write=True)
            await queue.post(b"x")
        assert log_files(tmp_path / "storage")
        async with ReferenceBroker(etc, port=0) as broker, client(broker) as session:
            assert (await (await session.open("bmq://mine/q", read=True)).get()).payload == b"x"

    run(scenario)


def test_messages_of_a_redirected_domain_survive(tmp_path: Path):
    async def scenario() -> None:
        etc = write_folder(tmp_path)
        async with ReferenceBroker(etc, port=0) as broker, client(broker) as session:
            await (await session.open("bmq://alias/q", write=True)).post(b"x")
        async with ReferenceBroker(etc, port=0) as broker, client(broker) as session:
            queue = await session.open("bmq://alias/q", read=True)
            assert (await queue.get(PATIENCE_S / 4)).payload == b"x"

    run(scenario)


def test_a_file_that_is_no_json_is_named(tmp_path: Path):
    etc = write_folder(tmp_path)
    (etc / "clusters.json").write_text("{")

    async def scenario() -> None:
        with pytest.raises(ConfigError, match=r"clusters\.json: line 1"):
            await ReferenceBroker(etc).__aenter__()

    run(scenario)


def test_several_clusters_are_refused_with_their_file(tmp_path: Path):
    etc = write_folder(tmp_path)
    file = etc / "clusters.json"
    clusters = json.loads(file.read_text())
    clusters["myClusters"].append(clusters["myClusters"][0] | {"name": "second"})
    file.write_text(json.dumps(clusters))
    with pytest.raises(ConfigError) as caught:
        ReferenceBroker(etc).read_configuration()
    assert str(caught.value).startswith(f"{file}: myClusters is a list of 2 items but must be one")
    assert "local, second" in str(caught.value)


def test_a_cluster_that_is_added_later_has_no_domains(tmp_path: Path):
    etc = write_folder(tmp_path)

    async def scenario() -> None:
        async with ReferenceBroker(etc, port=0) as broker, client(broker) as session:
            file = etc / "clusters.json"
            file.write_text(file.read_text().replace('"name": "local"', '"name": "new"'))
            mine = etc / "domains" / "mine.json"
            mine.write_text(mine.read_text().replace('"local"', '"new"'))
            with pytest.raises(RequestRefusedError, match="E_REFUSED"):
                await session.open("bmq://mine/q", write=True)

    run(scenario)


def test_members_of_a_domain_without_effect_are_named_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    etc = write_folder(tmp_path)
    file = etc / "domains" / "mine.json"

    def set_member(name: str) -> None:
        content = domain("fileBacked")
        content["definition"]["parameters"][name] = 1
        file.write_text(json.dumps(content))

    def warnings() -> list[str]:
        return [each.getMessage() for each in caplog.records if "unknown" in each.getMessage()]

    async def scenario() -> None:
        prefix = "domains/mine.json: unknown fields ignored: definition.parameters."
        set_member("colour")
        async with ReferenceBroker(etc, port=0) as broker, client(broker) as session:
            for name in ("mine/q", "mine/r", "alias/q"):
                await session.open(f"bmq://{name}", write=True)
            await broker.command("DOMAINS RECONFIGURE mine")
            assert warnings() == [f"{prefix}colour"]
            set_member("flavour")
            await broker.command("DOMAINS RECONFIGURE mine")
            assert warnings() == [f"{prefix}colour", f"{prefix}flavour"]

    run(scenario)


def test_a_command_line_comes_before_the_configuration(tmp_path: Path):
    etc = write_folder(tmp_path)
    overrides = Overrides(host_name="other", host_tags="", host_data_center="east")
    config = ReferenceBroker(etc, overrides=overrides).read_configuration()
    assert (config.host_name, config.host_tags, config.host_data_center) == ("other", "", "east")
    assert ReferenceBroker(etc).read_configuration().host_name == "localhost"


def test_what_is_told_of_the_configuration_is_what_the_command_line_says(tmp_path: Path):
    etc = write_folder(tmp_path)

    def told(port: int | None, **overrides: str) -> tuple[object, ...]:
        broker = ReferenceBroker(etc, port=port, overrides=Overrides(**overrides))
        app = json.loads(broker.read_configuration().app_json)
        names = ("hostName", "hostTags", "hostDataCenter")
        return (*map(app.get, names), app["networkInterfaces"]["tcpInterface"]["port"])

    configured = told(None)
    assert told(0) == configured
    said = {"host_name": "other", "host_tags": "", "host_data_center": "east"}
    assert told(7, **said) == ("other", "", "east", 7)
    assert told(7) == (*configured[:3], 7)


def test_a_port_replaces_the_configured_ones_at_the_configured_address(tmp_path: Path):
    etc = write_folder(tmp_path)
    for options, host in (
        ({"port": 0}, "127.0.0.1"),
        ({"port": 0, "host": "127.0.0.2"}, "127.0.0.2"),
    ):
        broker = ReferenceBroker(etc, **options)
        assert broker._addresses(broker.read_configuration()) == [(host, 0)]


def test_a_command_is_answered():
    async def scenario() -> None:
        async with ReferenceBroker() as broker:
            assert (await broker.command("HELP")).rc == 0
            assert (await broker.command("NONSENSE")).rc == -31

    run(scenario)


def test_a_stop_while_it_starts_is_a_stop(tmp_path: Path):
    async def scenario() -> None:
        uri = "bmq://bmq.test.persistent.priority/q"
        async with ReferenceBroker(storage=tmp_path) as broker, client(broker) as session:
            await (await session.open(uri, write=True)).post(b"x")
        broker = ReferenceBroker(storage=tmp_path)
        starting = asyncio.ensure_future(broker.__aenter__())
        await until(lambda: broker._server is not None)
        broker.begin_stop()
        await starting
        await broker.wait_stopped()
        await broker.stop()
        async with ReferenceBroker(storage=tmp_path) as again, client(again) as session:
            assert (await (await session.open(uri, read=True)).get()).payload == b"x"

    run(scenario)
