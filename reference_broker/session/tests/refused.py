"""What a broker refuses and our client would not send of itself."""

from __future__ import annotations

from reference_broker.session import QueueOptions


def refused_options() -> QueueOptions:
    """Return options of which the broker says `invalid priority`."""
    options = QueueOptions()
    object.__setattr__(options, "consumer_priority_count", 0)
    return options
