from __future__ import annotations

import pytest

from suites.fuzz.oracles.log_bench import Disk
from suites.fuzz.seeds import files as seed_files
from suites.fuzz.targets import fuzz_log_segment


@pytest.mark.parametrize(
    "seeds",
    [seed_files.log_segment_seeds(), seed_files.log_snapshot_seeds(), seed_files.ledger_seeds()],
)
def test_there_are_files_as_they_are_and_files_put_right(seeds):
    assert {data[0] & 1 for data in seeds.values()} == {0, 1}


def test_segments_are_in_every_place():
    seeds = seed_files.log_segment_seeds()
    places = {data[0] >> fuzz_log_segment.PLACE_SHIFT for data in seeds.values()}
    assert places == set(range(fuzz_log_segment.PLACES))


def test_a_torn_segment_is_mended():
    content = seed_files.log_segment_seeds()["torn"][1:]
    name = list(fuzz_log_segment.SEGMENTS)[-1]
    recovered = Disk({**fuzz_log_segment.SEGMENTS, name: content}).recover()
    assert any("unfinished end was cut off" in note for note in recovered.notes)
