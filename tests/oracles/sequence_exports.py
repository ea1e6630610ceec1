#!/usr/bin/env python3
"""Writes src/engines/sequence/testdata: text nets as PyTorch's two exporters and tf2onnx write them, with rows and their scores.

  pip install torch==2.15.0 onnx==1.23.2 onnxscript==0.7.2 numpy            and then, in another environment,
  pip install tensorflow-cpu==2.21.0 keras==3.15.0 tf2onnx==1.17.0 onnx==1.23.2
  python tests/oracles/sequence_exports.py torch | keras

Each case is a graph (.onnx) and a .rows file, whose lines are a row of tokens and its scores, as the framework itself computes
them, in C's hexadecimal notation. Graphs whose name begins with "other_" look alike but are none that the engine may take.
"""

import os
import pathlib
import sys
import warnings

import numpy as np
import onnx

FOLDER = pathlib.Path("src/engines/sequence/testdata")
VOCABULARY, EMBEDDING, UNITS, LENGTH = 30, 6, 5, 12
random = np.random.default_rng(4)


def rows():
    """Full rows, padded in front and behind, and an empty one."""
    tokens = random.integers(1, VOCABULARY, size=(8, LENGTH))
    tokens[1, :5] = 0
    tokens[2, 7:] = 0
    tokens[3] = 0
    return tokens


def shorten(model):
    """Leaves out what only people read, and long names: the files stay small."""
    graph = model.graph
    names = {value.name: value.name for value in (*graph.input, *graph.output)} | {"": ""}
    for holder in (*graph.node, *graph.initializer, *graph.input, *graph.output, graph, model):
        holder.doc_string = ""
        del holder.metadata_props[:]
    del graph.value_info[:]
    if any(attribute.HasField("g") for node in graph.node for attribute in node.attribute):
        return
    for node in graph.node:
        node.name = ""
        for field in (node.input, node.output):
            field[:] = [names.setdefault(name, f"v{len(names)}") for name in field]
    for tensor in graph.initializer:
        tensor.name = names.setdefault(tensor.name, f"v{len(names)}")


def write(name, model, tokens, scores):
    """The graph and the framework's scores."""
    shorten(model)
    onnx.save(model, FOLDER / f"{name}.onnx")
    lines = [" ".join(map(str, row)) + " | " + " ".join(float(s).hex() for s in out) for row, out in zip(tokens, scores.reshape(len(tokens), -1))]
    (FOLDER / f"{name}.rows").write_text("\n".join(lines) + "\n")


def torch_cases():
    import torch
    from torch import nn

    class Recurrent(nn.Module):
        def __init__(self, cell, last, layers=1, both=False, batch_first=True, begin=None, flat=False):
            super().__init__()
            self.table = nn.Embedding(VOCABULARY, EMBEDDING, padding_idx=0)
            self.cells = getattr(nn, cell)(EMBEDDING, UNITS, layers, bidirectional=both, batch_first=batch_first)
            self.dense = nn.Linear(UNITS * (2 if both else 1), 1)
            self.last, self.begin, self.batch_first, self.flat = last, begin, batch_first, flat
            self.learnt = nn.Parameter(torch.rand(layers * (2 if both else 1), 1, UNITS)) if begin == "learnt" else None

        def forward(self, tokens):
            steps = self.table(tokens)
            if not self.batch_first:
                steps = steps.transpose(0, 1)
            count = self.cells.num_layers * (2 if self.cells.bidirectional else 1)
            state = None
            if self.begin == "zeros":
                state = torch.zeros(count, tokens.size(0), UNITS, dtype=steps.dtype)
            elif self.begin == "ones":
                state = torch.ones(count, tokens.size(0), UNITS, dtype=steps.dtype)
            elif self.begin == "learnt":
                state = self.learnt.expand(-1, tokens.size(0), -1).contiguous()
            if state is not None and isinstance(self.cells, nn.LSTM):
                state = (state, torch.zeros_like(state))
            states, end = self.cells(steps, state)
            end = end[0] if isinstance(end, tuple) else end
            logits = self.dense(self.last(states, end))
            return torch.sigmoid(logits.squeeze(1) if self.flat else logits)

    class Convolutions(nn.Module):
        def __init__(self, widths, above=0, image=False):
            super().__init__()
            self.table = nn.Embedding(VOCABULARY, EMBEDDING)
            made = [nn.Conv2d(1, UNITS, (w, EMBEDDING)) if image else nn.Conv1d(EMBEDDING, UNITS, w) for w in widths]
            self.first = nn.ModuleList(made)
            self.above = nn.ModuleList([nn.Conv1d(UNITS, UNITS, 3, padding=1) for _ in range(above)])
            self.dropout, self.dense, self.image = nn.Dropout(0.5), nn.Linear(UNITS * len(widths), 2), image

        def branch(self, steps, first):
            values = torch.relu(first(steps))
            if self.image:
                values = values.squeeze(3)
                return torch.max_pool1d(values, values.size(2)).squeeze(2)
            for above in self.above:
                values = torch.tanh(above(values))
            return values.max(dim=2).values

        def forward(self, tokens):
            steps = self.table(tokens)
            steps = steps.unsqueeze(1) if self.image else steps.permute(0, 2, 1)
            joined = torch.cat([self.branch(steps, first) for first in self.first], dim=1)
            return torch.softmax(self.dense(self.dropout(joined)), dim=1)

    class Mean(nn.Module):
        def __init__(self):
            super().__init__()
            self.table = nn.Embedding(VOCABULARY, EMBEDDING)
            self.dense = nn.Sequential(nn.Linear(EMBEDDING, 4), nn.ReLU(), nn.Linear(4, 1), nn.Sigmoid())

        def forward(self, tokens):
            return self.dense(self.table(tokens).mean(dim=1))

    def end_of_rows(states, _):
        return states[:, -1, :]

    def both_ends(_, end):
        return torch.cat((end[-2, :, :], end[-1, :, :]), dim=1)

    def top(_, end):
        return end[-1]

    nets = {
        "lstm": Recurrent("LSTM", end_of_rows),
        "lstm_state": Recurrent("LSTM", top),
        "lstm_squeezed": Recurrent("LSTM", lambda _, end: end.squeeze(0)),
        "lstm_steps_first": Recurrent("LSTM", lambda states, _: states[-1], batch_first=False),
        "lstm_zeros": Recurrent("LSTM", end_of_rows, begin="zeros"),
        "lstm_both": Recurrent("LSTM", both_ends, both=True),
        "lstm_end_of_both": Recurrent("LSTM", end_of_rows, both=True),
        "lstm_flat": Recurrent("LSTM", end_of_rows, flat=True),
        "lstm_two_layers": Recurrent("LSTM", end_of_rows, layers=2),
        "gru": Recurrent("GRU", end_of_rows),
        "gru_zeros": Recurrent("GRU", top, begin="zeros"),
        "gru_both_two_layers": Recurrent("GRU", both_ends, layers=2, both=True),
        "cnn": Convolutions((3, 4, 5)),
        "cnn_image": Convolutions((2, 3), image=True),
        "cnn_stacked": Convolutions((3,), above=1),
        "cnn_stacked_branches": Convolutions((2, 3), above=2),
        "mean": Mean(),
        "other_ones": Recurrent("LSTM", end_of_rows, begin="ones"),
        "other_learnt": Recurrent("GRU", end_of_rows, begin="learnt"),
        "other_first_step": Recurrent("LSTM", lambda states, _: states[:, 0, :]),
        "other_mean_of_states": Recurrent("LSTM", lambda states, _: states.mean(dim=1)),
        "other_lower_layer": Recurrent("LSTM", lambda _, end: end[0], layers=2),
    }
    for name, net in nets.items():
        torch.manual_seed(len(name))
        for parameter in net.parameters():
            nn.init.uniform_(parameter, -0.6, 0.6)
        net.eval()
        tokens = rows()
        given = torch.tensor(tokens)
        with torch.no_grad():
            scores = net.double()(given).numpy()
        net.float()
        names = {"input_names": ["tokens"], "output_names": ["scores"]}
        file = f"/tmp/{os.getpid()}.onnx"
        # Of rows that may have any length the first exporter writes other chains than of rows of one. Where it pools by a
        # window it takes the window's size from the rows that it is shown.
        open_length = len(name) % 2 == 1 and not name.endswith("image")
        torch.onnx.export(net, (given,), file, dynamo=False, opset_version=17,
                          dynamic_axes={"tokens": {0: "N", 1: "T"} if open_length else {0: "N"}}, **names)
        write(f"{name}_script" if "other" not in name else name, onnx.load(file), tokens, scores)
        if "other" not in name:
            torch.onnx.export(net, (given,), file, dynamo=True, external_data=False, verbose=False,
                              dynamic_shapes=({0: torch.export.Dim("N")},), **names)
            write(f"{name}_dynamo", onnx.load(file), tokens, scores)
        os.remove(file)


def keras_cases():
    os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    import keras
    import tensorflow as tf
    import tf2onnx
    from keras import layers

    keras.utils.set_random_seed(7)
    score = layers.Dense
    nets = {
        "keras_lstm": ([layers.LSTM(UNITS)], 17, "int32"),
        "keras_lstm_opset13": ([layers.LSTM(UNITS)], 13, "int64"),
        "keras_lstm_both": ([layers.Bidirectional(layers.LSTM(UNITS))], 17, "int32"),
        "keras_lstm_two_layers": ([layers.LSTM(UNITS, return_sequences=True), layers.LSTM(UNITS)], 17, "int32"),
        "keras_cnn": ([layers.Conv1D(UNITS, 4, activation="relu"), layers.GlobalMaxPooling1D()], 17, "int32"),
        "keras_cnn_stacked": ([layers.Conv1D(UNITS, 5, activation="relu", padding="same"),
                               layers.Conv1D(7, 3, activation="tanh"), layers.GlobalAveragePooling1D()], 17, "int32"),
        "keras_mean": ([layers.GlobalAveragePooling1D(), score(4, activation="relu")], 17, "int32"),
        "other_keras_gru": ([layers.GRU(UNITS)], 17, "int32"),
    }
    for name, (middle, opset, dtype) in nets.items():
        net = keras.Sequential([keras.Input((LENGTH,), dtype=dtype), layers.Embedding(VOCABULARY, EMBEDDING), *middle,
                                score(1, activation="sigmoid")])
        for weight in net.weights:
            weight.assign(random.uniform(-0.6, 0.6, size=weight.shape))
        asked = [tf.TensorSpec((None, LENGTH), dtype, name="tokens")]
        function = tf.function(lambda tokens, net=net: net(tokens, training=False), input_signature=asked)
        model, _ = tf2onnx.convert.from_function(function, input_signature=asked, opset=opset)
        tokens = rows()
        write(name, model, tokens, net(tokens.astype(dtype), training=False).numpy())


FOLDER.mkdir(parents=True, exist_ok=True)
warnings.filterwarnings("ignore")
{"torch": torch_cases, "keras": keras_cases}[sys.argv[1]]()
