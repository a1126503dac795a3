"""Tell the operator which members of the configuration have no effect."""

from __future__ import annotations

from reference_broker.app.records import LOGGER
from reference_broker.config import BrokerConfig, ClustersConfig, DomainConfig


def report_findings(config: BrokerConfig, clusters: ClustersConfig) -> None:
    """Report on the files that are read at the start.

    Args:
        config: the broker's own.
        clusters: if there is none that the broker is a member of, that is said too.
    """
    _report("bmqbrkrcfg.json", config)
    _report("clusters.json", clusters)
    if not clusters.clusters:
        LOGGER.warning(
            "clusters.json: myClusters is empty, so every domain will be refused; "
            "define the cluster that is the location of your domains"
        )


class DomainFindings:
    """Reports on each domain when it is read, and again when it says something else."""

    def __init__(self) -> None:
        self._reported: dict[str, DomainConfig] = {}

    def report(self, domain: DomainConfig) -> None:
        """Report on a domain, unless nothing has changed since the last time."""
        if self._reported.get(domain.name) != domain:
            self._reported[domain.name] = domain
            _report(f"domains/{domain.name}.json", domain)


def _report(name: str, findings: BrokerConfig | ClustersConfig | DomainConfig) -> None:
    if findings.unknown:
        LOGGER.warning("%s: unknown fields ignored: %s", name, ", ".join(findings.unknown))
    if findings.unhonoured:
        LOGGER.info("%s: accepted without effect: %s", name, ", ".join(findings.unhonoured))
