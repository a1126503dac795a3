"""Command lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from reference_broker.app.options import Options, parse_options, parse_peer_options

PEER_LINE = ["-i", "one", "-h", "host", "-t", "tags", "-d", "centre", "-p", "7", "etc"]
PEER_SAYS = Options(
    etc=Path("etc"),
    instance_id="one",
    host_name="host",
    host_tags="tags",
    host_data_center="centre",
    port=7,
)


@pytest.mark.parametrize("parse", [parse_options, parse_peer_options])
def test_the_peers_options(parse):
    assert parse(PEER_LINE) == PEER_SAYS
    long = ["--instanceId", "one", "--hostName=host", "--hostTags", "tags"]
    long += ["--hostDataCenter", "centre", "--port", "7", "etc"]
    assert parse(long) == PEER_SAYS
    assert parse(["etc"]) == Options(etc=Path("etc"))
    assert parse(["--version"]).is_version_asked
    assert parse(["-v"]).is_version_asked


def test_our_options_come_besides():
    line = ["--host", "127.0.0.2", "--storage", "data", "--log-level", "DEBUG"]
    line += ["--log-format", "json", "--metrics-port", "0"]
    assert parse_options([*line, *PEER_LINE]) == Options(
        etc=Path("etc"),
        instance_id="one",
        host_name="host",
        host_tags="tags",
        host_data_center="centre",
        port=7,
        host="127.0.0.2",
        storage=Path("data"),
        log_level="DEBUG",
        log_format="json",
        metrics_port=0,
    )
    assert parse_options([]) == Options()


@pytest.mark.parametrize(
    "line",
    [["-p"], ["-p", "x"], ["-p", "65536"], ["-p", "-1"], ["--nonsense"], ["a", "b"], ["-h"],
     ["--log-level", "LOUD"], ["--log-form", "json"], ["--metrics-port", "x"]],
)  # fmt: skip
def test_a_bad_line(line: list[str], capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as caught:
        parse_options(line)
    assert caught.value.code == 1
    error = capsys.readouterr().err
    assert error.startswith("PANIC [STARTUP] Failed to parse command line")
    assert "usage: python -m reference_broker" in error


@pytest.mark.parametrize("line", [["--help"], ["--storage", "x", "etc"], ["etc", "more"]])
def test_the_peers_line_has_nothing_else(line: list[str], capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as caught:
        parse_peer_options(line)
    assert caught.value.code == 1
    assert "usage: bmqbrkr.tsk" in capsys.readouterr().err


def test_the_peer_wants_a_folder(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as caught:
        parse_peer_options([])
    assert caught.value.code == 1
    assert 'No value supplied for the non-option argument "config"' in capsys.readouterr().err


@pytest.mark.parametrize("option", ["-h", "-t", "-d", "-i"])
def test_what_is_no_text_is_refused(option: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        parse_peer_options(["etc", option, "\udcff"])
    assert r"'\udcff' is not UTF-8" in capsys.readouterr().err


def test_help_is_help(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as caught:
        parse_options(["--help"])
    assert caught.value.code == 0
    assert "--metrics-port" in capsys.readouterr().out
