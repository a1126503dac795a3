from __future__ import annotations

from pathlib import Path

import pytest

from suites.fuzz.__main__ import main
from suites.fuzz.registry import TARGETS
from suites.fuzz.workflow import commands, coverage
from suites.fuzz.workflow.corpora import Merged
from suites.fuzz.workflow.coverage import Reached, Report


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_merge(monkeypatch, capsys):
    asked = []

    def merge(*arguments):
        asked.append(arguments)
        return Merged(9, 4, 12, Path("x"))

    monkeypatch.setattr(commands, "merge", merge)
    assert main(["merge", "puts"]) == 0
    assert main(["merge", "FUZZ-PUTS", "--corpus", "a", "--into", "b"]) == 0
    puts = TARGETS["FUZZ-PUTS"]
    assert asked == [
        (puts, Path(".gauntlet-fuzz/corpus/FUZZ-PUTS"), None),
        (puts, Path("a"), Path("b")),
    ]
    assert "FUZZ-PUTS: 9 inputs merged into 4 in x, 12 new features" in capsys.readouterr().out


def test_coverage(monkeypatch, capsys):
    asked = []
    weak = Reached("wire/uri.py", (10, 8), (4, 2))

    def report(targets, corpora, out, *, jobs):
        asked.append((len(targets), dict(corpora), out, jobs))
        rooms = (
            Reached("wire", (10, 8), (8, 6), (weak,)),
            Reached("core", (9, 9), (0, 0), (weak,)),
        )
        return Report(rooms, out / "index.html", 7, ("X did not end",))

    monkeypatch.setattr(coverage, "report", report)
    Path("corpora/FUZZ-URI").mkdir(parents=True)
    assert (
        main(["coverage", "uri", "puts", "--corpus", "corpora", "--out", "o", "--jobs", "2"]) == 2
    )
    assert asked == [(2, {"FUZZ-URI": Path("corpora/FUZZ-URI")}, Path("o"), 2)]
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [
        "wire      branches  75.0 %  lines  80.0 %  (aim: 95)",
        "   50.0 %  wire/uri.py",
        "core      branches 100.0 %  lines 100.0 %",
        "7 inputs; o/index.html",
    ]
    assert "not measured: X did not end" in printed.err
    main(["coverage", "uri", "--corpus", "corpora", "--out", "o"])
    main(["coverage", "uri", "--corpus", "corpora", "--out", "o", "--seeds-only"])
    assert [corpora for _, corpora, _, _ in asked[1:]] == [{"FUZZ-URI": Path("corpora")}, {}]


@pytest.mark.parametrize(
    "arguments",
    [
        ["merge", "puts"],
        ["merge", "all"],
        ["merge", "nothing"],
        ["coverage", "puts", "--corpus", "none", "--out", "o"],
        ["nothing", "--minutes", "1"],
        ["puts", "--jobs", "1", "--target", "external:127.0.0.1:1"],
        ["--jobs", "2"],
        ["--corpus", "x"],
        ["--grammar", "stream"],
        ["--parser", "python:json:nothing"],
        ["--parser", "python:json:loads", "puts"],
        ["--parser", "python:json:loads", "--grammar", "none"],
        ["puts", "acks", "--input", "hex:00"],
    ],
)
def test_what_cannot_run_ends_with_2(arguments):
    assert main(arguments) == 2


@pytest.mark.parametrize("arguments", [["puts", "--minutes", "0"], ["puts", "--jobs", "0"]])
def test_numbers_that_are_none(arguments):
    with pytest.raises(SystemExit):
        main(arguments)


@pytest.mark.slow
def test_one_input_of_a_parser_of_somebody_else(capsys):
    spec = "python:suites.fuzz.workflow.tests.planted:parse"
    replay = ["--parser", spec, "--rejects", "ValueError", "--input"]
    assert main([*replay, "hex:6e6f"]) == 0
    assert main([*replay, f"hex:0000000042{bytes(60).hex()}"]) == 1
    out = capsys.readouterr().out
    assert "KeyError: 66" in out
    assert f"gauntlet fuzz --target reference --parser {spec} --rejects=ValueError --input" in out
