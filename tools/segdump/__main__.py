"""The command line of `tools.segdump`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from tools.segdump.dump import Line, dump


def main(arguments: Sequence[str] | None = None) -> int:
    """Print log files; return 1 if one is damaged, 2 if one cannot be read."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.segdump",
        description="Print segments (.bmq_data), snapshots (.bmq_journal) and ledgers (.bmq_csl).",
    )
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    options = parser.parse_args(arguments)
    code = 0
    for path in options.files:
        try:
            data = path.read_bytes()
        except OSError as error:
            print(f"segdump: {path}: {error.strerror}", file=sys.stderr)
            return 2
        for line in dump(data):
            if "damage" in line:
                code = 1
            named: Line = {"file": path.name, **line}
            print(json.dumps(named) if options.json else _text(named))
    return code


def _text(line: Line) -> str:
    file, offset = line.pop("file"), line.pop("offset")
    if "damage" in line:
        after = f"; {line['after']}" if "after" in line else ""
        return f"{file} {offset:>10} DAMAGED: {line['damage']}{after}"
    kind = line.pop("kind")
    said = " ".join(f"{name}={_value(value)}" for name, value in line.items())
    return f"{file} {offset:>10} {kind:<12} {said}"


def _value(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


if __name__ == "__main__":
    sys.exit(main())
