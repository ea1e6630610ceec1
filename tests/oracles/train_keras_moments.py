#!/usr/bin/env python3
"""Shows what Keras on TensorFlow takes as Adam's second moment of an embedding row that stands several times in a batch.

  third_party/venv-bench/bin/python tests/oracles/train_keras_moments.py

After one step from zero moments it prints that moment for a token that stands three times, beside 0.001 times the sum of the
squared gradients of its occurrences, and 0.001 times the square of their sum. The first two agree; our `token_moments` does the
same.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras
import numpy
import tensorflow

keras.utils.set_random_seed(1)
model = keras.Sequential([keras.layers.Embedding(5, 2), keras.layers.Flatten(), keras.layers.Dense(1)])
tokens, targets = numpy.array([[0, 0, 0, 1]]), numpy.array([[1.0]])
model.build((1, 4))
with tensorflow.GradientTape() as tape:
    loss = tensorflow.reduce_mean((model(tokens) - targets) ** 2)
slices = tape.gradient(loss, model.trainable_variables)[0].values.numpy()[:3]
model.compile(optimizer=keras.optimizers.Adam(1e-3), loss="mse")
model.train_on_batch(tokens, targets)
moment = next(v for v in model.optimizer.variables if "embeddings_velocity" in v.path).numpy()[0]
print("Keras            ", moment)
print("sum of squares   ", 0.001 * (slices ** 2).sum(0))
print("square of the sum", 0.001 * slices.sum(0) ** 2)
assert numpy.allclose(moment, 0.001 * (slices ** 2).sum(0), rtol=1e-4)
