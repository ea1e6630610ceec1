#!/usr/bin/env python3
"""Some steps of Embedding → LSTM → Dense in Keras, for src/engines/torch/testdata/keras_steps.json.

  third_party/venv-bench/bin/python tests/oracles/train_keras_steps.py > src/engines/torch/testdata/keras_steps.json

Starting weights, rows and targets are drawn here; the losses of each step and the weights after the last are Keras's. Weights
lie as src/engines/torch/initial_weights.h has them: Keras's gates i, f, c, o are torch's i, f, g, o, its kernels transposed.

Six steps are taken with a bound on the gradient's norm that is out of reach: with one Keras sums an embedding's gradient over
equal tokens. Sixty are taken without it, as most people do: then, on TensorFlow, Adam's second moment sums the squares of each
occurrence (our `token_moments`).
"""

import json
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras
import numpy

VOCABULARY, LENGTH, EMBEDDING, UNITS, ROWS, RATE = 11, 5, 3, 4, 6, 0.02


def steps(classes, masked, count, bound):
    """One case: `classes` outputs, rows padded behind and masked or full."""
    draw = numpy.random.default_rng(classes)
    dense = 1 if classes == 2 else classes
    tokens = draw.integers(1, VOCABULARY, (count, ROWS, LENGTH))
    if masked:
        for row in tokens.reshape(-1, LENGTH):
            row[draw.integers(1, LENGTH + 1):] = 0
    targets = draw.integers(0, classes, (count, ROWS))
    head = keras.layers.Dense(dense, activation="sigmoid" if dense == 1 else "softmax")
    embedding = keras.layers.Embedding(VOCABULARY, EMBEDDING, mask_zero=masked)
    model = keras.Sequential([embedding, keras.layers.LSTM(UNITS), head])
    model.compile(optimizer=keras.optimizers.Adam(RATE, global_clipnorm=bound),
                  loss="binary_crossentropy" if dense == 1 else "sparse_categorical_crossentropy")
    model.build((None, LENGTH))
    model.set_weights([draw.uniform(-0.7, 0.7, weight.shape) for weight in model.get_weights()])

    def weights():
        table, kernel, recurrent, bias, dense_kernel, dense_bias = model.get_weights()
        return [w.ravel().tolist() for w in (table, kernel.T, recurrent.T, bias, dense_kernel.T, dense_bias)]

    case = {"classes": classes, "mask": masked, "token_moments": bound is None, "tokens": tokens.reshape(count, -1).tolist(), "targets": targets.tolist(),
            "before": weights(), "losses": []}
    for some, answers in zip(tokens, targets):
        case["losses"].append(float(model.train_on_batch(some, answers.astype("float32" if dense == 1 else "int32"))))
        model.reset_metrics()
    case["after"] = weights()
    return case


sizes = {"vocabulary": VOCABULARY, "length": LENGTH, "embedding": EMBEDDING, "units": UNITS, "rate": RATE}
cases = [steps(classes, masked, count, bound) for classes in (2, 3) for masked in (False, True)
         for count, bound in ((6, 1e6), (60, None))]
print(json.dumps({"keras": keras.__version__, "sizes": sizes, "cases": cases}))
