#!/usr/bin/env python3
"""One epoch of the LSTM in amas against Keras 3 on TensorFlow: the same shapes and settings, alternating.

  bench/epoch.py [--rounds 5] [--epochs 3] [--threads 1 2]

Embedding(10000, 64) → LSTM(64) → Dense(1), 4,000 rows of 128 tokens, batch 32, Adam. Each round runs every contestant once
in a fresh process; the first epoch of a process is left out (TensorFlow traces its graph then). Wall and CPU seconds of an
epoch are read when its end is printed: amas's include TensorBoard's histograms and validation on 32 rows, Keras's the same
validation. Keras runs in the benchmarks' own Python (scripts/bootstrap bench), with the two threads it takes by itself.
"""

import argparse
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
WORKER = ROOT / "build/release/bin/amas-worker"
KERAS_PYTHON = ROOT / "third_party/venv-bench/bin/python"
ROWS, VALIDATION, LENGTH, VOCABULARY, EMBEDDING, UNITS, BATCH = 4_000, 32, 128, 10_000, 64, 64, 32
TICKS = os.sysconf("SC_CLK_TCK")


def write_dataset(path):
    """Random words, some of which tell the class."""
    draw = random.Random(1)
    columns = [{"name": "text", "type": "string"}, {"name": "label", "type": "string"}]
    parts = {"test": 1, "train": ROWS, "valid": VALIDATION}
    with open(path, "w", encoding="utf-8") as file:
        rows = sum(parts.values())
        file.write(json.dumps({"amas_dataset": 1, "columns": columns, "parts": parts, "rows": rows}) + "\n")
        for part, count in (("train", ROWS), ("valid", VALIDATION), ("test", 1)):
            for row in range(count):
                words = [f"w{draw.randrange(VOCABULARY)}" for _ in range(LENGTH)]
                words[draw.randrange(LENGTH)] = "yes" if row % 2 else "no"
                file.write(json.dumps([part, " ".join(words), "b" if row % 2 else "a"]) + "\n")


def amas_command(folder, dataset, epochs, threads):
    """The command of one training process of ours."""
    text_step = {"type": "tokens", "vocabulary": VOCABULARY, "oov": "<OOV>", "length": LENGTH, "padding": "pre"}
    job = {
        "kind": "train", "dataset": str(dataset), "text": "text", "target": "label", "text_step": text_step,
        "candidate": {"type": "lstm", "vocabulary": VOCABULARY, "length": LENGTH, "embedding": EMBEDDING, "units": UNITS},
        "train": {"epochs": epochs, "batch_size": BATCH, "patience": 0, "seed": 7},
        "folder": f"{folder}/run", "tensorboard": f"{folder}/events", "threads": threads}
    path = pathlib.Path(folder) / "job.json"
    path.write_text(json.dumps(job))
    return [str(WORKER), str(path)]


def cpu_seconds(pid):
    """User and system time of a process so far."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def measure(command):
    """(wall, CPU) seconds of each epoch but the first, and the peak memory in MB."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    epochs, before, memory = [], None, 0
    for line in process.stdout:
        event = json.loads(line) if line.startswith("{") else {}
        if event.get("event") != "epoch":
            continue
        now = cpu_seconds(process.pid)
        memory = int(pathlib.Path(f"/proc/{process.pid}/status").read_text().split("VmHWM:")[1].split()[0]) / 1024
        if before is not None:
            epochs.append((event["seconds"], now - before))
        before = now
    if process.wait() != 0 or not epochs:
        raise SystemExit(f"failed: {' '.join(command)}")
    return epochs, memory


def keras_process(epochs):
    """Runs in the benchmarks' Python: prints a line for each epoch, as the worker does."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"], os.environ["CUDA_VISIBLE_DEVICES"] = "3", "-1"
    import time

    import keras
    import numpy

    class Tell(keras.callbacks.Callback):
        """Prints when an epoch has ended."""

        def on_epoch_begin(self, epoch, logs=None):
            self.began = time.perf_counter()

        def on_epoch_end(self, epoch, logs=None):
            print(json.dumps({"event": "epoch", "seconds": time.perf_counter() - self.began}), flush=True)

    keras.utils.set_random_seed(7)
    draw = numpy.random.default_rng(1)
    tokens = draw.integers(1, VOCABULARY, (ROWS + VALIDATION, LENGTH)).astype("int32")
    targets = (numpy.arange(ROWS + VALIDATION) % 2).astype("float32")
    model = keras.Sequential([keras.layers.Embedding(VOCABULARY, EMBEDDING), keras.layers.LSTM(UNITS),
                              keras.layers.Dense(1, activation="sigmoid")])
    model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
    model.fit(tokens[:ROWS], targets[:ROWS], validation_data=(tokens[ROWS:], targets[ROWS:]), epochs=epochs,
              batch_size=BATCH, verbose=0, callbacks=[Tell()])


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--epochs", type=int, default=3, help="measured in each process")
    options.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="of amas")
    options.add_argument("--worker", type=pathlib.Path, default=WORKER)
    options.add_argument("--keras-process", type=int, help=argparse.SUPPRESS)
    arguments = options.parse_args()
    if arguments.keras_process:
        return keras_process(arguments.keras_process)
    results = {}
    with tempfile.TemporaryDirectory() as scratch:
        dataset = pathlib.Path(scratch) / "dataset.jsonl"
        write_dataset(dataset)
        for round_number in range(arguments.rounds):
            commands = {"Keras": [str(KERAS_PYTHON), __file__, "--keras-process", str(arguments.epochs + 1)]}
            for threads in arguments.threads:
                folder = pathlib.Path(scratch) / f"{round_number}-{threads}"
                folder.mkdir()
                commands[f"amas, {threads} thread{'s' if threads > 1 else ''}"] = [
                    str(arguments.worker), *amas_command(folder, dataset, arguments.epochs + 1, threads)[1:]]
            for name, command in commands.items():
                epochs, memory = measure(command)
                results.setdefault(name, []).append((*(statistics.median(column) for column in zip(*epochs)), memory))
    keras = [statistics.median(column) for column in zip(*results["Keras"])]
    print(f"load when it ended: {os.getloadavg()[0]:.1f}; medians of {arguments.rounds} rounds (least to most)")
    for name, rounds in results.items():
        wall, cpu, memory = zip(*rounds)
        shown = [f"{statistics.median(v):.2f} ({min(v):.2f} to {max(v):.2f})" for v in (wall, cpu)]
        ratios = f"{statistics.median(wall) / keras[0]:.2f} of Keras's wall, {statistics.median(cpu) / keras[1]:.2f} of its CPU"
        print(f"{name:16} wall {shown[0]} s   CPU {shown[1]} s   {max(memory):.0f} MB   {ratios}")


if __name__ == "__main__":
    sys.exit(main())
