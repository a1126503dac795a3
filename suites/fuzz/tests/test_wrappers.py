from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from suites.fuzz.engine import DICTIONARY, grammar_of, has_coverage
from suites.fuzz.registry import ALL, CANARY, TARGETS, Target
from suites.fuzz.wrappers import main, name_of, program, write_target

ROOT = Path(__file__).parents[3]
URI = TARGETS["FUZZ-URI"]
#: Each takes a folder as its own and leaves an executable in $OUT, as that of the image does.
STAND_INS = {
    "compile_python_fuzzer": """#!/bin/sh -eu
name=$(basename "$1" .py)
test "$2 $3" = "--paths $SRC/bmq-gauntlet"
printf '#!/bin/sh\\nexec python3 %s "$@"\\n' "$1" > "$OUT/$name"
chmod +x "$OUT/$name"
""",
    "pip3": '#!/bin/sh\necho "$@" >> "$WORK/installed"\n',
}


@pytest.mark.parametrize("target", ALL, ids=lambda target: target.id)
def test_programs_are_python_and_name_their_target(target: Target):
    text = program(target)
    compile(text, target.id, "exec")
    assert f"from {target.module} import test_one_input" in text
    assert "from __future__" not in text
    assert ("hooks(" in text) == bool(grammar_of(target))


def test_the_files_of_a_target(tmp_path: Path):
    target = TARGETS["FUZZ-ACKS"]
    write_target(target, tmp_path, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        "fuzz_acks.py",
        "fuzz_acks_seed_corpus.zip",
        "fuzz_acks.dict",
        "fuzz_acks.options",
    }
    assert "max_len = 1024\n" in (tmp_path / "fuzz_acks.options").read_text()
    assert (tmp_path / "fuzz_acks.dict").read_bytes() == DICTIONARY.read_bytes()
    assert seeds_in(tmp_path / "fuzz_acks_seed_corpus.zip") == target.seeds()
    before = (tmp_path / "fuzz_acks_seed_corpus.zip").read_bytes()
    write_target(target, tmp_path, tmp_path)
    assert (tmp_path / "fuzz_acks_seed_corpus.zip").read_bytes() == before


def test_a_dictionary_only_where_it_is_of_use(tmp_path: Path):
    write_target(URI, tmp_path, tmp_path)
    assert not (tmp_path / "fuzz_uri.dict").exists()


@pytest.mark.slow
def test_every_target_but_the_canary_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main([str(tmp_path), str(tmp_path)]) == 0
    names = capsys.readouterr().out.split()
    assert names == [name_of(target) for target in ALL]
    assert name_of(CANARY) not in names


def test_both_builds_run_the_same_script():
    script = (ROOT / "oss-fuzz/build.sh").read_text()
    assert "$SRC/bmq-gauntlet/.clusterfuzzlite/build.sh" in script
    for folder in (".clusterfuzzlite", "oss-fuzz"):
        assert "base-builder-python\n" in (ROOT / folder / "Dockerfile").read_text()
        assert "language: python\n" in (ROOT / folder / "project.yaml").read_text()


@pytest.mark.slow
@pytest.mark.skipif(not has_coverage(), reason="atheris is not for this platform")
@pytest.mark.parametrize("script", [".clusterfuzzlite/build.sh", "oss-fuzz/build.sh"])
def test_the_build_in_a_clean_environment(tmp_path: Path, script: str):
    environment = clean_environment(tmp_path)
    shutil.copy(ROOT / script, tmp_path / "src/build.sh")
    built = run(["bash", "-eu", str(tmp_path / "src/build.sh")], environment, tmp_path)
    assert built.returncode == 0, built.stdout
    assert (tmp_path / "work/installed").read_text() == "install crc32c msgspec\n"
    out = tmp_path / "out"
    for target in ALL:
        assert os.access(out / name_of(target), os.X_OK), target.id
        assert seeds_in(out / f"{name_of(target)}_seed_corpus.zip") == target.seeds()
    for target in (URI, TARGETS["FUZZ-CORE"]):
        check_runs(out / name_of(target), environment, tmp_path)


def clean_environment(folder: Path) -> dict[str, str]:
    """Make a copy of what the image would have, and an environment that has nothing else of ours.

    Its Python finds the packages that are installed here, but not the project itself.
    """
    for name in ("src", "out", "work", "bin", "site"):
        (folder / name).mkdir()
    project = folder / "src/bmq-gauntlet"
    for name in ("reference_broker", "suites", ".clusterfuzzlite"):
        shutil.copytree(ROOT / name, project / name, ignore=shutil.ignore_patterns("__pycache__"))
    installed = Path(sysconfig.get_path("platlib"))
    for package in ("atheris", "crc32c", "msgspec"):
        for where in (installed / package, *installed.glob(f"{package}-*")):
            (folder / "site" / where.name).symlink_to(where)
    # -S: without the packages that are installed here, but for those three
    stand_ins = STAND_INS | {
        "python3": f'#!/bin/sh\nPYTHONPATH="$PYTHONPATH:{folder}/site" exec {sys.executable} -S "$@"\n'
    }
    for name, text in stand_ins.items():
        path = folder / "bin" / name
        path.write_text(text)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return {
        "PATH": f"{folder}/bin:/usr/bin:/bin",
        "SRC": str(folder / "src"),
        "OUT": str(folder / "out"),
        "WORK": str(folder / "work"),
        "PYTHONPATH": "",
        "HOME": str(folder),
    }


def check_runs(fuzzer: Path, environment: dict[str, str], folder: Path) -> None:
    """Run a fuzzer on its seeds, and for some executions more."""
    corpus = folder / f"{fuzzer.name}-corpus"
    with zipfile.ZipFile(f"{fuzzer}_seed_corpus.zip") as archive:
        archive.extractall(corpus)
        count = len(archive.namelist())
    runs = 2 * count + 50
    project = {"PYTHONPATH": f"{environment['SRC']}/bmq-gauntlet"}
    command = [str(fuzzer), f"-runs={runs}", "-seed=1", str(corpus)]
    done = run(command, environment | project, folder)
    assert done.returncode == 0, done.stdout
    coverage = re.search(r"INITED\s+cov: (\d+)", done.stdout)
    assert coverage is not None, done.stdout
    assert int(coverage[1]) > 20, "the product gives no coverage"
    assert re.search(rf"Done {runs} runs", done.stdout), done.stdout


def run(
    command: list[str], environment: dict[str, str], folder: Path
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        env=environment,
        cwd=folder,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=110,
    )


def seeds_in(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}
