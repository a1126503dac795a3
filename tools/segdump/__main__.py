"""The command line of `tools.segdump`."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from reference_broker.base import OperatorError
from reference_broker.storage import StorageCorruptionError
from tools.segdump.dump import Line, dump
from tools.segdump.folder import segment_paths
from tools.segdump.outstanding import outstanding

_EPILOG = (
    "A folder stands for the segments in it, in the order of the log. Snapshots and ledgers are "
    "printed when they are named."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print log files; return 1 if one is damaged, 2 if one cannot be read."""
    options = _parse(arguments)
    code = 0
    for path in options.paths:
        try:
            lines = _needed(path) if options.outstanding else _records(path)
            for line in lines:
                if "damage" in line:
                    code = 1
                print(json.dumps(line) if options.json else _text(line))
        except StorageCorruptionError as error:
            print(f"segdump: {path}: {error}", file=sys.stderr)
            code = 1
        except OperatorError as error:
            print(f"segdump: {path}: {error}", file=sys.stderr)
            return 2
        except OSError as error:
            print(f"segdump: {error.filename or path}: {error.strerror}", file=sys.stderr)
            return 2
    return code


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tools.segdump",
        description="Print segments (.bmq_data), snapshots (.bmq_journal) and ledgers (.bmq_csl).",
        epilog=_EPILOG,
    )
    parser.add_argument("paths", nargs="+", type=Path, help="files, or folders of a broker's log")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument(
        "--outstanding",
        action="store_true",
        help="of folders: the messages that are still needed, a line for each app that needs one; "
        "found as a broker finds them that starts there",
    )
    return parser.parse_args(arguments)


def _records(path: Path) -> Iterator[Line]:
    """Yield what a file says, or the segments in a folder."""
    if not path.is_dir():
        yield from _file(path)
        return
    is_empty = True
    for segment in segment_paths(path):
        is_empty = False
        yield from _file(segment)
    if is_empty:
        raise OperatorError("there are no segments (bmq_*.bmq_data) in this folder")


def _file(path: Path) -> Iterator[Line]:
    for line in dump(path.read_bytes()):
        yield {"file": path.name, **line}


def _needed(path: Path) -> Iterator[Line]:
    if not path.is_dir():
        raise OperatorError("--outstanding needs the folder of a log, not one of its files")
    return outstanding(path, lambda text: print(f"segdump: {text}", file=sys.stderr))


def _text(line: Line) -> str:
    if "file" not in line:
        return " ".join([str(line.pop("uri")), _pairs(line)])
    file, offset = line.pop("file"), line.pop("offset")
    if "damage" in line:
        after = f"; {line['after']}" if "after" in line else ""
        return f"{file} {offset:>10} DAMAGED: {line['damage']}{after}"
    kind = line.pop("kind")
    return f"{file} {offset:>10} {kind:<12} {_pairs(line)}"


def _pairs(line: Line) -> str:
    return " ".join(f"{name}={_value(value)}" for name, value in line.items())


def _value(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


if __name__ == "__main__":
    # Whoever reads what is printed may stop early, as `head` does: then end as `cat` would.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    sys.exit(main())
