"""Planting defects in the core: its steps ask for something else."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from reference_broker.base import Instant
from reference_broker.core import Broker
from reference_broker.ports import Effect, Input


def change_effects(
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Sequence[Input], list[Effect]], list[Effect]],
) -> None:
    """Let the core's steps return other effects."""
    step = Broker.step

    def changed(
        broker: Broker, now: Instant, inputs: Sequence[Input], *, wall_ns: int = 0
    ) -> list[Effect]:
        return change(inputs, step(broker, now, inputs, wall_ns=wall_ns))

    monkeypatch.setattr(Broker, "step", changed)
