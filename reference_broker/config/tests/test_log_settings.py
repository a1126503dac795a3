"""The log, as the configuration has it."""

from __future__ import annotations

from typing import Any

import pytest

from reference_broker.config import BrokerConfig, ConfigError, LogSettings, parse_broker


def parse(**log_controller: Any) -> BrokerConfig:
    network = {"tcpInterface": {"name": "tcp", "port": 1}}
    return parse_broker(
        {
            "taskConfig": {"logController": log_controller},
            "appConfig": {"networkInterfaces": network},
        }
    )


def test_by_default_there_is_a_console_and_no_file():
    layout = "%d (%t) %s %F:%l %m\n"
    assert parse().log == LogSettings(
        console_format=layout,
        console_severity="INFO",
        verbosity="INFO",
        categories=(),
        file_name="",
        file_format=layout,
        file_age_days_max=0,
        rotation_bytes=0,
    )


def test_all_that_is_honoured_is_not_reported_as_without_effect():
    config = parse(
        fileName="log",
        fileMaxAgeDays=-1,
        rotationBytes=5,
        logfileFormat="%m",
        consoleFormat="%m",
        loggingVerbosity="ERROR",
        consoleSeverityThreshold="FATAL",
        categories=["A*:off:red", ":INFO:"],
    )
    assert config.unhonoured == ()
    assert config.log.file_age_days_max == 0


@pytest.mark.parametrize("category", ["", "A", "A:INFO", "A:LOUD:red", "A:INFO:red:more"])
def test_a_category_needs_three_parts(category: str):
    with pytest.raises(ConfigError, match=r"categories\[1\] is .* but must be EXPRESSION:SEVERITY"):
        parse(categories=["A:INFO:red", category])


def test_a_verbosity_is_a_severity():
    with pytest.raises(ConfigError, match=r"loggingVerbosity is 'LOUD' but must be"):
        parse(loggingVerbosity="LOUD")
