"""Help of every command, and completion in real shells."""

import re
import shutil
import subprocess

import pytest
from command import call
from terminal import Terminal

COMMANDS = ("run", "data", "data import", "data list", "data show", "data look", "train", "optimise", "model", "model list",
            "model show", "model export", "deploy", "serve", "predict", "monitor", "doctor", "completion", "help")


def test_all_commands_are_known_here(amas, tmp_path):
    listed = call(amas, tmp_path, "--help").stdout.split("Subcommands:")[1].split("Examples:")[0]
    assert set(re.findall(r"^  (\w+) ", listed, re.M)) == {command.split()[0] for command in COMMANDS}


@pytest.mark.parametrize("command", COMMANDS)
def test_help_says_what_a_command_does_with_examples_of_it(amas, tmp_path, command):
    shown = call(amas, tmp_path, *command.split(), "--help")
    assert shown.returncode == 0
    assert call(amas, tmp_path, "help", *command.split()).stdout == shown.stdout
    lines = shown.stdout.splitlines()
    assert lines[1].startswith(f"Usage: amas {command}") and "\n\n\n\n" not in shown.stdout
    examples = shown.stdout.split("Example")[1].splitlines()[1:]
    assert any(re.search(rf"amas (--json )?{command}\b", line) for line in examples)
    assert "Options of every command: --home DIR, --json" in lines[-1]
    assert all(len(line) <= 110 for line in lines)


@pytest.mark.parametrize("columns", (40, 80))
def test_help_fits_the_terminal(amas, columns):
    for command in ("", *COMMANDS):
        shown = Terminal([amas, *command.split(), "--help"], columns)
        assert [line for line in shown.too_wide() if not line.startswith("  amas")] == []


LINES = ((["mod"], {"model"}), (["model", ""], {"export", "import", "list", "show"}), (["model", "show", ""], {"mail"}),
         (["model", "show", "--l"], {"--lineage"}), (["predict", "m"], {"mail"}), (["deploy", "--variant", "p"], {"pruned", "pruned-int8"}),
         (["data", "show", ""], {"mail"}), (["help", "model", "s"], {"show"}), (["completion", ""], {"bash", "zsh"}),
         (["deploy", "--remove", ""], {"mail"}), (["--home", "/none", "predict", ""], set()), (["run", ""], set()))
SHELLS = {
    "bash": 'source <("$0" completion bash); COMP_WORDS=(amas "$@"); COMP_CWORD=$#; COMP_WORDS[0]="$0"; _amas; printf "%s\\n" "${COMPREPLY[@]}"',
    "zsh": 'compdef() { :; }; compadd() { print -l -- "${(P@)2}"; }; _files() { :; }; source <("$0" completion zsh); '
           'words=("$0" "$@"); CURRENT=$#words; _amas',
}


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("line, expected", LINES, ids=[" ".join(line) for line, _ in LINES])
def test_shells_complete_commands_options_and_names_of_the_home(amas, trained_home, shell, line, expected):
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    asked = subprocess.run([program, "-c", SHELLS[shell], amas, *line], capture_output=True, text=True, timeout=60,
                           env={"AMAS_HOME": str(trained_home), "PATH": "/usr/bin:/bin"})
    assert asked.stderr == ""
    assert set(asked.stdout.split()) == expected


def test_completion_takes_the_home_of_the_line(amas, trained_home):
    for home in (["--home", trained_home], [f"--home={trained_home}"], ["--home", "=", trained_home]):
        assert call(amas, "/none", "__complete", "--", *home, "predict", "").stdout == "mail\n"
