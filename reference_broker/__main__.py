"""`python -m reference_broker`."""

from __future__ import annotations

import sys

from reference_broker.app.stop_signals import StopSignals


def main() -> int:
    """Run the broker as a process; a wish to stop counts from the first moment."""
    signals = StopSignals()
    signals.catch()
    from reference_broker.app import cli  # noqa: PLC0415 - the imports take longer than a Ctrl-C

    return cli.main(signals=signals)


if __name__ == "__main__":
    sys.exit(main())
