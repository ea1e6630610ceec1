"""Every command of the README's tour works as it stands there."""

import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Not run here: what the demo runs, what goes on until interrupted, and what another package brings.
ELSEWHERE = re.compile(r"^(export|make|amas run|amas serve|tensorboard)\b")


def readme_commands():
    """The lines of the README's shell blocks, without their comments."""
    text = (ROOT / "README.md").read_text()
    lines = [line for block in re.findall(r"```sh\n(.*?)```", text, re.S) for line in block.splitlines()]
    return [re.sub(r"\s+#.*", "", line).strip() for line in lines if line.strip()]


@pytest.fixture(scope="module")
def spam_home(amas, small_spec, tmp_path_factory):
    """The small spec, run under the name that the README uses."""
    folder = tmp_path_factory.mktemp("readme")
    spec = folder / "spam.yaml"
    spec.write_text(small_spec.read_text().replace("name: mail", "name: spam"))
    (folder / "texts.jsonl").write_bytes((small_spec.parent / "texts.jsonl").read_bytes())
    subprocess.run([amas, "--home", folder / "home", "run", spec], check=True, capture_output=True, timeout=300)
    return folder / "home"


def test_the_commands_of_the_tour(amas, spam_home, serving):
    commands = readme_commands()
    assert len(commands) > 10
    environment = os.environ | {"AMAS_HOME": str(spam_home), "PATH": f"{amas.parent}:{os.environ['PATH']}"}
    with serving(spam_home) as server:
        for command in commands:
            if ELSEWHERE.match(command):
                continue
            command = command.replace("localhost:8080", f"127.0.0.1:{server.port}").replace("curl -s ", "curl -sS --fail ")
            command = re.sub(r"^amas monitor$", "amas monitor --once", command)
            done = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True, timeout=60)
            assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
            assert done.stdout.strip(), command


def test_the_files_that_the_documents_link_to_are_there():
    for document in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text()):
            assert (document.parent / link).exists(), f"{document.name}: {link}"
