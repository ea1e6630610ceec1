#!/usr/bin/env python3
"""Writes to src/features/testdata what scikit-learn's TfidfVectorizer makes of the mixed texts: sklearn.json has
n-grams of words, sklearn_char_wb.json n-grams of characters within words.

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
    {"ngram_range": (1, 2), "sublinear_tf": True},
    {"ngram_range": (1, 2), "min_df": 2},
    {"ngram_range": (1, 3), "lowercase": False, "sublinear_tf": True},
    {"ngram_range": (1, 2), "min_df": 0.04},
    {"ngram_range": (1, 2), "max_features": 8},
    {"max_features": 3, "min_df": 2},
    {"ngram_range": (2, 3), "min_df": 2},
]

# Python's white space and its near misses, between letters and alone.
SPACES = [chr(c) for c in range(0x110000) if chr(c).isspace()] + list("\x00\u180e\u200b\u2060\ufeff")
SPACED = "".join(f"x{space}y{space}{space}" for space in SPACES)
CHARACTER_TEXTS = [text[:80] for text in TRAINING] + random_texts(25, 40, 12) + [SPACED]
CHARACTER_SETTINGS = [
    {"ngram_range": (3, 3), "sublinear_tf": True},
    {"ngram_range": (1, 1)},
    {"ngram_range": (1, 3), "min_df": 3, "lowercase": False},
    {"ngram_range": (4, 6), "min_df": 2},
    {"ngram_range": (8, 8)},
    {"ngram_range": (2, 2), "max_features": 22},
]


def cut_is_clear(texts, case):
    """Which of several equally frequent terms max_features keeps is chance in scikit-learn: no such case."""
    if "max_features" not in case:
        return True
    uncut = {k: v for k, v in case.items() if k != "max_features"}
    every = TfidfVectorizer(**uncut, use_idf=False, norm=None)
    totals = np.sort(np.asarray(every.fit_transform(texts).sum(axis=0)).ravel())[::-1]
    return totals[case["max_features"] - 1] > totals[case["max_features"]]


def answers(training, cases, digits):
    """The terms and rows of every case; a row is the indices and the weights of the text's terms."""
    for case in cases:
        assert cut_is_clear(training, case), case
        vectorizer = TfidfVectorizer(**case)
        vectorizer.fit(training)
        matrix = vectorizer.transform(training + UNSEEN).tocsr()
        matrix.sort_indices()
        rows = []
        for begin, end in zip(matrix.indptr, matrix.indptr[1:]):
            weights = [float(f"{v:.{digits}g}") for v in matrix.data[begin:end]]
            rows.append([matrix.indices[begin:end].tolist(), weights])
        yield {"settings": case, "terms": vectorizer.get_feature_names_out().tolist(), "rows": rows}


def write(name, training, cases, digits):
    out = ROOT / "src/features/testdata" / name
    data = {"training": training, "unseen": UNSEEN, "cases": list(answers(training, cases, digits))}
    out.write_text(json.dumps(data, separators=(",", ":")) + "\n")
    print(name, out.stat().st_size, "bytes")


write("sklearn.json", TEXTS, CASES, 9)
# Fewer digits, for there are many more n-grams of characters.
CHARACTER_CASES = [{"analyzer": "char_wb", **settings} for settings in CHARACTER_SETTINGS]
write("sklearn_char_wb.json", CHARACTER_TEXTS, CHARACTER_CASES, 7)
