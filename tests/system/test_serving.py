"""The running server as its clients meet it: tritonclient, plain HTTP, Prometheus's own tools."""

import asyncio
import base64
import gzip
import http.client
import json
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import threading
import time

import numpy as np
import pytest
import tritonclient.http
import tritonclient.http.aio
from prometheus_client.parser import text_string_to_metric_families
from tritonclient.utils import InferenceServerException

from conftest import ROOT

TEXTS = ["win a prize now click free money cash", "thanks for the kernel patch review tomorrow"]
ROWS_MAX = 65_536  # limits::kRequestRowsMax
BODY_BYTES_MAX = 64 << 20  # limits::kRequestBodyBytesMax


@pytest.fixture(scope="module")
def server(serving, trained_home):
    with serving(trained_home) as running:
        yield running
        # Whatever the tests below sent, it is still there.
        assert predict(running, TEXTS)[0] == 200


def call(server, method, path, body=None, headers=None, timeout=30):
    """One request on a connection of its own: status, headers, body."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=timeout)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        reply = connection.getresponse()
        return reply.status, reply.headers, reply.read()
    finally:
        connection.close()


def post(server, path, document, **options):
    body = document if isinstance(document, (bytes, str)) else json.dumps(document)
    status, _, reply = call(server, "POST", path, body, **options)
    return status, json.loads(reply)


def get(server, path):
    status, _, reply = call(server, "GET", path)
    return status, json.loads(reply)


def predict(server, texts):
    return post(server, "/v1/models/mail:predict", {"instances": texts})


def reference(server):
    """Labels and scores of TEXTS, by the plainest request."""
    status, reply = predict(server, TEXTS)
    assert status == 200, reply
    return [row["label"] for row in reply["predictions"]], np.array([row["scores"] for row in reply["predictions"]])


def text_input(texts, binary):
    tensor = tritonclient.http.InferInput("text", [len(texts)], "BYTES")
    tensor.set_data_from_numpy(np.array([t.encode() for t in texts], dtype=np.object_), binary_data=binary)
    return tensor


# TensorFlow Serving


def test_rows_and_columns_give_the_same(server):
    labels, scores = reference(server)
    assert labels == ["spam", "ham"]
    assert scores.sum(axis=1) == pytest.approx([1, 1], abs=1e-5)
    named = {"instances": [{"text": text} for text in TEXTS]}
    assert post(server, "/v1/models/mail:predict", named)[1]["predictions"] == predict(server, TEXTS)[1]["predictions"]
    for inputs in (TEXTS, {"text": TEXTS}, {"text": [{"b64": base64.b64encode(t.encode()).decode()} for t in TEXTS]}):
        question = {"inputs": inputs, "signature_name": "serving_default"}
        outputs = post(server, "/v1/models/mail:predict", question)[1]["outputs"]
        assert outputs["label"] == labels
        assert np.array(outputs["scores"]) == pytest.approx(scores, abs=0)


def test_scores_have_the_fewest_digits_of_a_float32(server):
    _, _, body = call(server, "POST", "/v1/models/mail:predict", json.dumps({"instances": TEXTS}))
    for row in json.loads(body, parse_float=str)["predictions"]:
        for text in row["scores"]:
            single = np.float32(text)
            assert len(text.split("e")[0].strip("-").replace(".", "").strip("0")) == \
                len(np.format_float_scientific(single, unique=True).split("e")[0].replace(".", "").strip("0"))


def test_classify_gives_each_label_its_score(server):
    _, scores = reference(server)
    status, reply = post(server, "/v1/models/mail:classify", {"examples": [{"text": t} for t in TEXTS]})
    assert status == 200
    assert [[label for label, _ in row] for row in reply["results"]] == [["ham", "spam"]] * 2
    assert np.array([[score for _, score in row] for row in reply["results"]]) == pytest.approx(scores, abs=0)


def test_tensors_signature_takes_what_the_graph_takes(server):
    signatures = get(server, "/v1/models/mail/metadata")[1]["metadata"]["signature_def"]["signature_def"]
    row = {}
    for name, spec in signatures["tensors"]["inputs"].items():
        length = int(spec["tensor_shape"]["dim"][1]["size"])
        row[name] = [1] * (length if length > 0 else 3)
    status, reply = post(server, "/v1/models/mail:predict", {"signature_name": "tensors", "instances": [row, row]})
    assert status == 200, reply
    assert reply["predictions"][0] == reply["predictions"][1]
    scores = reply["predictions"][0]
    assert sum(scores["scores"] if isinstance(scores, dict) else scores) == pytest.approx(1, abs=1e-5)


def test_status_metadata_and_lists_serve_all_their_dialects(server):
    status, model = get(server, "/v1/models/mail")
    assert status == 200
    assert model["model_version_status"][0]["state"] == "AVAILABLE"
    assert model["id"] == model["name"] == "mail" and model["ready"] is True
    version = model["model_version_status"][0]["version"]
    assert get(server, f"/V1/models/mail/versions/{version}")[0] == 200
    assert get(server, "/v1/models")[1]["models"] == ["mail"]
    assert get(server, "/v1/models")[1]["data"][0]["id"] == "mail"
    assert get(server, "/v2/models")[1] == {"models": ["mail"]}
    assert get(server, "/api/v1/deployments")[1]["deployments"][0]["versions"][0]["state"] == "available"
    assert "version" in get(server, "/api/v1/version")[1]


# Triton


@pytest.mark.parametrize("binary_in", [False, True])
@pytest.mark.parametrize("binary_out", [False, True])
def test_tritonclient_infers_in_json_and_binary(server, binary_in, binary_out):
    labels, scores = reference(server)
    with tritonclient.http.InferenceServerClient(f"127.0.0.1:{server.port}") as client:
        outputs = [tritonclient.http.InferRequestedOutput(name, binary_data=binary_out) for name in ("label", "scores")]
        result = client.infer("mail", [text_input(TEXTS, binary_in)], outputs=outputs, request_id="42")
    assert result.get_response()["id"] == "42"
    got = result.as_numpy("label")
    assert [t.decode() if isinstance(t, bytes) else t for t in got] == labels
    assert result.as_numpy("scores").dtype == np.float32
    assert result.as_numpy("scores") == pytest.approx(scores, abs=1e-7)


def test_tritonclient_with_its_defaults_and_compression(server):
    _, scores = reference(server)
    with tritonclient.http.InferenceServerClient(f"127.0.0.1:{server.port}") as client:
        for algorithm in (None, "gzip", "deflate"):
            result = client.infer("mail", [text_input(TEXTS, True)], request_compression_algorithm=algorithm)
            assert result.as_numpy("scores") == pytest.approx(scores, abs=1e-7)
        assert client.is_server_live() and client.is_server_ready() and client.is_model_ready("mail")
        assert not client.is_model_ready("nope")
        metadata = client.get_model_metadata("mail")
        assert metadata["inputs"] == [{"name": "text", "datatype": "BYTES", "shape": [-1]}]
        assert client.get_server_metadata()["name"] == "amas"
        assert client.get_model_config("mail")["name"] == "mail"
        assert client.get_model_repository_index()[0]["state"] == "READY"


def test_tritonclient_in_many_threads_at_once(server):
    _, scores = reference(server)
    with tritonclient.http.InferenceServerClient(f"127.0.0.1:{server.port}", concurrency=8) as client:
        pending = [client.async_infer("mail", [text_input(TEXTS, i % 2 == 0)]) for i in range(64)]
        for one in pending:
            assert one.get_result().as_numpy("scores") == pytest.approx(scores, abs=1e-7)


def test_tritonclient_on_asyncio(server):
    _, scores = reference(server)

    async def ask():
        async with tritonclient.http.aio.InferenceServerClient(f"127.0.0.1:{server.port}") as client:
            return await asyncio.gather(*(client.infer("mail", [text_input(TEXTS, True)]) for _ in range(8)))

    for result in asyncio.run(ask()):
        assert result.as_numpy("scores") == pytest.approx(scores, abs=1e-7)


def test_tritonclient_gets_classes(server):
    labels, scores = reference(server)
    with tritonclient.http.InferenceServerClient(f"127.0.0.1:{server.port}") as client:
        wanted = tritonclient.http.InferRequestedOutput("scores", class_count=1)
        got = client.infer("mail", [text_input(TEXTS, True)], outputs=[wanted]).as_numpy("scores")
    for row, label, score in zip(got.reshape(-1), labels, scores):
        assert row.decode() == f"{score.max():.6f}:{score.argmax()}:{label}"


def test_tritonclient_hears_what_is_wrong(server):
    with tritonclient.http.InferenceServerClient(f"127.0.0.1:{server.port}") as client:
        with pytest.raises(InferenceServerException, match="unknown model: 'nope' is not found"):
            client.infer("nope", [text_input(TEXTS, True)])
        wrong = tritonclient.http.InferInput("text", [2], "INT32")
        wrong.set_data_from_numpy(np.array([1, 2], dtype=np.int32))
        with pytest.raises(InferenceServerException, match="data-type is 'INT32', but model 'mail' expects 'BYTES'"):
            client.infer("mail", [wrong])
        shaped = tritonclient.http.InferInput("text", [1, 2], "BYTES")
        shaped.set_data_from_numpy(np.array([[b"a", b"b"]], dtype=np.object_))
        with pytest.raises(InferenceServerException, match="unexpected shape"):
            client.infer("mail", [shaped])


# Bad input


@pytest.mark.parametrize("path, body, status", [
    ("/v1/models/nope:predict", {"instances": TEXTS}, 404),
    ("/v1/models/mail/versions/99:predict", {"instances": TEXTS}, 404),
    ("/v1/models/mail:predict", "{nope", 400),
    ("/v1/models/mail:predict", "", 400),
    ("/v1/models/mail:predict", b'{"instances":["\xff\xfe"]}', 400),
    ("/v1/models/mail:predict", {"instances": []}, 400),
    ("/v1/models/mail:predict", {"instances": [1, 2]}, 400),
    ("/v1/models/mail:predict", {"instances": [["a", "b"]]}, 400),
    ("/v1/models/mail:predict", {"instances": [{"body": "a"}]}, 400),
    ("/v1/models/mail:predict", {"instances": ["a"], "signature_name": "nope"}, 400),
    ("/v1/models/mail:predict", '{"instances":' + "[" * 1000 + '"a"' + "]" * 1000 + "}", 400),
    ("/v1/models/mail:predict", '{"instances":["a"],"x":' + '{"a":' * 1000 + "1" + "}" * 1000 + "}", 400),
    ("/v1/models/mail:regress", {"examples": [{"text": "a"}]}, 501),
    ("/v1/models/mail/labels/stable:predict", {"instances": TEXTS}, 400),
    ("/v2/models/nope/infer", {"inputs": []}, 404),
    ("/v2/models/mail/infer", {"inputs": []}, 400),
    ("/v2/models/mail/infer", {"inputs": [{"name": "text", "shape": [3], "datatype": "BYTES", "data": ["a"]}]}, 400),
    ("/v2/models/mail/infer",
     {"inputs": [{"name": "text", "shape": [4000000000, 4000000000], "datatype": "BYTES", "data": ["a"]}]}, 400),
    ("/v2/nope", "", 404),
    ("/nope", "", 404),
])
def test_bad_requests_get_a_clear_error(server, path, body, status):
    got, reply = post(server, path, body)
    assert got == status, reply
    assert len(reply["error"]) > 5


def test_errors_name_the_place(server):
    _, reply = post(server, "/v1/models/mail:predict", {"instances": [{"text": "a"}] * 3 + [{"text": 7}]})
    assert "instances[3].text" in reply["error"]


def test_too_many_rows_are_refused(server):
    status, reply = predict(server, ["a"] * (ROWS_MAX + 1))
    assert status == 400 and str(ROWS_MAX) in reply["error"]


def test_a_body_beyond_the_limit_is_413_before_it_is_sent(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as stream:
        stream.sendall(b"POST /v1/models/mail:predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" %
                       (BODY_BYTES_MAX + 1))
        assert stream.recv(1000).startswith(b"HTTP/1.1 413")


def test_a_gzip_bomb_is_413_and_a_good_gzip_body_is_read(server):
    bomb = gzip.compress(b'{"instances":["' + b"a" * BODY_BYTES_MAX + b'"]}')
    assert len(bomb) < 1 << 20
    assert call(server, "POST", "/v1/models/mail:predict", bomb, {"Content-Encoding": "gzip"})[0] == 413
    good = gzip.compress(json.dumps({"instances": TEXTS}).encode())
    assert call(server, "POST", "/v1/models/mail:predict", good, {"Content-Encoding": "gzip"})[0] == 200
    assert call(server, "POST", "/v1/models/mail:predict", good[:-9], {"Content-Encoding": "gzip"})[0] == 400


def test_random_bytes_never_end_the_server(server):
    chance = random.Random(3)
    good = json.dumps({"inputs": [{"name": "text", "shape": [2], "datatype": "BYTES", "data": TEXTS}]}).encode()
    for _ in range(200):
        body = bytearray(good)
        for _ in range(chance.randint(1, 5)):
            body[chance.randrange(len(body))] = chance.randrange(256)
        status, _, _ = call(server, "POST", "/v2/models/mail/infer", bytes(body))
        assert status in (200, 400, 501)
        header = {"Inference-Header-Content-Length": str(chance.randrange(len(body) + 20))}
        assert call(server, "POST", "/v2/models/mail/infer", bytes(body), header)[0] in (200, 400, 501)


# Watching


def test_promtool_and_prometheus_client_read_the_metrics(server):
    predict(server, TEXTS)
    predict(server, [1])
    _, headers, text = call(server, "GET", "/metrics")
    assert headers["Content-Type"].startswith("text/plain; version=0.0.4")
    checked = subprocess.run([ROOT / "third_party/promtool/promtool", "check", "metrics"], input=text,
                             capture_output=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    families = {family.name: family for family in text_string_to_metric_families(text.decode())}
    requests = {tuple(sorted(sample.labels.items())): sample.value for sample in families["amas_requests"].samples
                if sample.name == "amas_requests_total"}
    assert sum(requests.values()) >= 1
    assert any(dict(labels).get("model") == "mail" for labels in requests)


def test_request_and_trace_ids_come_back(server):
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    _, headers, _ = call(server, "GET", "/v2", headers={"X-Request-Id": "abc-1", "traceparent": trace})
    assert headers["X-Request-Id"] == "abc-1"
    assert headers["traceparent"].split("-")[1] == "4bf92f3577b34da6a3ce929d0e0e4736"


def test_no_payload_reaches_the_log(server):
    secret = "zebrafinch-7421"
    predict(server, [secret])
    post(server, "/v1/models/mail:predict", {"instances": [[secret]]})
    assert secret not in (pathlib.Path(server.home) / "logs" / "serve.log").read_text()


# Change and end


@pytest.fixture
def own_home(trained_home, tmp_path):
    """A copy of the trained home: that one has a server already."""
    return shutil.copytree(trained_home, tmp_path / "home")


class Load:
    """Clients that ask without pause until they are told to stop, and keep what went wrong."""

    def __init__(self, server, clients):
        self.server, self.stopping, self.failures, self.answered = server, threading.Event(), [], 0
        self.lock = threading.Lock()
        self.enough = threading.Condition(self.lock)
        self.threads = [threading.Thread(target=self.run) for _ in range(clients)]
        for thread in self.threads:
            thread.start()

    def run(self):
        while not self.stopping.is_set():
            try:
                status, reply = predict(self.server, TEXTS)
                good = status == 200 and len(reply["predictions"]) == 2
            except Exception as error:  # whatever it is, the request was lost
                good, reply = False, error
            with self.lock:
                self.answered += 1
                if not good:
                    self.failures.append(reply)
                self.enough.notify_all()

    def wait_for(self, more):
        """Waits until `more` further requests have been answered."""
        with self.lock:
            wanted = self.answered + more
            assert self.enough.wait_for(lambda: self.answered >= wanted, timeout=60)

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()


def test_deployments_change_under_load_without_a_lost_request(amas, serving, own_home):
    versions = json.loads(subprocess.run([amas, "--home", own_home, "--json", "model", "list"], check=True,
                                         capture_output=True).stdout)
    numbers = sorted({row["version"] for row in versions if row["model"] == "mail"})
    assert len(numbers) >= 2
    with serving(own_home) as server:
        load = Load(server, clients=4)
        try:
            for change in range(6):
                version = numbers[change % len(numbers)]
                subprocess.run([amas, "--home", own_home, "deploy", "mail", "--version", str(version)], check=True,
                               capture_output=True)
                deadline = time.monotonic() + 30
                while (shown := get(server, "/api/v1/deployments")[1]["deployments"][0])["default_version"] != version:
                    assert time.monotonic() < deadline, f"still not version {version}: {shown}"
                    load.wait_for(5)
                load.wait_for(20)
        finally:
            load.stop()
        assert not load.failures, load.failures[:3]
        assert load.answered > 120


def test_sigterm_answers_what_is_in_flight_and_ends(serving, own_home):
    with serving(own_home) as server:
        # Large enough to be computing when the signal comes: it is sent while the request is read.
        body = json.dumps({"instances": TEXTS * 1_000}).encode()
        with socket.create_connection(("127.0.0.1", server.port), timeout=30) as stream:
            head = b"POST /v1/models/mail:predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
            stream.sendall(head + body[:-1])
            stream.sendall(body[-1:])
            server.process.send_signal(signal.SIGTERM)
            reply = http.client.HTTPResponse(stream)
            reply.begin()
            assert reply.status == 200
            assert len(json.loads(reply.read())["predictions"]) == 2_000
        assert server.process.wait(timeout=20) == 0
        assert not (pathlib.Path(server.home) / "serve.json").exists()


def test_a_second_server_on_the_same_home_is_refused(amas, server):
    second = subprocess.run([amas, "--home", server.home, "serve", "--port", "0"], capture_output=True, text=True,
                            timeout=30)
    assert second.returncode == 65
    assert "another server has this home" in second.stderr
