"""What a person sees in terminals of all widths, with and without colours, and when interrupting."""

import os
import re
import shutil
import signal
import subprocess
import time

import pytest
from command import call
from terminal import Terminal

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
LOOKS = (["model", "list"], ["model", "show", "mail"], ["model", "show", "mail", "--lineage"], ["deploy", "--list"], ["data", "list"], ["data", "show", "mail"],
         ["doctor"])


@pytest.mark.parametrize("columns", (40, 80, 200))
def test_a_run_fits_the_terminal_and_leaves_no_bar_behind(amas, small_spec, tmp_path, columns):
    shown = Terminal([amas, "--home", tmp_path / "home", "run", small_spec], columns)
    lines = shown.screen()
    assert shown.status == 0
    # Commands to copy are not broken.
    assert [line for line in shown.too_wide() if not re.search("amas|curl|tensorboard", line)] == []
    assert not any(line.startswith("…") for line in lines)
    assert "━" in shown.written or columns < 60
    assert sum(line.startswith("✓ train ") for line in lines) == 2
    assert any("linear" in line and "deployed" in line for line in lines) or any(line.strip() == "deployed" for line in lines)
    assert re.search(r"fp32\s+\d+\.\d kB", " ".join(lines)) and "0.00 MB" not in shown.written


@pytest.mark.parametrize("columns", (40, 80, 200))
@pytest.mark.parametrize("command", LOOKS, ids=" ".join)
def test_what_is_looked_at_fits_the_terminal(amas, trained_home, command, columns):
    shown = Terminal([amas, "--home", trained_home, *command], columns)
    assert shown.status == 0
    assert len(shown.screen()) > 1 and shown.too_wide() == []
    # In a terminal that is wide enough, what stands in a file, but for the colours.
    if columns == 200 and command != ["doctor"] and "--lineage" not in command:
        assert COLOUR.sub("", shown.written).replace("\r\n", "\n") == call(amas, trained_home, *command).stdout


def test_colours_and_cursor_moves_are_left_out_where_they_are_not_wanted(amas, small_spec, trained_home, tmp_path):
    home = tmp_path / "home"
    shutil.copytree(trained_home, home)
    run = [amas, "--home", home, "run", small_spec]
    assert COLOUR.search(Terminal(run).written)
    assert COLOUR.search(Terminal(run, NO_COLOR="").written)
    plain = Terminal(run, NO_COLOR="1").written
    assert not COLOUR.search(plain) and "\x1b[2K" in plain
    for without in (Terminal(run, TERM="dumb"), Terminal(run, TERM="")):
        assert "\x1b" not in without.written
    assert "\x1b" not in call(amas, home, "run", small_spec).stdout
    for words in (["pedict"], ["predict", "male", "x"]):
        assert "\x1b" in Terminal([amas, "--home", home, *words]).written
        assert "\x1b" not in Terminal([amas, "--home", home, *words], TERM="dumb").written
        assert "\x1b" not in Terminal([amas, "--home", home, *words], NO_COLOR="1").written


def begun_run(amas, home, spec):
    """A run that has begun to train."""
    run = subprocess.Popen([amas, "--home", home, "run", spec], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for line in run.stdout:
        if "epoch" in line:
            return run
    raise AssertionError(run.stderr.read())


@pytest.mark.parametrize("number", (signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
def test_an_interrupted_run_says_how_to_go_on_and_does(amas, small_spec, tmp_path, number):
    spec = tmp_path / "long.yaml"
    shutil.copy(small_spec.parent / "texts.jsonl", tmp_path)
    spec.write_text(small_spec.read_text().replace("epochs: 4", "epochs: 40"))
    run = begun_run(amas, tmp_path / "home", spec)
    run.send_signal(number)
    _, errors = run.communicate(timeout=20)
    assert run.returncode == -number  # A shell calls it 128 + number.
    assert errors == "interrupted; what is done is kept: run it again to go on\n"
    assert call(amas, tmp_path / "home", "--json", "model", "list").stdout == "[]\n"
    again = call(amas, tmp_path / "home", "run", spec)
    assert again.returncode == 0, again.stderr
    assert "unchanged, skipped" in again.stdout


def test_a_run_goes_on_where_the_caller_ignores_interrupts(amas, small_spec, tmp_path):
    line = f"trap '' INT; exec {amas} --home {tmp_path}/home run {small_spec}"
    run = subprocess.Popen(["bash", "-c", line], stdout=subprocess.PIPE, text=True)
    while "epoch" not in run.stdout.readline():
        pass
    run.send_signal(signal.SIGINT)
    run.stdout.read()
    assert run.wait(timeout=60) == 0


@pytest.mark.parametrize("columns, rows", ((40, 4), (80, 24), (200, 50)))
def test_the_monitor_fits_the_screen(amas, trained_home, serving, columns, rows):
    with serving(trained_home):
        call(amas, trained_home, "predict", "mail", *["win a prize now"] * 20)
        once = Terminal([amas, "--home", trained_home, "monitor", "--once"], columns, rows)
        assert once.status == 0 and "mail version 2" in once.screen()[0] and once.too_wide() == []
        live = ["timeout", "--foreground", "-s", "INT", "2", amas, "--home", trained_home, "monitor", "--interval", "0.5"]
        shown = Terminal(live, columns, rows)
        looks = shown.written.split("\x1b[H")[1:]
        assert len(looks) > 1
        for look in looks:
            lines = COLOUR.sub("", look).replace("\x1b[K", "").replace("\x1b[J", "").rstrip().split("\r\n")
            assert len(lines) <= rows and all(len(line) <= columns for line in lines)


def test_the_monitor_says_when_the_server_has_ended(amas, trained_home, serving, tmp_path):
    with serving(trained_home) as server:
        monitor = subprocess.Popen([amas, "--home", trained_home, "monitor", "--interval", "0.1"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert "mail" in monitor.stdout.readline()
        server.stop()
        _, errors = monitor.communicate(timeout=20)
    assert monitor.returncode == 69
    assert "has ended" in errors or "does not answer" in errors
