"""TensorBoard itself reads what amas writes: its library, and its server with both of its loaders."""
import contextlib
import csv
import io
import json
import os
import pathlib
import re
import resource
import signal
import struct
import subprocess
import sys
import time
import urllib.parse
import urllib.request

import numpy as np
import pytest
from tensorboard.backend.event_processing import event_accumulator
from tensorboard.plugins.hparams import plugin_data_pb2 as hparams_pb
from tensorboard.util import tensor_util

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = pathlib.Path(os.environ.get("AMAS_BIN", ROOT / "build/release/bin"))
RUN = "spam/1"
LSTM = f"{RUN}/lstm"
STEPS = range(20)
ROWS = 997

# What write_events.cpp writes, by the same formulas.
LOSS = [(step * 10, float(np.float32(1 / (1 + step)))) for step in STEPS]
WEIGHTS = [(np.arange(ROWS) * 37 % ROWS) * float(step) - 300 for step in STEPS]
SCORES = np.float32(np.arange(ROWS) * 53 % ROWS) / np.float32(ROWS - 1)
TRUTH = np.arange(ROWS) ** 2 % 7 < 3


@pytest.fixture
def written(tmp_path):
    """A log directory with everything in it, and the program that can still append to it."""
    program = subprocess.Popen([PROGRAMS / "write_events", tmp_path, RUN], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)
    assert int(program.stdout.readline()) > 0
    yield tmp_path, program
    program.stdin.close()
    assert program.wait(timeout=30) == 0


def event_files(folder):
    return sorted(folder.rglob("*tfevents*"))


def expected_histogram(values):
    counts, edges = np.histogram(values, bins=30)
    return np.stack([edges[:-1], edges[1:], counts], axis=1)


def expected_pr_curve():
    rows = []
    for i in range(127):
        positive = np.floor(SCORES.astype(float) * 126) >= i
        tp, fp = (positive & TRUTH).sum(), (positive & ~TRUTH).sum()
        tn, fn = (~positive & ~TRUTH).sum(), (~positive & TRUTH).sum()
        rows.append([tp, fp, tn, fn, tp / max(tp + fp, 1e-7), tp / max(tp + fn, 1e-7)])
    return np.float32(rows).T


def crc32c_table():
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


TABLE = crc32c_table()


def masked_crc(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 0xFF]
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def test_every_record_is_framed_with_right_checksums(written):
    # The quick loader checks no checksum unless parsing fails, so the framing is looked at here, byte by byte.
    logdir, _ = written
    files = event_files(logdir)
    assert len(files) == 3
    for file in files:
        data, at, records = file.read_bytes(), 0, 0
        while at < len(data):
            length, crc = struct.unpack_from("<QI", data, at)
            assert crc == masked_crc(data[at:at + 8])
            content = data[at + 12:at + 12 + length]
            assert struct.unpack_from("<I", data, at + 12 + length) == (masked_crc(content),)
            at += 16 + length
            records += 1
        assert at == len(data) and records >= 2


def accumulate(folder):
    accumulator = event_accumulator.EventAccumulator(
        str(folder), size_guidance=event_accumulator.STORE_EVERYTHING_SIZE_GUIDANCE)
    accumulator.Reload()
    return accumulator


def test_the_library_reads_the_same_numbers(written):
    logdir, _ = written
    read = accumulate(logdir / LSTM)
    tensors = lambda tag: [(e.step, tensor_util.make_ndarray(e.tensor_proto)) for e in read.Tensors(tag)]
    assert [(step, value.item()) for step, value in tensors("train/loss")] == LOSS
    assert [(step, value.item()) for step, value in tensors("test/accuracy")] == [(200, 0.96875)]
    for (step, got), values in zip(tensors("weights/kernel"), WEIGHTS, strict=True):
        if np.ptp(values) == 0:  # TensorBoard's rule for data without spread: equal edges, all in the last bucket
            assert (got[:, :2] == values[0]).all() and got[-1, 2] == ROWS and got[:-1, 2].sum() == 0
        else:
            # numpy's edges may differ in the last bit, and with it which side a value on an edge falls to.
            assert np.allclose(got[:, :2], expected_histogram(values)[:, :2], rtol=1e-12, atol=1e-9)
            assert got[:, 2].sum() == ROWS
            assert np.abs(got[:, 2] - expected_histogram(values)[:, 2]).max() <= 1
    assert all((value[:, :2] == 2.5).all() and value[-1, 2] == 50 for _, value in tensors("weights/equal"))
    assert [step for step, _ in tensors("valid/pr")] == [10, 20]
    assert all((value == expected_pr_curve()).all() for _, value in tensors("valid/pr"))
    assert [v.item().decode() for _, v in tensors("spec")] == ["# Title\n\nSome *text* — 中文."]
    assert [(n.name, n.op, list(n.input)) for n in read.Graph().node] == [
        ("tokens", "Input", []), ("lstm", "LSTM", ["tokens"]), ("scores", "Dense", ["lstm"])]


def test_the_library_reads_the_metadata(written):
    logdir, _ = written
    read = accumulate(logdir / LSTM)
    plugins = {tag: read.SummaryMetadata(tag).plugin_data.plugin_name for tag in read.Tags()["tensors"]}
    assert plugins == {
        "_hparams_/session_start_info": "hparams", "_hparams_/session_end_info": "hparams", "spec": "text",
        "train/loss": "scalars", "test/accuracy": "scalars", "weights/kernel": "histograms",
        "weights/equal": "histograms", "valid/pr": "pr_curves"}
    content = read.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    start = hparams_pb.HParamsPluginData.FromString(content).session_start_info
    assert start.group_name == "group of lstm"
    assert abs(start.start_time_secs - time.time()) < 600
    values = {name: getattr(value, value.WhichOneof("kind")) for name, value in start.hparams.items()}
    assert values == {"type": "lstm", "units": 64.0, "rate": 0.001, "mask": True}


class Server:
    """A real TensorBoard on a free loopback port."""

    def __init__(self, logdir, fast, log):
        self.log = log
        command = [sys.executable, "-m", "tensorboard.main", "--logdir", logdir, "--host", "127.0.0.1", "--port", "0",
                   "--reload_interval", "1", f"--load_fast={fast}"]
        with open(log, "wb") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)
        self.url = wait_for(self.find_url, 60, self)

    def find_url(self):
        assert self.process.poll() is None, self.log.read_text()
        found = re.search(r"at (http://127\.0\.0\.1:\d+)/", self.log.read_text())
        return found and found[1]

    def get(self, route, **query):
        address = f"{self.url}/data/{route}" + ("?" + urllib.parse.urlencode(query) if query else "")
        with urllib.request.urlopen(address, timeout=30) as reply:
            return reply.read().decode()

    def json(self, route, **query):
        return json.loads(self.get(route, **query))

    def post(self, route, body):
        request = urllib.request.Request(f"{self.url}/data/{route}", json.dumps(body).encode(),
                                         {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as reply:
            return json.loads(reply.read())

    def stop(self):
        """Ends the server and the loader process that it may have started."""
        self.process.terminate()
        try:
            self.process.wait(timeout=20)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)


def wait_for(condition, seconds, server):
    """What `condition` returns once that is true; it must become so within some seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError(f"nothing within {seconds} s; the server said: {server.log.read_text()}")


@pytest.fixture(params=["true", "false"], ids=["fast_loader", "slow_loader"])
def server(request, written, tmp_path_factory):
    """A server that has read everything that was written so far."""
    logdir, program = written
    server = Server(logdir, request.param, tmp_path_factory.mktemp("server") / "log")
    try:
        wait_for(lambda: len(scalars(server)) == len(LOSS), 60, server)
        yield server, program
    finally:
        server.stop()


def scalars(server):
    if "train/loss" not in server.json("plugin/scalars/tags").get(LSTM, {}):
        return []
    return [(step, value) for _, step, value in server.json("plugin/scalars/scalars", run=LSTM, tag="train/loss")]


def check_scalars(server):
    assert set(server.json("runs")) == {".", f"{RUN}/linear", LSTM}
    assert set(server.json("plugin/scalars/tags")[LSTM]) == {"train/loss", "test/accuracy"}
    assert scalars(server) == LOSS
    table = list(csv.reader(io.StringIO(
        server.get("plugin/scalars/scalars", run=LSTM, tag="train/loss", format="csv"))))
    assert table[0] == ["Wall time", "Step", "Value"]
    assert [(int(step), float(value)) for _, step, value in table[1:]] == LOSS
    assert all(abs(float(wall) - time.time()) < 600 for wall, _, _ in table[1:])


def check_histograms(server):
    assert set(server.json("plugin/histograms/tags")[LSTM]) == {"weights/kernel", "weights/equal"}
    rows = server.json("plugin/histograms/histograms", run=LSTM, tag="weights/kernel")
    assert [step for _, step, _ in rows] == [step * 10 for step in STEPS]
    for (_, _, buckets), values in zip(rows[1:], WEIGHTS[1:], strict=True):
        assert np.allclose(np.array(buckets)[:, :2], expected_histogram(values)[:, :2], rtol=1e-12, atol=1e-9)
        assert np.array(buckets)[:, 2].sum() == ROWS


def check_text_and_graph(server):
    assert server.json("plugin/text/tags")[LSTM] == ["spec"]
    text = server.json("plugin/text/text", run=LSTM, tag="spec")[0]["text"]
    assert "<h1>Title</h1>" in text and "<em>text</em>" in text and "中文" in text
    assert server.json("plugin/graphs/info")[LSTM]["run_graph"] is True
    graph = server.get("plugin/graphs/graph", run=LSTM)
    assert re.findall(r'name: "(\w+)"', graph) == ["tokens", "lstm", "scores"]
    assert re.findall(r'input: "(\w+)"', graph) == ["tokens", "lstm"]


def check_pr_curves(server):
    assert set(server.json("plugin/pr_curves/tags")[LSTM]) == {"valid/pr"}
    curves = server.json("plugin/pr_curves/pr_curves", run=LSTM, tag="valid/pr")[LSTM]
    expected = expected_pr_curve()
    assert [curve["step"] for curve in curves] == [10, 20]
    for curve in curves:
        assert np.allclose(curve["thresholds"], np.linspace(0, 1, 127))
        for name, row in zip(["true_positives", "false_positives", "true_negatives", "false_negatives", "precision",
                              "recall"], expected):
            assert np.allclose(curve[name], row)


def check_hparams(server):
    experiment = server.post("plugin/hparams/experiment", {"experimentName": "", "includeMetrics": True})
    kinds = {info["name"]: info["type"] for info in experiment["hparamInfos"]}
    assert kinds == {"type": "DATA_TYPE_STRING", "units": "DATA_TYPE_FLOAT64", "rate": "DATA_TYPE_FLOAT64",
                     "mask": "DATA_TYPE_BOOL", "c": "DATA_TYPE_FLOAT64"}
    assert [info["name"]["tag"] for info in experiment["metricInfos"]] == ["test/accuracy"]
    statuses = ["STATUS_UNKNOWN", "STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_RUNNING"]
    reply = server.post("plugin/hparams/session_groups",
                        {"experimentName": "", "allowedStatuses": statuses, "colParams": [], "startIndex": 0,
                         "sliceSize": 10, "aggregationType": "AGGREGATION_AVG", "includeMetrics": True})
    groups = {group["name"]: group for group in reply["sessionGroups"]}
    assert set(groups) == {"group of lstm", "group of linear"}
    lstm = groups["group of lstm"]
    assert lstm["hparams"] == {"type": "lstm", "units": 64, "rate": 0.001, "mask": True}
    assert groups["group of linear"]["hparams"] == {"type": "linear", "c": 0.5}
    assert [(m["name"]["tag"], m["value"], m["trainingStep"]) for m in lstm["metricValues"]] == [
        ("test/accuracy", 0.96875, 200)]
    assert lstm["sessions"][0]["status"] == "STATUS_SUCCESS"
    assert groups["group of linear"]["metricValues"][0]["value"] == 0.9375


def check_following(server, program):
    steps = [(step, step / 8) for step in range(1000, 1005)]
    for step, value in steps:
        program.stdin.write(f"{step} {value}\n")
        program.stdin.flush()
        assert int(program.stdout.readline()) > 0
        wait_for(lambda: (step, value) in scalars(server), 60, server)
    assert scalars(server) == LOSS + steps


def test_the_server_shows_what_was_written_and_follows(server):
    # One test, because it is the start of the server that takes the time.
    server, program = server
    check_scalars(server)
    check_histograms(server)
    check_text_and_graph(server)
    check_pr_curves(server)
    check_hparams(server)
    check_following(server, program)


def session_groups(server):
    statuses = ["STATUS_UNKNOWN", "STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_RUNNING"]
    reply = server.post("plugin/hparams/session_groups",
                        {"experimentName": "", "allowedStatuses": statuses, "colParams": [], "startIndex": 0,
                         "sliceSize": 10, "aggregationType": "AGGREGATION_AVG", "includeMetrics": True})
    return {group["hparams"]["type"]: group for group in reply.get("sessionGroups", [])}


@pytest.mark.parametrize("fast", ["true", "false"], ids=["fast_loader", "slow_loader"])
def test_the_hparams_of_a_run_show_its_metrics_and_that_a_candidate_failed(amas, small_spec, tmp_path, fast):
    # The LSTM's weights do not fit into the largest file that is allowed; all else does.
    spec = small_spec.with_name(f"failing-{fast}.yaml")
    spec.write_text(small_spec.read_text().replace("units: 16", "units: 400").replace("epochs: 4", "epochs: 1"))
    home = tmp_path / "home"
    largest = 1_500_000
    run = subprocess.run([amas, "--home", home, "run", spec], capture_output=True, text=True, timeout=300,
                         preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest)))
    assert run.returncode != 0 and "train lstm" in run.stderr, run.stdout + run.stderr
    server = Server(home / "tensorboard" / "mail", fast, tmp_path / "log")
    try:
        groups = wait_for(lambda: len(found := session_groups(server)) == 2 and found, 60, server)
        experiment = server.post("plugin/hparams/experiment", {"experimentName": "", "includeMetrics": True})
    finally:
        server.stop()
    metrics = {info["name"]["tag"] for info in experiment["metricInfos"]}
    assert metrics == {f"best/{name}" for name in ("accuracy", "macro_f1", "precision", "recall", "f1", "roc_auc",
                                                   "pr_auc", "log_loss")}
    assert {"units", "train.epochs", "ngrams"} <= {info["name"] for info in experiment["hparamInfos"]}
    assert groups["lstm"]["sessions"][0]["status"] == "STATUS_FAILURE"
    assert groups["lstm"]["hparams"]["units"] == 400
    assert groups["linear"]["sessions"][0]["status"] == "STATUS_SUCCESS"
    values = {metric["name"]["tag"]: metric["value"] for metric in groups["linear"]["metricValues"]}
    assert set(values) == metrics and 0.9 < values["best/accuracy"] <= 1, values


def test_other_settings_get_other_columns(amas, small_spec, tmp_path):
    spec, home = small_spec.with_name("columns.yaml"), tmp_path / "home"
    text = re.sub(r"    - \{type: lstm.*\n", "", small_spec.read_text())
    for setting in ("min_df: 2", "c: 4"):
        spec.write_text(text.replace("{type: linear}", f"{{type: linear, {setting}}}"))
        for _ in range(2):
            subprocess.run([amas, "--home", home, "train", spec], check=True, capture_output=True, timeout=300)
            (file,) = (home / "tensorboard/mail").glob("events*")
            read = accumulate(file.parent)
            content = read.SummaryMetadata("_hparams_/experiment").plugin_data.content
            experiment = hparams_pb.HParamsPluginData.FromString(content).experiment
            # What is null, as `c` is where it is left out, has no column.
            assert ("c" in {info.name for info in experiment.hparam_infos}) == (setting == "c: 4")


def test_the_terminal_draws_the_curves_that_tensorboard_shows(amas, trained_home):
    shown = subprocess.run([amas, "--home", trained_home, "model", "show", "mail", "--version", "1"], check=True,
                           capture_output=True, text=True).stdout
    (manifest,) = [json.loads(line) for line in subprocess.run(
        [amas, "--home", trained_home, "--json", "model", "show", "mail", "--version", "1"], check=True,
        capture_output=True, text=True).stdout.splitlines()]
    (folder,) = (trained_home / "tensorboard/mail").glob(f"{manifest['candidate']}-*")
    read = accumulate(folder)
    for name, tag in (("loss", "train/loss"), ("valid loss", "validation/loss")):
        points = [(event.step, tensor_util.make_ndarray(event.tensor_proto).item()) for event in read.Tensors(tag)]
        step, least = min(points, key=lambda point: point[1])
        drawn = re.search(rf"^  {name} +(\S+) ([▁▂▃▄▅▆▇█]+) (\S+)   least (\S+) at step (\d+)$", shown, re.M)
        assert drawn, shown
        assert drawn[1] == f"{points[0][1]:.4f}" and drawn[3] == f"{points[-1][1]:.4f}"
        assert drawn[4] == f"{least:.4f}" and int(drawn[5]) == step and len(drawn[2]) == len(points)
