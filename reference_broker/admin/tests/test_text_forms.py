from __future__ import annotations

import pytest

from reference_broker.admin.text_forms import queue_id_text, size_text


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (0, "0  B"),
        (1023, "1023  B"),
        (1024, "1.00 KB"),
        (1029, "1.00 KB"),
        (1030, "1.01 KB"),
        (5678, "5.54 KB"),
        (100_000, "97.66 KB"),
        (2**20 - 1, "1024.00 KB"),
        (2**21, "2.00 MB"),
        (2**30, "1.00 GB"),
        (2**40, "1.00 TB"),
        (2**50, "1.00 PB"),
        (2**63, "8192.00 PB"),
        (-1, "-1  B"),
        (-2048, "-2.00 KB"),
    ],
)
def test_sizes(size, shown):
    assert size_text(size) == shown


def test_ids():
    assert [queue_id_text(each) for each in (0, 7, 4294967286, 4294967294, 4294967295)] == [
        "0",
        "7",
        "RESERVED",
        "PRIMARY",
        "UNASSIGNED",
    ]
