"""Writes the fixtures that TensorBoard's own library makes: an event file with every kind of value, read by
event_file_test and fuzzed by events_fuzz, and single events for the fuzzer. Run from the root of the source tree:

    third_party/venv/bin/python tests/oracles/telemetry_events.py
"""
import pathlib
import struct

import numpy as np
from tensorboard.compat.proto import event_pb2, graph_pb2, summary_pb2
from tensorboard.plugins.histogram import summary_v2 as histogram
from tensorboard.plugins.hparams import summary_v2 as hparams
from tensorboard.plugins.scalar import summary_v2 as scalar
from tensorboard.plugins.text import summary_v2 as text
from tensorboard.summary.writer.record_writer import RecordWriter


def simple(tag, value):
    return summary_pb2.Summary(value=[summary_pb2.Summary.Value(tag=tag, simple_value=value)])


graph = graph_pb2.GraphDef()
graph.node.add(name="a", op="Input")
graph.node.add(name="b", op="LSTM", input=["a"])
events = [event_pb2.Event(wall_time=1.5, file_version="brain.Event:2")]
events += [event_pb2.Event(wall_time=2.0 + i, step=10 * i, summary=scalar.scalar_pb("loss", 1 / (1 + i)))
           for i in range(3)]
events += [event_pb2.Event(wall_time=9, step=2**40, summary=simple("old/accuracy", 0.75)),
           event_pb2.Event(wall_time=9, step=1, summary=histogram.histogram_pb("weights", np.arange(9.0), buckets=3)),
           event_pb2.Event(wall_time=9, step=1, summary=text.text_pb("spec", "# Title")),
           event_pb2.Event(wall_time=9, summary=hparams.hparams_pb({"units": 64, "type": "lstm"}, "g", 9)),
           event_pb2.Event(wall_time=9, graph_def=graph.SerializeToString())]

root = pathlib.Path(__file__).resolve().parents[2]
corpus = root / "fuzz/corpus/events"
corpus.mkdir(parents=True, exist_ok=True)
fixture = root / "src/telemetry/testdata/tensorboard.tfevents"
fixture.parent.mkdir(parents=True, exist_ok=True)
with open(fixture, "wb") as file:
    writer = RecordWriter(file)
    for event in events:
        writer.write(event.SerializeToString())
(corpus / "file").write_bytes(fixture.read_bytes())
(corpus / "file_torn").write_bytes(fixture.read_bytes()[:-7])
for number, event in enumerate(events):
    (corpus / f"event_{number}").write_bytes(event.SerializeToString())
# A record that announces more than the file holds, and an event whose nested length runs out of its message.
(corpus / "length_huge").write_bytes(struct.pack("<QI", 2**63, 0))
(corpus / "event_overlong").write_bytes(b"\x2a\x7f\x0a\x05abc")
