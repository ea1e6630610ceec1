#!/usr/bin/env python3
"""Writes src/features/testdata/sklearn.json: what scikit-learn's TfidfVectorizer makes of the mixed texts.

Needs scikit-learn 1.7.2; run with CPython 3.11 (Unicode 14).
"""
import json
import pathlib

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from features_corpus import TRAINING, UNSEEN, random_texts

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEXTS = TRAINING + random_texts(60, 60, 11)
CASES = [
    {},
    {"ngram_range": [1, 2], "sublinear_tf": True},
    {"ngram_range": [1, 2], "min_df": 2},
    {"ngram_range": [1, 3], "lowercase": False, "sublinear_tf": True},
    {"ngram_range": [1, 2], "min_df": 0.04},
    {"ngram_range": [1, 2], "max_features": 8},
    {"max_features": 3, "min_df": 2},
]


def cut_is_clear(texts, case):
    """Which of several equally frequent terms max_features keeps is chance in scikit-learn: no such case."""
    if "max_features" not in case:
        return True
    uncut = {k: v for k, v in case.items() if k != "max_features"}
    every = TfidfVectorizer(**uncut, use_idf=False, norm=None)
    totals = np.sort(np.asarray(every.fit_transform(texts).sum(axis=0)).ravel())[::-1]
    return totals[case["max_features"] - 1] > totals[case["max_features"]]


cases = []
for case in CASES:
    case = {k: tuple(v) if isinstance(v, list) else v for k, v in case.items()}
    assert cut_is_clear(TEXTS, case), case
    vectorizer = TfidfVectorizer(**case)
    vectorizer.fit(TEXTS)
    matrix = vectorizer.transform(TEXTS + UNSEEN).tocsr()
    matrix.sort_indices()
    rows = []
    for i in range(matrix.shape[0]):
        part = slice(matrix.indptr[i], matrix.indptr[i + 1])
        rows.append([matrix.indices[part].tolist(), [float(f"{v:.9g}") for v in matrix.data[part]]])
    cases.append({"settings": case, "terms": vectorizer.get_feature_names_out().tolist(), "rows": rows})

out = ROOT / "src/features/testdata/sklearn.json"
data = {"training": TEXTS, "unseen": UNSEEN, "cases": cases}
out.write_text(json.dumps(data, separators=(",", ":")) + "\n")
print(out.stat().st_size, "bytes")
