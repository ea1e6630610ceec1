#!/usr/bin/env python3
"""Writes src/features/testdata/keras.json: what Keras's Tokenizer and pad_sequences make of the mixed texts.

Needs keras 3.15.0 with a backend (tensorflow-cpu 2.21.0); run with CPython 3.11 (Unicode 14).
"""
import json
import pathlib

from keras.src.legacy.preprocessing.text import Tokenizer
from keras.utils import pad_sequences

from features_corpus import TRAINING, UNSEEN, random_texts

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXTRA = random_texts(40, 40, 7)
CASES = [
    {},
    {"num_words": 30, "oov_token": "<OOV>"},
    {"num_words": 30},
    {"num_words": 10_000, "oov_token": "<OOV>"},
    {"lower": False, "oov_token": "<OOV>"},
    {"filters": "aeI，。σ", "oov_token": "[?]"},
    {"filters": ""},
    {"char_level": True, "oov_token": "<OOV>"},
    {"char_level": True, "num_words": 40},
    {"char_level": True, "lower": False, "num_words": 60, "oov_token": "<OOV>"},
]
PADDINGS = [(12, "pre", "pre"), (12, "post", "pre"), (12, "pre", "post"), (12, "post", "post"),
            (1, "pre", "pre"), (None, "pre", "pre")]

cases = []
for number, case in enumerate(CASES):
    tokenizer = Tokenizer(**case)
    training = TRAINING + EXTRA
    tokenizer.fit_on_texts(training)
    words = list(tokenizer.word_index)
    if case.get("num_words"):
        words = words[: case["num_words"] - 1]
    padded = []
    for length, padding, truncating in PADDINGS if number < 2 else PADDINGS[:1]:
        longest = max(map(len, tokenizer.texts_to_sequences(training)))
        sequences = tokenizer.texts_to_sequences(training + UNSEEN)
        rows = pad_sequences(sequences, maxlen=length or longest, padding=padding, truncating=truncating)
        padded.append({"length": length, "padding": padding, "truncating": truncating, "rows": rows.tolist()})
    cases.append({"settings": case, "words": words, "padded": padded})

out = ROOT / "src/features/testdata/keras.json"
data = {"training": TRAINING + EXTRA, "unseen": UNSEEN, "cases": cases}
out.write_text(json.dumps(data, separators=(",", ":")) + "\n")
print(out.stat().st_size, "bytes")
