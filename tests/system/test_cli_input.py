"""What the command line says to words, options and texts that it cannot take."""

import json

import pytest
from command import USAGE, call

UNUSABLE = ([["pedict"], "predict"], [["model", "lst"], "list"], [["model", "show", "x", "--verison", "1"], "--version"],
            [["serve", "--port", "70000"], "from 0 to 65535"], [["serve", "--threads", "-1"], "from 0 to 1024"],
            [["monitor", "--interval", "nan"], "from 0.1 to 3600"], [["completion", "bsh"], "bash"], [["run"], "spec"],
            [["model", "show", "x", "--version", "99999999999999999999"], "from 1 to"], [["help", "rnu"], "run"],
            [["data"], "import, list, show, look"], [["model", "list", "--home"], "--home"])


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
