#!/usr/bin/env python3
"""Writes src/train/testdata/metrics.json: what scikit-learn says, and intervals by brute force.

Needs scikit-learn 1.7.2 and scipy. DeLong's variance is taken over all pairs, the bootstrap draws the
same rows as ours (SplitMix64) and asks scikit-learn about each resample.
"""
import json
import math
import pathlib
import warnings

import numpy as np
from scipy.stats import norm
from sklearn import metrics as sk
from sklearn.preprocessing import label_binarize

ROOT = pathlib.Path(__file__).resolve().parents[2]
RESAMPLES = 1000
MASK = 2**64 - 1
Z = norm.ppf(0.975)
warnings.filterwarnings("ignore")


def values(scores, truth):
    """All metrics of one set of predictions."""
    classes = scores.shape[1]
    predicted = scores.argmax(axis=1)
    average = {"average": "binary"} if classes == 2 else {"average": "macro"}
    every = list(range(classes))
    out = {
        "accuracy": sk.accuracy_score(truth, predicted),
        "macro_f1": sk.f1_score(truth, predicted, average="macro", zero_division=0),
        "precision": sk.precision_score(truth, predicted, zero_division=0, **average),
        "recall": sk.recall_score(truth, predicted, zero_division=0, **average),
        "f1": sk.f1_score(truth, predicted, zero_division=0, **average),
        "log_loss": sk.log_loss(truth, scores, labels=every),
    }
    if classes == 2:
        out["pr_auc"] = sk.average_precision_score(truth, scores[:, 1])
        out["roc_auc"] = sk.roc_auc_score(truth, scores[:, 1]) if len(set(truth)) == 2 else math.nan
    else:
        one_hot = label_binarize(truth, classes=every)
        out["pr_auc"] = sk.average_precision_score(one_hot, scores, average="macro")
        # One against the rest by hand: scikit-learn's own wants rows that sum to one in double precision.
        out["roc_auc"] = math.nan
        if len(set(truth)) == classes:
            out["roc_auc"] = float(np.mean([sk.roc_auc_score(truth == c, scores[:, c]) for c in every]))
    return out


def wilson(share, rows):
    middle = (share + Z * Z / (2 * rows)) / (1 + Z * Z / rows)
    half = Z / (1 + Z * Z / rows) * math.sqrt(share * (1 - share) / rows + Z * Z / (4 * rows * rows))
    return [max(0.0, middle - half), min(1.0, middle + half)]


def delong(scores, truth):
    positive, negative = scores[truth == 1], scores[truth == 0]
    if len(positive) == 0 or len(negative) == 0:
        return [math.nan, math.nan]
    if len(positive) < 2 or len(negative) < 2:
        return [0.0, 1.0]
    won = (positive[:, None] > negative[None, :]) + 0.5 * (positive[:, None] == negative[None, :])
    variance = won.mean(axis=1).var(ddof=1) / len(positive) + won.mean(axis=0).var(ddof=1) / len(negative)
    half = Z * math.sqrt(variance)
    return [max(0.0, won.mean() - half), min(1.0, won.mean() + half)]


def resamples(rows):
    state = 0
    for _ in range(RESAMPLES):
        drawn = []
        for _ in range(rows):
            state = (state + 0x9E3779B97F4A7C15) & MASK
            z = state
            z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & MASK
            z = ((z ^ z >> 27) * 0x94D049BB133111EB) & MASK
            drawn.append((z ^ z >> 31) * rows >> 64)
        yield np.array(drawn)


def bootstrap(scores, truth):
    samples = [values(scores[rows], truth[rows]) for rows in resamples(len(truth))]
    out = {}
    for name in samples[0]:
        kept = [s[name] for s in samples if not math.isnan(s[name])]
        out[name] = np.percentile(kept, [2.5, 97.5]).tolist() if kept else [math.nan, math.nan]
    return out


def expected(scores, truth):
    point, bounds = values(scores, truth), bootstrap(scores, truth)
    point["baseline_accuracy"] = np.bincount(truth).max() / len(truth)
    bounds["accuracy"] = wilson(point["accuracy"], len(truth))
    bounds["baseline_accuracy"] = wilson(point["baseline_accuracy"], len(truth))
    if scores.shape[1] == 2:
        bounds["roc_auc"] = delong(scores[:, 1], truth)
    clean = lambda x: None if math.isnan(x) else float(x)
    return {name: [clean(point[name])] + [clean(b) for b in bounds[name]] for name in point}


def binary(p):
    p = np.asarray(p, dtype=np.float32)
    return np.stack([np.float32(1) - p, p], axis=1)


random = np.random.default_rng(3)
truth_100 = (random.random(100) < 0.35).astype(int)
good = np.clip(0.35 + 0.3 * (truth_100 - 0.5) + 0.2 * random.standard_normal(100), 0.001, 0.999)
truth_3 = random.choice(3, 120, p=[0.6, 0.3, 0.1])
logits = random.standard_normal((120, 4)) + 1.5 * np.eye(4)[truth_3]
softmax = (np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)).astype(np.float32)
three = (softmax[:, :3] / softmax[:, :3].sum(axis=1, keepdims=True)).astype(np.float32)

cases = {
    "plain": (binary(good), truth_100),
    "ties": (binary(np.round(good, 1)), truth_100),
    "all_equal": (binary(np.full(40, 0.5)), truth_100[:40]),
    "perfect": (binary(np.where(truth_100 == 1, 0.9, 0.2)), truth_100),
    "perfect_and_certain": (binary(truth_100), truth_100),
    "wrong_and_certain": (binary(1 - truth_100), truth_100),
    "only_negatives": (binary(good[:30]), np.zeros(30, dtype=int)),
    "only_positives": (binary(good[:30]), np.ones(30, dtype=int)),
    "only_negatives_all_right": (binary(np.full(20, 0.1)), np.zeros(20, dtype=int)),
    "one_positive": (binary(good[:30]), np.array([1] + [0] * 29)),
    "one_row": (binary([0.7]), np.array([1])),
    "three_classes": (three, truth_3),
    "four_classes_one_absent": (softmax, truth_3),
    "three_classes_ties": (np.array([[2, 1, 1], [1, 2, 1], [1, 1, 2], [1, 1, 2]] * 5, dtype=np.float32) / 4,
                           np.array([0, 1, 2, 0, 0] * 4)),
}
out = []
for name, (scores, truth) in cases.items():
    out.append({"name": name, "classes": scores.shape[1], "scores": [float(s) for s in scores.ravel()],
                "truth": truth.tolist(), "metrics": expected(scores.astype(np.float64), truth)})
    print(name, out[-1]["metrics"]["accuracy"])
path = ROOT / "src/train/testdata/metrics.json"
path.parent.mkdir(exist_ok=True)
path.write_text(json.dumps(out, separators=(",", ":")) + "\n")
print(path.stat().st_size, "bytes")
