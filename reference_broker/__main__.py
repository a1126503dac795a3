"""`python -m reference_broker`."""

from __future__ import annotations

import sys

from reference_broker.app.cli import main

if __name__ == "__main__":
    sys.exit(main())
