"""Print docs/configuration.md: `python -m tools.configuration > docs/configuration.md`."""

from __future__ import annotations

from tools.configuration.page import page

if __name__ == "__main__":
    print(page(), end="")
