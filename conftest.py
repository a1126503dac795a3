"""Hypothesis profiles for every test in the tree.

`HYPOTHESIS_PROFILE=nightly pytest` tries a hundred times as much as `dev`; `ci`, which `.ci/run`
chooses, half as much, and writes no examples down. No profile has a deadline: slow machines are not
failures. Every failure prints the blob that replays it.
"""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("dev", deadline=None, print_blob=True)
settings.register_profile("ci", settings.get_profile("dev"), max_examples=50, database=None)
settings.register_profile("nightly", settings.get_profile("dev"), max_examples=10_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))
