"""The program of the SDK's features, without a broker: it knows its features, and gives up."""

from __future__ import annotations

import ast
import threading
import time
from pathlib import Path

import pytest

pytest.importorskip("blazingmq", reason="the SDK has no wheel here")

from suites.integration import sdk_features
from suites.integration.cases import test_sdk_features as cases
from suites.integration.sdk_process import run_sdk


class Deaf(sdk_features.Client):
    """A client without a session."""

    def __init__(self, give_up: float) -> None:

        self._give_up = give_up
        self._changed = threading.Condition()
        self.messages, self.handles, self.events, self.acks = [], [], ["Connected"], []


def test_every_feature_has_its_case():
    tree = ast.parse(Path(cases.__file__).read_text())
    shown = {
        ast.literal_eval(call.args[0])
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "_show"
    }
    assert shown == set(sdk_features.FEATURES)


def test_what_is_missing_is_named():
    with pytest.raises(TimeoutError, match=r"message number 1 is due; there are 0 messages"):
        Deaf(time.monotonic()).wait_messages(1)


def test_a_program_that_ends_early_is_no_success(tmp_path):
    program = tmp_path / "program.py"
    program.write_text("print('{\"acked\": 1}', flush=True)\nraise SystemExit('out of luck')\n")
    with pytest.raises(AssertionError, match=r"ended with 1 before its time:\s+out of luck"):
        list(run_sdk(program, seconds_max=5.0))


def test_a_program_is_given_its_arguments(tmp_path):
    program = tmp_path / "program.py"
    program.write_text("import json, sys\nprint(json.dumps({'done': sys.argv[1:]}))\n")
    assert list(run_sdk(program, "a", "b", seconds_max=5.0)) == [{"done": ["a", "b"]}]
