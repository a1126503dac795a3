"""What the operator is told of a configuration."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from reference_broker.app.findings import DomainFindings, report_findings
from reference_broker.config import ClustersConfig, SampleConfig

SAMPLE = SampleConfig()
FILE = "domains/bmq.test.mem.priority.json"
DOMAIN = replace(
    SAMPLE.resolve_domain("bmq.test.mem.priority"),
    unknown=("definition.parameters.colour",),
    unhonoured=("definition.parameters.name",),
)


@pytest.fixture(autouse=True)
def _everything(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="reference_broker")


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [f"{record.levelname} {record.getMessage()}" for record in caplog.records]


def test_nothing_is_said_of_the_sample(caplog: pytest.LogCaptureFixture):
    report_findings(SAMPLE.load_broker(), SAMPLE.load_clusters())
    DomainFindings().report(SAMPLE.resolve_domain("bmq.test.mem.priority"))
    assert not lines(caplog)


def test_every_file_is_named(caplog: pytest.LogCaptureFixture):
    report_findings(
        replace(SAMPLE.load_broker(), unknown=("a", "b")),
        replace(SAMPLE.load_clusters(), unhonoured=("c",)),
    )
    assert lines(caplog) == [
        "WARNING bmqbrkrcfg.json: unknown fields ignored: a, b",
        "INFO clusters.json: accepted without effect: c",
    ]


def test_no_cluster_is_worth_a_warning(caplog: pytest.LogCaptureFixture):
    report_findings(SAMPLE.load_broker(), ClustersConfig(clusters=()))
    (line,) = lines(caplog)
    assert line.startswith(
        "WARNING clusters.json: myClusters is empty, so every domain will be refused"
    )


def test_a_domain_is_reported_once_and_again_when_it_has_changed(
    caplog: pytest.LogCaptureFixture,
):
    findings = DomainFindings()
    said = [
        f"WARNING {FILE}: unknown fields ignored: definition.parameters.colour",
        f"INFO {FILE}: accepted without effect: definition.parameters.name",
    ]
    findings.report(DOMAIN)
    findings.report(replace(DOMAIN))
    assert lines(caplog) == said
    findings.report(replace(DOMAIN, message_ttl_s=DOMAIN.message_ttl_s + 1))
    assert lines(caplog) == said * 2
