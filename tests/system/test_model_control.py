"""Loading and unloading models over the Open Inference Protocol, as Triton's clients do it."""

import json
import pathlib
import shutil
import subprocess

import pytest
import tritonclient.grpc
import tritonclient.http
from tritonclient.utils import InferenceServerException


@pytest.fixture
def home(trained_home, tmp_path):
    return pathlib.Path(shutil.copytree(trained_home, tmp_path / "home"))


def clients(server):
    yield tritonclient.http.InferenceServerClient(f"127.0.0.1:{server.port}")
    yield tritonclient.grpc.InferenceServerClient(f"127.0.0.1:{server.grpc_port}")


def index_of(client):
    index = client.get_model_repository_index()
    if not isinstance(index, list):
        index = [{"name": one.name, "state": one.state} for one in index.models]
    return {one["name"]: one.get("state", "") for one in index}


def test_is_off_unless_asked_for(serving, home):
    with serving(home) as server:
        for client in clients(server):
            for change in (client.load_model, client.unload_model):
                with pytest.raises(InferenceServerException, match="--model-control-mode explicit"):
                    change("mail")
            assert client.is_model_ready("mail")


def test_unloads_and_loads(serving, home):
    with serving(home, "--model-control-mode", "explicit") as server:
        for client in clients(server):
            client.unload_model("mail")
            assert not client.is_model_ready("mail") and index_of(client) == {"mail": ""}
            client.unload_model("mail")  # what is not there is no error
            client.load_model("mail")
            assert client.is_model_ready("mail") and index_of(client)["mail"] == "READY"
            with pytest.raises(InferenceServerException, match="no such model is registered: mial; did you mean mail"):
                client.load_model("mial")
            with pytest.raises(InferenceServerException, match="not supported"):
                client.load_model("mail", config=json.dumps({"max_batch_size": 1}))
            assert client.is_model_ready("mail")
    # Deployments stay over a restart.
    with serving(home) as server:
        assert all(client.is_model_ready("mail") for client in clients(server))


def test_a_load_that_fails_leaves_the_old_version_serving(amas, serving, home):
    subprocess.run([amas, "--home", home, "deploy", "mail", "--version", "1"], check=True, stdout=subprocess.DEVNULL)
    models = json.loads(subprocess.run([amas, "--home", home, "--json", "model", "list"], capture_output=True).stdout)
    latest = max(models, key=lambda model: model["version"])
    with serving(home, "--model-control-mode", "explicit") as server:
        client = next(clients(server))
        assert client.get_model_metadata("mail")["versions"] == ["1"] and latest["version"] > 1
        for graph in (home / "packages" / latest["digest"]).glob("model*.onnx"):
            graph.chmod(0o600)
            graph.write_bytes(b"not a graph")
        with pytest.raises(InferenceServerException, match="load failed for model 'mail': version 2 is at UNAVAILABLE"):
            client.load_model("mail")
        assert client.get_model_metadata("mail")["versions"] == ["1"] and client.is_server_ready()
