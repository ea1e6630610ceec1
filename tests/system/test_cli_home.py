"""Homes that are not there, are no homes, or may only be read."""

import json
import os
import shutil
import subprocess

import pytest
from command import DATA, NO_INPUT, NO_PERMISSION, USAGE, call

READING = (["model", "list"], ["model", "show", "mail"], ["model", "show", "mail", "--lineage"], ["data", "list"],
           ["data", "show", "mail"], ["deploy", "--list"], ["predict", "mail", "win a prize"])
OTHERS = (["model", "export", "mail", "copy"], ["deploy", "mail"], ["deploy", "mail", "--remove"], ["monitor", "--once"])


def as_another(amas, home, *arguments):
    """Runs the program without root's right to pass over the modes of files."""
    line = [amas, "--home", home, *arguments]
    if os.geteuid() == 0:
        line = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *line]
    return subprocess.run(line, capture_output=True, text=True, timeout=60)


def state_of(home):
    return {str(path.relative_to(home)): path.lstat().st_mtime_ns for path in [home, *home.rglob("*")]}


@pytest.fixture
def locked_home(trained_home, tmp_path):
    """A copy of the trained home in which nothing may be changed."""
    home = tmp_path / "home"
    shutil.copytree(trained_home, home)
    for folder, _, files in os.walk(home):
        for path in [folder, *(os.path.join(folder, name) for name in files)]:
            os.chmod(path, 0o555 if os.path.isdir(path) else 0o444)
    yield home
    for folder, _, _ in os.walk(home):
        os.chmod(folder, 0o755)


@pytest.mark.parametrize("command", [*READING, *OTHERS], ids=" ".join)
def test_a_home_that_is_not_there_is_said_and_not_made(amas, tmp_path, command):
    home = tmp_path / "none"
    for known in ([], [home.mkdir]):
        for make in known:
            make()
        ended = call(amas, home, *command)
        assert (ended.returncode, ended.stdout) == (NO_INPUT, "")
        assert f"there is no home at {home}" in ended.stderr and "amas run" in ended.stderr
    assert list(home.iterdir()) == []


def test_doctor_makes_no_home(amas, tmp_path):
    checks = json.loads(call(amas, tmp_path / "none", "--json", "doctor").stdout)
    home = next(check for check in checks if check["check"] == "home")
    assert home["good"] and "there is no home" in home["detail"]
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_a_home_that_may_only_be_read_can_be_read(amas, trained_home, locked_home, command):
    before = state_of(locked_home)
    ended = as_another(amas, locked_home, *command)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.replace(str(locked_home), str(trained_home)) == call(amas, trained_home, *command).stdout
    assert state_of(locked_home) == before


def test_a_home_that_may_only_be_read_can_be_read_while_it_is_served(amas, trained_home, locked_home, serving):
    for path in (locked_home, *locked_home.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    with serving(locked_home):
        assert (locked_home / "home.db-shm").exists()
        locked_home.chmod(0o555)
        for name in ("home.db", "home.db-wal", "home.db-shm"):
            (locked_home / name).chmod(0o444)
        for command in (["model", "list"], ["predict", "mail", "win a prize"], ["monitor", "--once"]):
            ended = as_another(amas, locked_home, *command)
            assert ended.returncode == 0, ended.stderr
        locked_home.chmod(0o755)


def test_a_home_that_may_only_be_read_is_not_changed(amas, small_spec, locked_home):
    before = state_of(locked_home)
    for command in (["run", small_spec], ["deploy", "mail", "--version", "1"], ["deploy", "mail", "--remove"]):
        ended = as_another(amas, locked_home, *command)
        assert ended.returncode == NO_PERMISSION, ended.stderr
        assert "check the owner and mode" in ended.stderr
    assert state_of(locked_home) == before
    checks = json.loads(as_another(amas, locked_home, "--json", "doctor").stdout)
    home = next(check for check in checks if check["check"] == "home")
    assert home["good"] and "read-only" in home["detail"]


@pytest.mark.parametrize("command", [["model", "list"], ["predict", "mail", "win"], ["monitor"], ["deploy", "mail"]], ids=" ".join)
def test_a_home_that_may_not_be_entered_is_said(amas, tmp_path, command):
    home = tmp_path / "closed"
    home.mkdir(mode=0o000)
    ended = as_another(amas, home, *command)
    assert ended.returncode == NO_PERMISSION
    assert f"cannot read the home: {home}: Permission denied; check the owner and mode" in ended.stderr


@pytest.mark.parametrize("command", [["model", "list"], ["predict", "mail", "win"], ["monitor"], ["deploy", "mail"], ["run"]], ids=" ".join)
def test_a_home_that_is_no_folder_is_said(amas, small_spec, tmp_path, command):
    line = [*command, small_spec] if command == ["run"] else command
    (tmp_path / "file").write_text("not a home\n")
    ended = call(amas, tmp_path / "file", *line)
    assert (ended.returncode, ended.stdout) == (USAGE, "")
    assert f"the home is a file, not a folder: {tmp_path}/file" in ended.stderr
    below = call(amas, tmp_path / "file" / "home", *line)
    assert below.returncode == USAGE and "the home lies below a file" in below.stderr
    nameless = call(amas, "", *line)
    assert nameless.returncode == USAGE and "--home names no folder" in nameless.stderr
    assert (tmp_path / "file").read_text() == "not a home\n"


def test_a_run_that_cannot_begin_makes_no_home(amas, tmp_path):
    (tmp_path / "x.yaml").write_text("name: x\ndata: {source: nowhere.csv}\n")
    ended = call(amas, tmp_path / "home", "run", tmp_path / "x.yaml")
    assert ended.returncode == NO_INPUT and "the source does not exist" in ended.stderr
    (tmp_path / "x.yaml").write_text("#" * (2 << 20))
    ended = call(amas, tmp_path / "home", "run", tmp_path / "x.yaml")
    assert ended.returncode == DATA and "larger than allowed" in ended.stderr
    assert not (tmp_path / "home").exists()


def without_a_home(amas, folder, *arguments, **variables):
    """Runs the program in a folder with no more than these variables."""
    return subprocess.run([amas, *arguments], capture_output=True, text=True, timeout=60, cwd=folder,
                          env={"PATH": os.environ["PATH"]} | variables)


@pytest.mark.parametrize("command", [*READING, *OTHERS, ["serve", "--port", "0"], ["doctor"]], ids=" ".join)
def test_without_a_place_for_a_home_the_working_folder_is_not_taken(amas, trained_home, tmp_path, command):
    folder = tmp_path / "folder"
    shutil.copytree(trained_home, folder)
    shutil.copytree(trained_home, folder / ".amas")
    before = state_of(folder)
    for variables in ({}, {"HOME": ""}, {"HOME": "", "AMAS_HOME": ""}):
        ended = without_a_home(amas, folder, *command, **variables)
        assert (ended.returncode, ended.stdout) == (USAGE, "")
        assert "neither $AMAS_HOME nor $HOME is set; name a folder with --home" in ended.stderr
    assert state_of(folder) == before


def test_what_needs_no_home_works_without_a_place_for_one(amas, tmp_path):
    for line in (["--help"], ["--version"], ["help", "run"], ["completion", "bash"], ["__complete", "--", "mod"], []):
        assert without_a_home(amas, tmp_path, *line).returncode == 0, line


def test_an_empty_amas_home_means_the_one_below_home(amas, trained_home, tmp_path):
    shutil.copytree(trained_home, tmp_path / ".amas")
    listed = without_a_home(amas, "/", "model", "list", HOME=str(tmp_path), AMAS_HOME="")
    assert listed.returncode == 0 and "mail" in listed.stdout


def test_a_run_names_the_home_in_its_commands_where_it_is_not_the_one_by_default(amas, trained_home, small_spec, tmp_path):
    home = shutil.copytree(trained_home, tmp_path / "home")
    for variables, named in (({"AMAS_HOME": str(home)}, False), ({"AMAS_HOME": "/elsewhere"}, True), ({}, True)):
        run = without_a_home(amas, tmp_path, "--home", home, "run", small_spec, **variables)
        assert run.returncode == 0, run.stderr
        assert (f"amas --home {home} predict mail" in run.stdout) == named, run.stdout
