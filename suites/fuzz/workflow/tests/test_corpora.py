from __future__ import annotations

from pathlib import Path

import pytest

from reference_broker.base import OperatorError
from suites.fuzz.engine import has_coverage
from suites.fuzz.registry import TARGETS
from suites.fuzz.workflow.corpora import corpus_folder, merge

PUTS = TARGETS["FUZZ-PUTS"]
needs_coverage = pytest.mark.skipif(not has_coverage(), reason="atheris is not installed")


@pytest.fixture
def corpus(tmp_path):
    folder = tmp_path / "corpus"
    folder.mkdir()
    for name, data in PUTS.seeds().items():
        (folder / name).write_bytes(data)
        (folder / f"again_{name}").write_bytes(data + b"\0")
    return folder


def test_where_corpora_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert corpus_folder(PUTS, None, is_alone=True) == Path(".gauntlet-fuzz/corpus/FUZZ-PUTS")
    assert corpus_folder(PUTS, Path("mine"), is_alone=True) == Path("mine")
    assert corpus_folder(PUTS, Path("mine"), is_alone=False) == Path("mine/FUZZ-PUTS")
    assert Path("mine/FUZZ-PUTS").is_dir()
    Path("file").write_text("")
    with pytest.raises(OperatorError, match="cannot be made"):
        corpus_folder(PUTS, Path("file"), is_alone=True)


@needs_coverage
@pytest.mark.slow
def test_a_corpus_is_made_smaller(corpus, tmp_path):
    before = {path.read_bytes() for path in corpus.iterdir()}
    done = merge(PUTS, corpus)
    after = {path.read_bytes() for path in corpus.iterdir()}
    assert after < before
    assert (done.before, done.after, done.folder) == (2 * len(PUTS.seeds()), len(after), corpus)
    assert done.features > 100
    assert merge(PUTS, corpus).after == done.after  # it was as small as it gets
    assert [path.name for path in tmp_path.iterdir()] == ["corpus"]


@needs_coverage
@pytest.mark.slow
def test_a_corpus_is_merged_into_another_one(corpus, tmp_path):
    before = sorted(corpus.iterdir())
    done = merge(PUTS, corpus, tmp_path / "new" / "into")
    assert sorted(corpus.iterdir()) == before
    assert done.after == len(list((tmp_path / "new" / "into").iterdir()))
    again = merge(PUTS, corpus, tmp_path / "new" / "into")
    assert (again.after, again.features) == (done.after, 0)


def test_what_cannot_be_merged(tmp_path):
    with pytest.raises(OperatorError, match="there is no corpus of FUZZ-PUTS in"):
        merge(PUTS, tmp_path / "none")
