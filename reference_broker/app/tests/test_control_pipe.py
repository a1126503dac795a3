"""The pipe itself."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from reference_broker.app.control_pipe import LINE_BYTES_MAX, ControlPipe
from reference_broker.base import OperatorError
from reference_broker.client.tests.running import turn, until


def send(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    os.write(descriptor, data)
    os.close(descriptor)


def lines_of(path: Path, *pieces: bytes, last: str) -> list[str]:
    """Return the lines that a pipe yields, up to `last`."""

    async def main() -> list[str]:
        lines: list[str] = []
        done = asyncio.Event()

        def take(line: str) -> None:
            lines.append(line)
            if line == last:
                done.set()

        with ControlPipe(path) as pipe:
            send(path, pieces[0])  # before anybody reads
            pipe.read(take)
            for piece in pieces[1:]:
                await _written(path, piece)
            async with asyncio.timeout(20):
                await done.wait()
        return lines

    async def _written(path: Path, piece: bytes) -> None:
        await asyncio.get_running_loop().run_in_executor(None, path.write_bytes, piece)

    return asyncio.run(main())


def test_lines_arrive_whoever_writes_them(tmp_path: Path):
    pieces = [b"early\nCMD he", b"lp\n", b"\xff\xc3\xa9\n", b"last\n"]
    assert lines_of(tmp_path / "ctl", *pieces, last="last") == [
        "early",
        "CMD help",
        "\ufffdé",
        "last",
    ]
    assert not (tmp_path / "ctl").exists()


def test_a_line_without_an_end_is_forgotten(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    long = b"x" * (LINE_BYTES_MAX + 1)
    pieces = [b"first\n", long, long, b"still the same\nsecond\n", long + b"\nlast\n"]
    assert lines_of(tmp_path / "ctl", *pieces, last="last") == ["first", "second", "last"]
    assert sum("is ignored" in record.message for record in caplog.records) == 2


def test_the_longest_line_arrives(tmp_path: Path):
    long = b"x" * LINE_BYTES_MAX
    assert lines_of(tmp_path / "ctl", b"\n", long, b"\nlast\n", last="last")[0] == long.decode()


def test_a_turn_takes_a_few_lines_and_none_is_lost(tmp_path: Path):
    wanted = [f"line {number}" for number in range(5_000)]

    async def main() -> list[str]:
        lines: list[str] = []
        turns: list[int] = []
        loop = asyncio.get_running_loop()

        def turn() -> None:
            turns.append(len(lines))
            loop.call_soon(turn)

        with ControlPipe(tmp_path / "ctl") as pipe:
            send(tmp_path / "ctl", "\n".join(wanted).encode() + b"\n")
            pipe.read(lines.append)
            turn()
            async with asyncio.timeout(20):
                await until(lambda: len(lines) == len(wanted))
            assert max(after - before for before, after in pairwise(turns)) <= 32
        return lines

    assert asyncio.run(main()) == wanted


def test_empty_lines_are_passed_over(tmp_path: Path):
    pieces = [b"\n" * 60_000, b"first\n\n\nlast\n"]
    assert lines_of(tmp_path / "ctl", *pieces, last="last") == ["first", "last"]


def test_no_line_is_taken_once_the_pipe_is_gone(tmp_path: Path):
    async def main() -> list[str]:
        lines: list[str] = []
        with ControlPipe(tmp_path / "ctl") as pipe:
            send(tmp_path / "ctl", b"line\n" * 1_000)
            pipe.read(lines.append)
            await until(lambda: lines)
        count = len(lines)
        for _ in range(5):
            await turn()
        assert len(lines) == count < 1_000
        return lines

    assert set(asyncio.run(main())) == {"line"}


@pytest.mark.parametrize("leave", [os.mkfifo, Path.touch])
def test_what_was_left_makes_room(tmp_path: Path, leave: Callable[[Path], None]):
    path = tmp_path / "ctl"
    leave(path)
    with ControlPipe(path):
        assert stat.S_ISFIFO(path.stat().st_mode)
    assert not path.exists()


def test_a_pipe_with_a_reader_is_another_brokers(tmp_path: Path):
    path = tmp_path / "ctl"
    with ControlPipe(path):
        with pytest.raises(OperatorError, match="in use by another broker; stop it"):
            ControlPipe(path).__enter__()
        assert path.exists()


def test_a_folder_that_cannot_be_written(tmp_path: Path):
    with pytest.raises(OperatorError, match="cannot be made: No such file"):
        ControlPipe(tmp_path / "nowhere" / "ctl").__enter__()
    (tmp_path / "ctl").mkdir()
    with pytest.raises(OperatorError, match="cannot be made: Is a directory"):
        ControlPipe(tmp_path / "ctl").__enter__()
