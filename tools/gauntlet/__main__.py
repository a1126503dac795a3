"""`python -m tools.gauntlet`."""

from __future__ import annotations

from tools.gauntlet.cli import main

if __name__ == "__main__":
    main()
