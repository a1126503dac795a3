from __future__ import annotations

import pytest

from reference_broker.config.unhonoured import unhonoured_reason


def test_the_reason_is_found_by_path_and_by_pattern():
    for path in ("myClusters[7].nodes[3].dataCenter", "myClusters[].nodes[].dataCenter"):
        assert unhonoured_reason(path) == "a single node has no peers"


def test_a_path_that_no_configuration_lists_has_no_reason():
    with pytest.raises(KeyError):
        unhonoured_reason("appConfig.hostName")
