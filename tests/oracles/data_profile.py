#!/usr/bin/env python3
"""Writes src/data/testdata/profile.json: what NumPy says of a few columns, the oracle of data::profile_table."""
import json
import pathlib

import numpy as np

random = np.random.default_rng(7)
NUMBERS = {
    "normal": random.normal(1e6, 3, 200).tolist(),
    "whole": [float(v) for v in random.integers(-50, 50, 101)],
    "skewed": np.exp(random.normal(0, 2, 57)).tolist(),
    "one": [3.5],
    "constant": [2.0] * 9,
}


def statistics(values):
    counts, edges = np.histogram(values, bins=20)
    return {"values": values, "min": min(values), "max": max(values), "mean": float(np.mean(values)),
            "std": float(np.std(values)), "distinct": len(set(values)), "counts": counts.tolist(),
            "edges": [float(edges[0]), float(edges[-1])],
            "quantiles": {f"p{round(p * 100):02}": float(np.quantile(values, p))
                          for p in (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)}}


path = pathlib.Path(__file__).resolve().parents[2] / "src/data/testdata/profile.json"
path.write_text(json.dumps({name: statistics(values) for name, values in NUMBERS.items()}, indent=1) + "\n")
