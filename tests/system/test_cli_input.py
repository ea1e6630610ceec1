"""What the command line says to words, options and texts that it cannot take."""

import contextlib
import json
import os

import pytest
from command import IO, NO_INPUT, USAGE, call

UNUSABLE = ([["pedict"], "predict"], [["model", "lst"], "list"], [["model", "show", "x", "--verison", "1"], "--version"],
            [["serve", "--port", "70000"], "from 0 to 65535"], [["serve", "--threads", "-1"], "from 0 to 1024"],
            [["monitor", "--interval", "nan"], "from 0.1 to 3600"], [["completion", "bsh"], "bash"], [["run"], "spec"],
            [["model", "show", "x", "--version", "99999999999999999999"], "from 1 up"], [["help", "rnu"], "run"],
            [["run", "x.yaml", "--port", "9"], "--serve"], [["data"], "import, list, show, look"], [["model", "list", "--home"], "--home"])


@pytest.mark.parametrize("line, says", UNUSABLE, ids=[" ".join(line) for line, _ in UNUSABLE])
def test_a_line_that_is_no_command_is_answered_with_the_nearest(amas, tmp_path, line, says):
    plain = call(amas, tmp_path, *line)
    assert (plain.returncode, plain.stdout) == (USAGE, "")
    assert plain.stderr.startswith("error: ") and says in plain.stderr
    asked = call(amas, tmp_path, "--json", *line)
    assert (asked.returncode, asked.stderr) == (USAGE, "")
    error = json.loads(asked.stdout)["error"]
    assert error["code"] == "INVALID_ARGUMENT"
    assert f"error: {error['message']}\n" == plain.stderr


TEXT_BYTES_MAX = 4 << 20
REFUSED = ((b"x" * (TEXT_BYTES_MAX + 1), "standard input is longer than a text may be: more than 4194304 bytes"),
           (bytes(range(256)), "standard input is not UTF-8"), (b"", "standard input is empty"))


@pytest.mark.parametrize("served", (False, True), ids=("alone", "served"))
def test_texts_are_refused_alike_with_and_without_a_server(amas, trained_home, serving, served):
    with serving(trained_home) if served else contextlib.nullcontext():
        for text, says in REFUSED:
            ended = call(amas, trained_home, "predict", "mail", input=text, text=False)
            assert (ended.returncode, ended.stdout) == (USAGE, b"")
            assert says in ended.stderr.decode()
        longest = call(amas, trained_home, "predict", "mail", input=b"\1" * TEXT_BYTES_MAX, text=False)
        assert longest.returncode == 0, longest.stderr
        with open("/dev/zero", "rb") as endless:
            assert call(amas, trained_home, "predict", "mail", stdin=endless).returncode == USAGE
        assert call(amas, trained_home, "predict", "mail", "", "win").stdout.count("\n") == 2
        latin = call(amas, trained_home, "predict", "mail", "win", b"caf\xe9")
        assert latin.returncode == USAGE and "text 2 is not UTF-8" in latin.stderr
        for name in ("male", "a/b c?", ""):
            unknown = call(amas, trained_home, "predict", name, "win")
            assert unknown.returncode == NO_INPUT and "there are: mail" in unknown.stderr
        assert 'did you mean "mail"' in call(amas, trained_home, "predict", "male", "win").stderr


def test_a_standard_input_that_cannot_be_read_is_an_error(amas, trained_home, tmp_path):
    folder = os.open(tmp_path, os.O_RDONLY)
    ended = call(amas, trained_home, "predict", "mail", stdin=folder)
    os.close(folder)
    assert ended.returncode == IO and "standard input: Is a directory" in ended.stderr


def test_the_name_of_a_file_in_place_of_a_text_is_noted(amas, trained_home, tmp_path):
    (tmp_path / "mail.txt").write_text("win a prize")
    ended = call(amas, trained_home, "predict", "mail", "mail.txt", cwd=tmp_path)
    assert ended.returncode == 0
    assert "amas predict mail < mail.txt" in ended.stderr
