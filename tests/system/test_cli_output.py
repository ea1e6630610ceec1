"""What the command line does when its output cannot be written, is no terminal, or is a narrow one."""

import os
import signal
import subprocess

import pytest
from command import IO, call

READING = (["model", "list"], ["model", "show", "mail"], ["model", "show", "mail", "--lineage"], ["data", "list"],
           ["data", "show", "mail"], ["deploy", "--list"], ["predict", "mail", "win a prize"], ["doctor"], ["--help"],
           ["help", "run"], ["run", "--help"], ["--version"], ["completion", "bash"])


@pytest.mark.parametrize("json_flag", ([], ["--json"]))
@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_output_that_cannot_be_written_is_an_error(amas, trained_home, command, json_flag):
    with open("/dev/full", "w") as full:
        ended = call(amas, trained_home, *json_flag, *command, stdout=full)
    assert ended.returncode == IO, ended.stderr
    assert ended.stderr == "error: cannot write to standard output: No space left on device\n"


def test_a_run_whose_output_cannot_be_written_ends(amas, small_spec, trained_home):
    for flags in ([], ["--json"]):
        with open("/dev/full", "w") as full:
            ended = call(amas, trained_home, *flags, "run", small_spec, stdout=full)
        assert ended.returncode == IO
        assert "cannot write to standard output" in ended.stderr


def test_an_output_that_was_closed_is_an_error_and_no_file_takes_its_place(amas, trained_home):
    database = (trained_home / "home.db").read_bytes()
    command = f"{amas} --home {trained_home} model list >&-"
    ended = subprocess.run(["bash", "-c", command], stderr=subprocess.PIPE, text=True, timeout=60)
    assert ended.returncode == IO
    assert ended.stderr == "error: cannot write to standard output: Bad file descriptor\n"
    assert (trained_home / "home.db").read_bytes() == database


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_a_reader_that_goes_away_ends_it_quietly(amas, trained_home, command):
    # Gone before the command begins, so that a quick one cannot have written everything already.
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as output:
        ended = subprocess.run([amas, "--home", trained_home, *command], stdout=output, stderr=subprocess.PIPE, timeout=60)
    assert ended.returncode == -signal.SIGPIPE
    assert ended.stderr == b""


def test_a_server_and_a_monitor_whose_output_cannot_be_written_end(amas, trained_home, serving):
    with open("/dev/full", "w") as full:
        assert call(amas, trained_home, "serve", "--port", "0", stdout=full).returncode == IO
        with serving(trained_home):
            for flags in ([], ["--json"]):
                assert call(amas, trained_home, *flags, "monitor", stdout=full).returncode == IO
