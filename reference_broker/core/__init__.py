"""The broker as one machine: `Broker.step(now, inputs)` returns effects.

`core` is the only room that knows all engines. It routes what arrives to them and turns their
answers into effects in the right order. Same construction, same inputs: same effects, to the byte.
"""

from __future__ import annotations

from reference_broker.core.broker import AdminSettings, Broker, BrokerStatistics

__all__ = ["AdminSettings", "Broker", "BrokerStatistics"]
