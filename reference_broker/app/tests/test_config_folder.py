from __future__ import annotations

import errno
import json
import os
import time
from pathlib import Path

import pytest

from reference_broker.app import config_folder
from reference_broker.app.config_folder import ConfigFolder
from reference_broker.config import (
    CONFIG_BYTES_MAX,
    ConfigError,
    ConfigFileError,
    ConfigTextError,
    DomainNotFound,
    Mode,
)

# Long ago: such a file has settled, so it is remembered.
SETTLED_NS = time.time_ns() - 3600 * 10**9


def definition(
    location: str = "moon", ttl: int | str = 60, **parameters: object
) -> dict[str, object]:
    return {
        "definition": {
            "location": location,
            "parameters": {
                "mode": {"priority": {}},
                "storage": {
                    "config": {"fileBacked": {}},
                    "queueLimits": {"messages": 10, "bytes": 1000},
                    "domainLimits": {"messages": 20, "bytes": 2000},
                },
                "messageTtl": ttl,
                **parameters,
            },
        }
    }


def cluster(name: str, *node_names: str) -> dict[str, object]:
    nodes = [
        {"id": number, "name": node, "transport": {"tcp": {"endpoint": f"tcp://{node}:{5000}"}}}
        for number, node in enumerate(node_names)
    ]
    partitions = {"numPartitions": 1, "location": "data"}
    return {"name": name, "nodes": nodes, "partitionConfig": partitions}


@pytest.fixture
def etc(tmp_path):
    etc = tmp_path / "etc"
    (etc / "domains").mkdir(parents=True)
    clusters = {"myClusters": [cluster("moon", "a"), cluster("stars", "a", "b")]}
    write(etc / "clusters.json", clusters)
    write(
        etc / "bmqbrkrcfg.json",
        {"appConfig": {"networkInterfaces": {"tcpInterface": {"port": 4711}}}},
    )
    return etc


def write(path: Path, document: object, mtime_ns: int = SETTLED_NS) -> None:
    path.write_bytes(document if isinstance(document, bytes) else json.dumps(document).encode())
    os.utime(path, ns=(mtime_ns, mtime_ns))


def test_a_folder_is_read(etc):
    write(etc / "domains" / "acme.orders.json", definition(ttl="90"))
    folder = ConfigFolder(etc)
    assert folder.load_broker().tcp.port == 4711
    assert [each.name for each in folder.load_clusters().clusters] == ["moon", "stars"]
    domain = folder.resolve_domain("acme.orders")
    assert (domain.name, domain.mode, domain.message_ttl_s) == ("acme.orders", Mode.PRIORITY, 90)


def test_the_path_may_be_text(etc):
    assert ConfigFolder(str(etc)).load_broker() == ConfigFolder(etc).load_broker()


def test_a_domain_with_a_tier_has_its_own_file(etc):
    write(etc / "domains" / "acme.orders.~beta.json", definition(ttl=1))
    assert ConfigFolder(etc).resolve_domain("acme.orders.~beta").message_ttl_s == 1


@pytest.mark.parametrize("folder", ["etc", "etc/"])
def test_a_missing_domain_file_is_told_in_the_peers_words(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DomainNotFound) as caught:
        ConfigFolder(folder).resolve_domain("acme.orders")
    assert str(caught.value) == "Domain file 'etc/domains/acme.orders.json' doesn't exist"


def test_a_name_too_long_for_a_file_is_a_missing_domain(etc):
    with pytest.raises(DomainNotFound):
        ConfigFolder(etc).resolve_domain("x" * 5000)


def test_a_new_file_is_seen_at_once(etc):
    folder = ConfigFolder(etc)
    with pytest.raises(DomainNotFound):
        folder.resolve_domain("acme.orders")
    write(etc / "domains" / "acme.orders.json", definition())
    assert folder.resolve_domain("acme.orders").name == "acme.orders"


def test_a_changed_file_is_read_again(etc):
    file = etc / "domains" / "acme.orders.json"
    folder = ConfigFolder(etc)
    for ttl in (10, 20, 30):
        # Same size and same modification time: the change time tells them apart.
        write(file, definition(ttl=ttl))
        assert folder.resolve_domain("acme.orders").message_ttl_s == ttl
    file.unlink()
    with pytest.raises(DomainNotFound):
        folder.resolve_domain("acme.orders")


def test_a_changed_clusters_file_is_read_again(etc):
    write(etc / "domains" / "acme.orders.json", definition(location="sun"))
    folder = ConfigFolder(etc)
    with pytest.raises(ConfigError, match=r"must be a cluster of clusters\.json"):
        folder.resolve_domain("acme.orders")
    write(etc / "clusters.json", {"myClusters": [cluster("sun", "a")]})
    assert folder.resolve_domain("acme.orders").location == "sun"


def test_an_unchanged_file_is_parsed_once(etc):
    write(etc / "domains" / "acme.orders.json", definition())
    folder = ConfigFolder(etc)
    assert folder.resolve_domain("acme.orders") is folder.resolve_domain("acme.orders")
    assert folder.load_clusters() is folder.load_clusters()


def test_a_file_that_was_just_written_is_not_remembered(etc):
    write(etc / "domains" / "acme.orders.json", definition(), mtime_ns=time.time_ns())
    folder = ConfigFolder(etc)
    first, second = folder.resolve_domain("acme.orders"), folder.resolve_domain("acme.orders")
    assert first == second
    assert first is not second


def test_the_memory_is_bounded(etc, monkeypatch):
    monkeypatch.setattr(config_folder, "_FILES_CACHED_MAX", 3)
    folder = ConfigFolder(etc)
    for number in range(10):
        write(etc / "domains" / f"acme.{number}.json", definition())
        folder.resolve_domain(f"acme.{number}")
    assert len(folder._domains) == 3
    assert folder.resolve_domain("acme.9") is folder.resolve_domain("acme.9")


def test_a_redirect_is_followed_once(etc):
    write(etc / "domains" / "old.json", {"redirect": "new"})
    write(etc / "domains" / "new.json", definition())
    assert ConfigFolder(etc).resolve_domain("old").name == "new"


def test_a_second_redirect_is_refused(etc):
    write(etc / "domains" / "older.json", {"redirect": "old"})
    write(etc / "domains" / "old.json", {"redirect": "new"})
    write(etc / "domains" / "new.json", definition())
    write(etc / "domains" / "loop.json", {"redirect": "loop"})
    for name, target in (("older", "old"), ("loop", "loop")):
        with pytest.raises(ConfigError) as caught:
            ConfigFolder(etc).resolve_domain(name)
        assert (caught.value.path, caught.value.value) == ("redirect", target)
        assert caught.value.source == str(etc / "domains" / f"{name}.json")
        assert "a redirect is followed once" in caught.value.rule


def test_a_redirect_to_nowhere_is_told_by_the_missing_file(etc):
    write(etc / "domains" / "old.json", {"redirect": "new"})
    with pytest.raises(DomainNotFound) as caught:
        ConfigFolder(etc).resolve_domain("old")
    assert caught.value.file == str(etc / "domains" / "new.json")


NAMES_THAT_LEAVE = ["", "../clusters", "a/b", "/etc/passwd", "a\\b", "a\0b", "a\nb"]


@pytest.mark.parametrize("name", NAMES_THAT_LEAVE, ids=repr)
def test_a_name_that_could_leave_the_folder_is_refused(etc, name):
    write(etc / "clusters.json", definition())
    with pytest.raises(ConfigError) as caught:
        ConfigFolder(etc).resolve_domain(name)
    assert (caught.value.path, caught.value.value) == ("domain", name)


@pytest.mark.parametrize("target", NAMES_THAT_LEAVE[1:], ids=repr)
def test_a_redirect_that_could_leave_the_folder_is_refused(etc, target):
    write(etc / "domains" / "old.json", {"redirect": target})
    with pytest.raises(ConfigError, match="must be the name of a domain") as caught:
        ConfigFolder(etc).resolve_domain("old")
    assert caught.value.path == "redirect"


def test_broken_json_is_refused_with_file_line_and_column(etc):
    file = etc / "domains" / "acme.orders.json"
    write(file, b'{"definition":\n  {"location": "moon" "parameters": {}}}')
    with pytest.raises(ConfigTextError) as caught:
        ConfigFolder(etc).resolve_domain("acme.orders")
    assert str(caught.value).startswith(f"{file}: line 2, column 23: ")


def test_a_wrong_value_is_refused_with_file_and_path_every_time(etc):
    file = etc / "domains" / "acme.orders.json"
    write(file, definition(maxDeliveryAttempts=64))
    folder = ConfigFolder(etc)
    for _ in range(2):
        with pytest.raises(ConfigError) as caught:
            folder.resolve_domain("acme.orders")
        assert str(caught.value) == (
            f"{file}: definition.parameters.maxDeliveryAttempts is 64 "
            "but must be an integer from 0 to 63"
        )


@pytest.mark.parametrize(
    ("document", "path"),
    [
        (definition(location="stars"), "definition.location"),
        (definition(location="nowhere"), "definition.location"),
    ],
    ids=["multi-node", "no cluster"],
)
def test_a_domain_that_cannot_be_served_is_refused_with_its_file(etc, document, path):
    file = etc / "domains" / "acme.orders.json"
    write(file, document)
    write(etc / "domains" / "alias.json", {"redirect": "acme.orders"})
    for name in ("acme.orders", "alias"):
        with pytest.raises(ConfigError) as caught:
            ConfigFolder(etc).resolve_domain(name)
        assert (caught.value.source, caught.value.path) == (str(file), path)


def test_a_file_that_is_too_large_is_refused(etc):
    file = etc / "domains" / "acme.orders.json"
    text = json.dumps(definition()).encode()
    write(file, text + b" " * (CONFIG_BYTES_MAX - len(text)))
    assert ConfigFolder(etc).resolve_domain("acme.orders").name == "acme.orders"
    write(file, text + b" " * (CONFIG_BYTES_MAX - len(text) + 1))
    with pytest.raises(ConfigError, match=f"must not be longer than {CONFIG_BYTES_MAX} bytes"):
        ConfigFolder(etc).resolve_domain("acme.orders")


def test_a_directory_and_a_pipe_are_refused_without_waiting(etc):
    (etc / "domains" / "dir.json").mkdir()
    os.mkfifo(etc / "domains" / "pipe.json")
    for name in ("dir", "pipe"):
        with pytest.raises(ConfigFileError, match="it is not a regular file"):
            ConfigFolder(etc).resolve_domain(name)


def test_a_file_that_may_not_be_read_is_refused(etc, monkeypatch):
    # The superuser may read everything, so the refusal is played.
    def refuse(path, _flags):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    write(etc / "domains" / "acme.orders.json", definition())
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(ConfigFileError, match=r"acme\.orders\.json: cannot be read: Permission"):
        ConfigFolder(etc).resolve_domain("acme.orders")


@pytest.mark.parametrize(
    ("file", "ask"),
    [
        ("bmqbrkrcfg.json", lambda folder: folder.load_broker()),
        ("clusters.json", lambda folder: folder.load_clusters()),
        ("clusters.json", lambda folder: folder.resolve_domain("acme.orders")),
    ],
    ids=["broker", "clusters", "domain"],
)
def test_a_missing_main_file_is_a_configuration_error(etc, file, ask):
    write(etc / "domains" / "acme.orders.json", definition())
    (etc / file).unlink()
    with pytest.raises(ConfigFileError) as caught:
        ask(ConfigFolder(etc))
    assert str(caught.value) == f"{etc / file}: cannot be read: No such file or directory"
