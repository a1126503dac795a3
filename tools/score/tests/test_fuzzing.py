from __future__ import annotations

from pathlib import Path

import pytest

from suites.fuzz.children import Children
from suites.fuzz.engine import has_coverage
from suites.fuzz.registry import ALL
from suites.harness.defects import ALL_DEFECTS, DEFECTS, PARSER_DEFECTS
from tools.score import fuzzing
from tools.score.found import SEEDS, Found, read_found, table, write_found
from tools.score.fuzzing import EXIT_COULD_NOT_RUN, EXIT_MISSED, OTHERS, PLACES, main, targets_of

SEEN_AT_ONCE = "uri-with-an-empty-tier"
SHALLOW = "uri-query-by-its-beginning"
FOUND = Found("sign", "FUZZ-URI", 600, (3.0, None, 5.4), (None, None, 9.0), ["00ff"])


def test_every_mistake_has_targets_that_read_its_file():
    known = {target.id for target in ALL}
    for name in [*PARSER_DEFECTS, *OTHERS]:
        ids = {target.id for target in targets_of(name)}
        assert ids, name
        assert ids <= known, name
    places = {mistake.place for mistake in PARSER_DEFECTS.values()}
    assert all(any(place.startswith(start) for place in places) for start in PLACES)


def test_the_others_are_defects_of_the_catalogue():
    assert OTHERS.keys() <= DEFECTS.keys()
    assert len(PARSER_DEFECTS) + len(OTHERS) >= 30


def test_what_is_measured_is_read_again(tmp_path: Path):
    path = tmp_path / "folder" / "found.json"
    assert read_found(path) == {}
    known = {"b": FOUND, "a": Found("JSON", SEEDS, 60, (0.0,), (0.0,))}
    write_found(path, known)
    assert read_found(path) == known
    assert len(path.read_text().splitlines()) == 4


def test_the_table():
    known = {"one": FOUND, "two": Found("sign", "", 60, (None,), (None,))}
    rows = table(known, ["one", "two", "three"]).splitlines()[2:]
    assert rows == [
        "| `one` | sign | FUZZ-URI | 5 | 2 of 3 | > 600 | 1 of 3 |",
        "| `two` | sign | none | > 60 | 0 of 1 | > 60 | 0 of 1 |",
        "| `three` | | not measured | | | | |",
    ]


def test_in_a_line():
    assert str(FOUND) == (
        "FUZZ-URI; with the mutator 3 - 5.4, without - - 9; 00ff crashes without it, too"
    )


def test_an_unknown_defect(capsys: pytest.CaptureFixture[str]):
    assert main(["--defect", "no-such"]) == EXIT_COULD_NOT_RUN
    assert "no defect is called no-such" in capsys.readouterr().out


def test_what_is_known_is_not_measured_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    path = tmp_path / "found.json"
    asked: list[tuple[str, int]] = []

    def measured(name: str, *, seconds: int, runs: int, children: Children) -> Found:
        assert isinstance(children, Children)
        asked.append((name, runs))
        return Found("kind", "", seconds, (None,) * runs, (None,) * runs)

    monkeypatch.setattr(fuzzing, "measure", measured)
    command = ["--defect", SHALLOW, "--found", str(path), "--runs", "2"]
    assert main([*command, "--seconds", "60"]) == EXIT_MISSED
    assert main([*command, "--seconds", "60"]) == EXIT_MISSED
    assert asked == [(SHALLOW, 2)]
    assert main([*command, "--seconds", "600"]) == EXIT_MISSED  # who gave up may take longer now
    assert asked == [(SHALLOW, 2)] * 2
    write_found(path, {SHALLOW: Found("kind", "FUZZ-URI", 60, (1.0,) * 2, (2.0,) * 2)})
    assert main([*command, "--seconds", "600"]) == 0
    assert len(asked) == 2
    assert f"| `{SHALLOW}` | kind | FUZZ-URI | 1 | 2 of 2 | 2 | 2 of 2 |" in capsys.readouterr().out


@pytest.mark.slow
def test_the_seeds_reveal_one():
    found = fuzzing.measure(SEEN_AT_ONCE, seconds=5, runs=3, children=Children())
    assert found == Found("URI", SEEDS, 5, (0.0,) * 3, (0.0,) * 3)


@pytest.mark.slow
@pytest.mark.skipif(not has_coverage(), reason="atheris is not for this platform")
def test_another_one_is_found():
    found = fuzzing.measure(SHALLOW, seconds=30, runs=1, children=Children())
    assert found.target == "FUZZ-URI"
    (time,) = found.with_mutator
    assert time is not None
    assert 0 < time < 40
    assert not found.innocent
    assert ALL_DEFECTS[SHALLOW].room == "base"
