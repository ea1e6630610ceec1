#!/usr/bin/env python3
"""The well-known text classifier in Keras, on the rows of an amas dataset: what examples/text_classifier.yaml is held to.

  keras_classifier.py DATASET SEED      prints {"test_accuracy", "epochs": [...]} as its last line

Keeps the epoch that is best on the validation rows, as `amas run` does.
"""

import json
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras
import numpy
from keras.src.legacy.preprocessing.text import Tokenizer
from keras.utils import pad_sequences

VOCABULARY, LENGTH, EMBEDDING, UNITS, EPOCHS, BATCH = 10_000, 128, 64, 64, 10, 32


def read_dataset(path):
    """Texts and labels of each part."""
    parts = {"train": ([], []), "valid": ([], []), "test": ([], [])}
    with open(path, encoding="utf-8") as file:
        header = json.loads(next(file))
        names = [column["name"] for column in header["columns"]]
        for line in file:
            part, *values = json.loads(line)
            cells = dict(zip(names, values))
            texts, labels = parts[part]
            texts.append(cells["text"])
            labels.append(cells["label"])
    return parts


class KeepBest(keras.callbacks.Callback):
    """Test accuracy at the best validation accuracy so far."""

    def __init__(self, test):
        super().__init__()
        self.test, self.best, self.test_accuracy, self.epochs = test, -1.0, 0.0, []

    def on_epoch_end(self, epoch, logs=None):
        if logs["val_accuracy"] > self.best:
            self.best = logs["val_accuracy"]
            self.test_accuracy = self.model.evaluate(*self.test, batch_size=256, verbose=0)[1]
        self.epochs.append({"val_accuracy": logs["val_accuracy"], "loss": logs["loss"]})


def main(path, seed):
    keras.utils.set_random_seed(seed)
    parts = read_dataset(path)
    tokenizer = Tokenizer(num_words=VOCABULARY, oov_token="<OOV>")
    tokenizer.fit_on_texts(parts["train"][0])
    classes = sorted(set(parts["train"][1]))
    prepared = {}
    for part, (texts, labels) in parts.items():
        rows = pad_sequences(tokenizer.texts_to_sequences(texts), maxlen=LENGTH, padding="post", truncating="post")
        prepared[part] = (rows, numpy.array([classes.index(label) for label in labels], dtype="float32"))
    model = keras.Sequential([keras.layers.Embedding(VOCABULARY, EMBEDDING), keras.layers.LSTM(UNITS),
                              keras.layers.Dense(1, activation="sigmoid")])
    model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
    keep = KeepBest(prepared["test"])
    model.fit(*prepared["train"], validation_data=prepared["valid"], epochs=EPOCHS, batch_size=BATCH, verbose=0, callbacks=[keep])
    print(json.dumps({"test_accuracy": keep.test_accuracy, "epochs": keep.epochs}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
