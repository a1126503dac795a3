from __future__ import annotations

from suites.fuzz.workflow.status import Status, Tail, together

LINES = (
    "INFO: Seed: 1\n"
    "gauntlet: fuzzing since 100.5\n"
    "#40\tINITED cov: 176 ft: 367 corp: 19/1712b exec/s: 0 rss: 53Mb\n"
    "#70\tNEW    cov: 180 ft: 400 corp: 20/1800b lim: 4096 exec/s: 35 rss: 53Mb L: 9/9 MS: 1 X-\n"
)


def test_a_log_is_read_as_it_grows(tmp_path):
    path = tmp_path / "log"
    tail = Tail(path, 1.0)
    assert tail.read(2.0) == Status(last_new=1.0)
    path.write_text(LINES[:-20])  # the last line is not whole yet
    assert tail.read(3.0) == Status(
        executions=40, coverage=176, features=367, corpus=19, last_new=3.0, is_started=True
    )
    path.write_text(LINES)
    status = tail.read(4.0)
    assert (status.executions, status.executions_per_s, status.corpus) == (70, 35, 20)
    assert status.last_new == 4.0
    with path.open("a") as file:
        file.write("#128\tpulse  cov: 180 ft: 400 corp: 20/1Kb lim: 4096 exec/s: 64 rss: 53Mb\n")
        file.write("gauntlet: a finding\nSUMMARY: libFuzzer: timeout\n")
    status = tail.read(9.0)
    assert (status.executions_per_s, status.last_new, status.findings) == (64, 4.0, 2)


def test_jobs_of_one_target_together():
    one = Status(executions=5, executions_per_s=2, coverage=7, corpus=3, last_new=1.0, findings=1)
    other = Status(executions=6, executions_per_s=3, coverage=5, corpus=4, last_new=2.0)
    assert together([one, other]) == Status(
        executions=11, executions_per_s=5, coverage=7, corpus=4, last_new=2.0, findings=1
    )
    assert together([]) == Status()
