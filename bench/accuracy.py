#!/usr/bin/env python3
"""Accuracy of both candidates of examples/spam.yaml, and of the Keras text classifier here and in Keras, over seeds.

  bench/accuracy.py              three seeds of the spam filter's candidates
  bench/accuracy.py --keras      also examples/text_classifier.yaml against the same recipe in Keras on the same rows

Keras runs in the benchmarks' own Python (scripts/bootstrap bench), reading the dataset that amas kept.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
AMAS = ROOT / "build/release/bin/amas"
KERAS_PYTHON = ROOT / "third_party/venv-bench/bin/python"


def run_amas(spec, seed, home):
    """Leaderboard rows of a spec with another seed."""
    text = spec.read_text()
    text = text.replace("source: ../", f"source: {ROOT}/")
    if "seed: 7}" not in text and "seed: 7," not in text:
        raise SystemExit(f"{spec} names no seed")
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as changed:
        changed.write(text.replace("seed: 7", f"seed: {seed}"))
        changed.flush()
        run = subprocess.run([AMAS, "--home", home, "--json", "run", changed.name], capture_output=True, text=True, check=True)
    return json.loads(run.stdout.splitlines()[-1])


def show(title, values):
    interval = f"{min(values):.4f} – {max(values):.4f}"
    print(f"{title:44} mean {statistics.mean(values):.4f}   {interval}   ({len(values)} seeds: "
          f"{' '.join(f'{value:.4f}' for value in values)})", flush=True)


def run_keras(dataset, seed):
    """Test accuracy of the best epoch by validation, as the amas run keeps it, from Keras."""
    run = subprocess.run([KERAS_PYTHON, pathlib.Path(__file__).with_name("keras_classifier.py"), dataset, str(seed)],
                         capture_output=True, text=True, check=True)
    return json.loads(run.stdout.splitlines()[-1])


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--keras", action="store_true")
    options.add_argument("--seeds", type=int, default=3)
    arguments = options.parse_args()
    seeds = range(7, 7 + arguments.seeds)
    with tempfile.TemporaryDirectory() as home:
        rows = {}
        for seed in seeds:
            for row in run_amas(ROOT / "examples/spam.yaml", seed, home)["leaderboard"]:
                for metric in ("accuracy", "macro_f1"):
                    rows.setdefault((row["candidate"], metric), []).append(row["metrics"][metric]["value"])
        for (candidate, metric), values in sorted(rows.items()):
            show(f"spam, {candidate}, test {metric}", values)
        if not arguments.keras:
            return 0
        ours, theirs = [], []
        for seed in seeds:
            result = run_amas(ROOT / "examples/text_classifier.yaml", seed, home)
            digest = result["dataset"]["dataset"]
            ours.append(result["leaderboard"][0]["metrics"]["accuracy"]["value"])
            theirs.append(run_keras(pathlib.Path(home) / "blobs" / digest[:2] / digest, seed)["test_accuracy"])
        show("text_classifier.yaml, test accuracy, amas", ours)
        show("text_classifier.yaml, test accuracy, Keras", theirs)
        apart = max(min(ours) - max(theirs), min(theirs) - max(ours), 0)
        print(f"the two ranges {'overlap' if apart == 0 else f'are {apart:.4f} apart'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
