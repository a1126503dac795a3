"""Tests of `suites.integration.config_files`."""

from __future__ import annotations

import json

from suites.harness.target import Target, TargetSpec
from suites.integration.config_files import set_heartbeats, set_journal_size, start_anew


def test_the_target_runs_with_the_changed_file() -> None:
    with Target(TargetSpec.parse("in-process")) as target:
        start_anew(target, "bmqbrkrcfg.json", set_heartbeats(1234, 7))
        start_anew(target, "clusters.json", set_journal_size(8192))
        assert target.is_alive()
        etc = target.storage.parent / "etc"
        interfaces = json.loads((etc / "bmqbrkrcfg.json").read_text())["appConfig"][
            "networkInterfaces"
        ]
        assert interfaces["heartbeats"]["client"] == 7
        assert interfaces["tcpInterface"]["heartbeatIntervalMs"] == 1234
        assert interfaces["tcpInterface"]["port"] == target.port
        cluster = json.loads((etc / "clusters.json").read_text())["myClusters"][0]
        assert cluster["partitionConfig"]["maxJournalFileSize"] == 8192
