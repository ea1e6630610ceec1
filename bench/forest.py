#!/usr/bin/env python3
"""A forest of 300 trees of depth 6 over 30 features: our scorer, ONNX Runtime and XGBoost, one thread, microseconds a row.

  bench/forest.py            needs the Python packages xgboost-cpu==3.2.0 and numpy

ONNX Runtime and our engine score the same random trees; XGBoost and our layout the same trained ones. Rows differ from call to
call, as a branch predictor learns one row by heart. Each number is the median of repetitions.
"""

import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

import numpy as np
import xgboost

ROOT = pathlib.Path(__file__).resolve().parent.parent
BENCH = ROOT / "build/release/bin/amas_engines_forest_forest_bench"
FEATURES, ROWS, REPETITIONS = 30, 1000, 7


def train(file):
    random = np.random.default_rng(1)
    x = random.normal(size=(20_000, FEATURES)).astype(np.float32)
    y = x[:, 0] * x[:, 1] + np.sin(3 * x[:, 2]) + random.normal(size=len(x))
    booster = xgboost.train({"max_depth": 6, "eta": 0.1, "nthread": 1}, xgboost.DMatrix(x, y), 300)
    booster.set_param({"nthread": 1})
    booster.save_model(file)
    return booster, random.normal(size=(ROWS, FEATURES)).astype(np.float32)


def xgboost_row_us(booster, rows, batch):
    times = []
    for _ in range(REPETITIONS):
        calls = max(1, 300 // batch)
        begin = time.perf_counter()
        for call in range(calls):
            first = call * batch % ROWS
            booster.inplace_predict(rows[first:first + batch], predict_type="margin")
        times.append((time.perf_counter() - begin) / calls / batch * 1e6)
    return statistics.median(times)


def our_row_us(model):
    run = subprocess.run([BENCH, "--benchmark_format=json", f"--benchmark_repetitions={REPETITIONS}",
                          "--benchmark_min_time=0.1", "--benchmark_report_aggregates_only=true"],
                         env=os.environ | {"AMAS_XGBOOST_MODEL": model}, capture_output=True, text=True, check=True)
    entries = json.loads(run.stdout)["benchmarks"]
    return {e["run_name"]: e["row_us"] for e in entries if e["aggregate_name"] == "median"}


subprocess.run(["ninja", "-C", ROOT / "build/release", BENCH.name], stdout=subprocess.DEVNULL, check=True)
with tempfile.TemporaryDirectory() as folder:
    model = f"{folder}/model.json"
    booster, rows = train(model)
    ours = our_row_us(model)
    for batch in (1, 1000):
        theirs = xgboost_row_us(booster, rows, batch)
        print(f"batch {batch:4}: trained forest {ours[f'xgboost_model/{batch}']:8.2f}   XGBoost {theirs:8.2f}   "
              f"{theirs / ours[f'xgboost_model/{batch}']:5.1f} times")
for kind in ("", "_missing", "_deep"):
    for batch in (1, 1000):
        mine, other = ours[f"engine_forest{kind}/{batch}"], ours[f"engine_onnxruntime{kind}/{batch}"]
        print(f"batch {batch:4}: random trees{kind:9} {mine:8.2f}   ONNX Runtime {other:8.2f}   {other / mine:5.1f} times")
