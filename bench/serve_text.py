#!/usr/bin/env python3
"""Measures the spam filter over HTTP, raw text in: CPU seconds of the server per 1,000 requests and latency.

    bench/serve_text.py [HOME] [--requests N]

HOME: one in which examples/spam.yaml has been run [a new one]. Serves a copy of it, each candidate in several variants; asks
with the test mail that has the median number of words.
"""
import argparse
import contextlib
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from serve import load, show

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARIES = ROOT / "build/release/bin"
VARIANTS = {"lstm": ("fp32", "int8", "compiled-int16", "compiled-int8"), "linear": ("fp32", "compiled-float32")}


def amas(home, *arguments):
    done = subprocess.run([BINARIES / "amas", "--home", home, "--json", *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def median_mail(home, digest):
    """The test text with the median number of words."""
    texts = []
    with open(pathlib.Path(home) / "blobs" / digest[:2] / digest, encoding="utf-8") as file:
        names = [column["name"] for column in json.loads(next(file))["columns"]]
        for line in file:
            part, *values = json.loads(line)
            if part == "test":
                texts.append(dict(zip(names, values))["text"])
    return sorted(texts, key=lambda text: len(text.split()))[len(texts) // 2]


@contextlib.contextmanager
def serving(home=None, variants=None):
    """A server of a copy of `home` (none: of a new one), the variants of each candidate deployed as CANDIDATE-VARIANT.

    Gives the process, its port and a file with a request: the test mail of median length."""
    with tempfile.TemporaryDirectory() as folder:
        served = pathlib.Path(folder) / "home"
        if home:
            shutil.copytree(home, served, ignore=shutil.ignore_patterns("serve.json", "*.lock"))
        result = amas(served, "run", ROOT / "examples/spam.yaml")
        for row in result["leaderboard"]:
            for variant in (variants or VARIANTS)[row["candidate"]]:
                amas(served, "deploy", "spam", "--version", str(row["version"]), "--variant", variant, "--as",
                     f"{row['candidate']}-{variant}")
        text = median_mail(served, result["dataset"]["dataset"])
        body = pathlib.Path(folder) / "body.json"
        body.write_text(json.dumps({"instances": [text]}))
        print(f"a mail of {len(text.split())} words, {len(text.encode())} bytes")
        with subprocess.Popen([BINARIES / "amas", "--home", served, "serve", "--port", "0"], stdout=subprocess.DEVNULL) as server:
            while not (served / "serve.json").exists():
                time.sleep(0.01)
            try:
                yield server, json.loads((served / "serve.json").read_text())["port"], body
            finally:
                server.terminate()


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("home", nargs="?", type=pathlib.Path)
    options.add_argument("--requests", type=int, default=20_000)
    arguments = options.parse_args()
    with serving(arguments.home) as (server, port, body):
        for candidate, variants in VARIANTS.items():
            for variant in variants:
                for connections in (1, 8, 64):
                    show(f"{candidate}, {variant}", load(BINARIES, port, server.pid, connections, arguments.requests,
                                                         f"/v1/models/{candidate}-{variant}:predict", body, "label"))


if __name__ == "__main__":
    main()
