"""The suite's options for pytest.

They exist only in runs of this suite: `conftest.py` brings them into runs that name its folder,
and this module, where it is registered as a plugin, into those that name the suite as a package
(`pytest --pyargs suites.integration`). Other people's runs never see them.
"""

from __future__ import annotations

import importlib
from typing import Final

import pytest

PACKAGE: Final = "suites.integration"
_GROUP: Final = "gauntlet"
_PLUGIN: Final = "suites.integration.plugin"
_DEFAULT_TARGET: Final = "reference"


def activate(parser: pytest.Parser, manager: pytest.PytestPluginManager) -> None:
    """Bring the suite's options and hooks into this run, once."""
    _add_options(parser)
    if not manager.has_plugin(_PLUGIN):
        manager.register(importlib.import_module(_PLUGIN), _PLUGIN)


def _add_options(parser: pytest.Parser) -> None:
    group = parser.getgroup(_GROUP, "integration suite")
    if group.options:
        return
    group.addoption(
        "--target",
        metavar="SPEC",
        help="reference (the default), in-process, bmqbrkr:PATH, docker:IMAGE or external:HOST:PORT",
    )
    group.addoption(
        "--break",
        metavar="DEFECT",
        dest="seeded_defect",
        help="start our own broker with a seeded defect",
    )
    group.addoption(
        "--case",
        metavar="ID",
        action="append",
        dest="case_ids",
        help="run only this case; may be repeated",
    )
    group.addoption(
        "--seconds",
        metavar="S",
        type=float,
        dest="seconds_max",
        help="begin no case later than this",
    )
    group.addoption(
        "--gauntlet-result",
        metavar="FILE",
        help="write the verdicts there, as JSON",
    )
    group.addoption(
        "--gauntlet-talks",
        action="store_true",
        help="add to every verdict what went over the wire, decoded",
    )


def pytest_load_initial_conftests(early_config: pytest.Config, parser: pytest.Parser) -> None:
    """Activate the suite if the command line names this package."""
    known = early_config.known_args_namespace
    named = [str(argument) for argument in known.file_or_dir]
    if known.pyargs and any(f"{name}.".startswith(f"{PACKAGE}.") for name in named):
        activate(parser, early_config.pluginmanager)


def target_text(config: pytest.Config) -> str:
    """Return the target's specification as given, or the default."""
    return str(config.getoption("--target", default=None) or _DEFAULT_TARGET)


def defect_name(config: pytest.Config) -> str:
    """Return the name of the seeded defect, empty for none."""
    return str(config.getoption("seeded_defect", default=None) or "")


def case_ids(config: pytest.Config) -> list[str]:
    """Return the cases asked for; empty for all."""
    return list(config.getoption("case_ids", default=None) or ())


def seconds_max(config: pytest.Config) -> float | None:
    """Return when to stop beginning cases, in seconds since the start."""
    value = config.getoption("seconds_max", default=None)
    return None if value is None else float(value)


def result_file(config: pytest.Config) -> str:
    """Return where the verdicts go, empty for nowhere."""
    return str(config.getoption("gauntlet_result", default=None) or "")


def wants_talks(config: pytest.Config) -> bool:
    """Tell whether verdicts carry what went over the wire."""
    return bool(config.getoption("gauntlet_talks", default=False))


def is_aimed(config: pytest.Config) -> bool:
    """Tell whether the run is about a target rather than about this repository."""
    options = ("--target", "seeded_defect", "case_ids", "seconds_max", "gauntlet_result")
    return any(config.getoption(name, default=None) for name in options)
