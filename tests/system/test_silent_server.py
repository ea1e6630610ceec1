"""A server that is stopped or hangs: commands notice soon, say what they know, and promise no more than they keep."""

import json
import os
import shutil
import signal
import time

import pytest
from command import NO_SERVICE, TEMPORARY, call


@pytest.fixture
def home(trained_home, tmp_path):
    """A copy of the trained home, to change."""
    return shutil.copytree(trained_home, tmp_path / "home")


@pytest.fixture
def stopped(serving, home):
    """A server that has been stopped (SIGSTOP); it goes on at the end."""
    with serving(home) as server:
        os.kill(server.process.pid, signal.SIGSTOP)
        try:
            yield server
        finally:
            os.kill(server.process.pid, signal.SIGCONT)


def listed(amas, home):
    return json.loads(call(amas, home, "--json", "deploy", "--list").stdout)


def wait_for(amas, home, state):
    deadline = time.monotonic() + 30
    while [row["server"] for row in listed(amas, home)] != state:
        assert time.monotonic() < deadline, listed(amas, home)
        time.sleep(0.05)


def test_listing_shows_what_the_home_has_recorded(amas, stopped, home):
    shown = call(amas, home, "deploy", "--list", timeout=20)
    assert shown.returncode == 0
    assert "mail" in shown.stdout and "silent" in shown.stdout
    assert f"note: the server on port {stopped.port} (pid {stopped.process.pid}) does not answer within" in shown.stderr
    assert [(row["name"], row["server"]) for row in listed(amas, home)] == [("mail", "silent")]


def test_a_change_is_recorded_and_followed_once_the_server_goes_on(amas, stopped, home):
    recorded = call(amas, home, "deploy", "mail", "--version", "1", "--variant", "fp32", timeout=20)
    assert recorded.returncode == TEMPORARY
    assert "mail is deployed: mail version 1 (fp32)\n" in recorded.stdout
    assert "recorded" in recorded.stderr and "once it answers again" in recorded.stderr
    told = call(amas, home, "--json", "deploy", "mail", "--version", "1", "--variant", "fp32", "--as", "other", timeout=20)
    assert told.returncode == TEMPORARY and json.loads(told.stdout.splitlines()[0])["server"] == "silent"
    os.kill(stopped.process.pid, signal.SIGCONT)
    wait_for(amas, home, ["ready", "ready"])
    os.kill(stopped.process.pid, signal.SIGSTOP)
    removed = call(amas, home, "deploy", "other", "--remove", timeout=20)
    assert removed.returncode == TEMPORARY
    assert "other is deployed no more;" in removed.stdout and "recorded" in removed.stderr
    os.kill(stopped.process.pid, signal.SIGCONT)
    wait_for(amas, home, ["ready"])


def test_a_prediction_is_made_here_instead(amas, stopped, home, trained_home):
    text = "win a prize now click free money"
    asked = call(amas, home, "predict", "mail", text, timeout=20)
    assert (asked.returncode, asked.stdout) == (0, call(amas, trained_home, "predict", "mail", text).stdout), asked.stderr
    assert "does not answer" in asked.stderr and "loaded here instead" in asked.stderr


def test_doctor_and_monitor_say_that_it_does_not_answer(amas, stopped, home):
    checks = json.loads(call(amas, home, "--json", "doctor", timeout=20).stdout.splitlines()[0])
    assert [check["check"] for check in checks if not check["good"]] == ["server"]
    assert "does not answer" in checks[-1]["detail"]
    watched = call(amas, home, "monitor", "--once", timeout=20)
    assert watched.returncode == NO_SERVICE and "does not answer" in watched.stderr
