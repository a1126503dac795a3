"""`python -m suites.harness.broken_broker DEFECT [ARGUMENTS]`: the broker with a seeded defect."""

from __future__ import annotations

import sys

from reference_broker.app.cli import main
from suites.harness.defects import ALL_DEFECTS

if __name__ == "__main__":
    ALL_DEFECTS[sys.argv[1]].apply()
    sys.exit(main(sys.argv[2:]))
