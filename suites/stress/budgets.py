"""What a run must keep: `budgets.toml`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import msgspec

from reference_broker.base import OperatorError
from suites.stress.latency import Kind

BUDGETS_FILE: Final = Path(__file__).with_name("budgets.toml")


class Budget(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A bound.

    Attributes:
        p99_ms: of the 99th percentile, in milliseconds.
    """

    p99_ms: Annotated[float, msgspec.Meta(gt=0)]


class Budgets(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"end_to_end": "end-to-end"}
):
    """A bound for each kind of latency."""

    slip: Budget
    ack: Budget
    end_to_end: Budget

    def p99_ms(self, kind: Kind) -> float:
        """Return the bound of a kind's 99th percentile, in milliseconds."""
        budgets = {Kind.SLIP: self.slip, Kind.ACK: self.ack, Kind.END_TO_END: self.end_to_end}
        return budgets[kind].p99_ms


def read_budgets(path: Path = BUDGETS_FILE) -> Budgets:
    """Read a file of budgets.

    Raises:
        OperatorError: it cannot be read, or something in it is missing, unknown or not positive.
    """
    try:
        return msgspec.toml.decode(path.read_bytes(), type=Budgets)
    except (OSError, msgspec.MsgspecError) as error:
        raise OperatorError(f"budgets {path.name}: {error}") from error
