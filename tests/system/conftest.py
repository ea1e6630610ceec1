"""What the system tests share: the built program, a small spec and a home in which it has been run."""

import contextlib
import json
import os
import pathlib
import random
import subprocess
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("AMAS_BIN", ROOT / "build/release/bin"))

SPAM_WORDS = "win prize money free offer click now cash lottery winner cheap pills deal urgent account".split()
HAM_WORDS = "meeting report lunch patch kernel list thanks tomorrow review code bug train weather book music".split()
PLAIN_WORDS = "the a to of and in for on with at from by is was it this that we you they".split()

SMALL_SPEC = """\
name: mail
data: {source: texts.jsonl, target: label, features: {text: text}, split: {by: hash, valid: 0.2, test: 0.2}}
model:
  candidates:
    - {type: lstm, vocabulary: 200, length: 24, embedding: 16, units: 16}
    - {type: linear}
train: {epochs: 4, batch_size: 16, metric: accuracy, patience: 4, learning_rate: 0.01}
optimise: {accuracy_drop_max: 0.05}
"""


def small_text(chance, label):
    """One short text: plain words, and now and then a word that tells the label."""
    telling = SPAM_WORDS if label == "spam" else HAM_WORDS
    return " ".join(chance.choice(telling if chance.random() < 0.4 else PLAIN_WORDS)
                    for _ in range(chance.randint(6, 30)))


@pytest.fixture(scope="session")
def amas():
    """The program."""
    return BIN / "amas"


@pytest.fixture(scope="session")
def small_spec(tmp_path_factory):
    """A spec over 400 short texts of two classes, in a folder of its own."""
    folder = tmp_path_factory.mktemp("spec")
    chance = random.Random(5)
    with open(folder / "texts.jsonl", "w", encoding="utf-8") as file:
        for row in range(400):
            label = "spam" if row % 3 == 0 else "ham"
            file.write(json.dumps({"text": small_text(chance, label), "label": label}) + "\n")
    (folder / "mail.yaml").write_text(SMALL_SPEC)
    return folder / "mail.yaml"


@pytest.fixture(scope="session")
def trained_home(amas, small_spec, tmp_path_factory):
    """A home in which the small spec has been run; tests that change it work on a copy."""
    home = tmp_path_factory.mktemp("trained") / "home"
    run = subprocess.run([amas, "--home", home, "run", small_spec], capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stdout + run.stderr
    return home


class Server:
    """A running `amas serve`, on a free port of loopback."""

    def __init__(self, amas, home, *options):
        self.home = home
        self.process = subprocess.Popen([amas, "--home", home, "serve", "--port", "0", *options],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 20
        while self.announced().get("pid") != self.process.pid:
            if self.process.poll() is not None:
                raise RuntimeError(f"amas serve ended: {self.process.stderr.read()}")
            if time.monotonic() > deadline:
                self.stop()
                raise RuntimeError("amas serve was not ready in 20 s")
            time.sleep(0.005)
        self.port = self.announced()["port"]
        self.grpc_port = self.announced()["grpc_port"]
        self.url = f"http://127.0.0.1:{self.port}"

    def announced(self):
        """What serve.json says; a copied home may still hold that of another server."""
        try:
            return json.loads((pathlib.Path(self.home) / "serve.json").read_text())
        except FileNotFoundError:
            return {}

    def stop(self):
        """Asks it to drain and end; returns its exit status."""
        self.process.terminate()
        try:
            return self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


@pytest.fixture(scope="session")
def serving(amas):
    """serving(home, *options) as a context manager: the server lives as long as the block."""

    @contextlib.contextmanager
    def serve(home, *options):
        server = Server(amas, home, *options)
        try:
            yield server
        finally:
            server.stop()

    return serve
