"""Ids of words on the signature `tensors`: what lies beyond the vocabulary is refused, whatever engine answers."""

import json
import urllib.error
import urllib.request

import numpy as np
import pytest
import tritonclient.http
from command import call
from conftest import HAM_WORDS, PLAIN_WORDS, SPAM_WORDS
from tritonclient.utils import InferenceServerException

LENGTH = 24  # of conftest.SMALL_SPEC's LSTM
VOCABULARY = 2 + len(SPAM_WORDS + HAM_WORDS + PLAIN_WORDS)  # padding and unknown words come first
VARIANTS = ("fp32", "pruned", "compiled-float32", "compiled-int16", "pruned-compiled-float32")


@pytest.fixture(scope="module")
def server(amas, serving, trained_home):
    """The LSTM under a name for each variant, and the linear model as `linear`."""
    models = json.loads(call(amas, trained_home, "--json", "model", "list").stdout)
    numbers = {row["candidate"]: str(row["version"]) for row in models}
    for variant in VARIANTS:
        done = call(amas, trained_home, "deploy", "mail", "--version", numbers["lstm"], "--variant", variant, "--as",
                    variant)
        assert done.returncode == 0, done.stderr
    assert call(amas, trained_home, "deploy", "mail", "--version", numbers["linear"], "--as", "linear").returncode == 0
    try:
        with serving(trained_home) as running:
            yield running
    finally:
        for name in (*VARIANTS, "linear"):
            call(amas, trained_home, "deploy", name, "--remove")


def rows_with(identifier):
    """Three rows of tokens, with this id in the second."""
    rows = [[1] * LENGTH for _ in range(3)]
    rows[1][5] = identifier
    return rows


def post(server, path, document):
    request = urllib.request.Request(server.url + path, json.dumps(document).encode())
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def tfs(server, model, rows):
    return post(server, f"/v1/models/{model}:predict", {"signature_name": "tensors", "inputs": {"tokens": rows}})


def oip(server, model, rows):
    tokens = {"name": "tokens", "shape": [len(rows), LENGTH], "datatype": "INT32", "data": rows}
    return post(server, f"/v2/models/{model}/infer", {"inputs": [tokens]})


@pytest.mark.parametrize("ask", [tfs, oip])
@pytest.mark.parametrize("variant", VARIANTS)
def test_ids_beyond_the_vocabulary_are_refused_with_their_place(server, variant, ask):
    for wrong in (-1, -VOCABULARY, VOCABULARY, 2_000_000_000, -2_000_000_000):
        status, reply = ask(server, variant, rows_with(wrong))
        assert status == 400
        assert f"tokens holds {wrong} in row 1; send 0 to {VOCABULARY - 1}" in reply["error"]
    for right in (0, VOCABULARY - 1):
        assert ask(server, variant, rows_with(right))[0] == 200


def test_tritonclient_hears_of_them_in_binary_too(server):
    tokens = tritonclient.http.InferInput("tokens", [3, LENGTH], "INT32")
    tokens.set_data_from_numpy(np.array(rows_with(-1), dtype=np.int32))
    with tritonclient.http.InferenceServerClient(f"127.0.0.1:{server.port}") as client:
        with pytest.raises(InferenceServerException, match="tokens holds -1 in row 1"):
            client.infer("compiled-int16", [tokens])


@pytest.mark.parametrize("wrong", [-1, 10_000_000])
def test_features_of_a_linear_model_have_a_range_as_well(server, wrong):
    inputs = {"indices": [[1, 2], [3, wrong]], "values": [[0.5, 0.5], [0.5, 0.5]]}
    status, reply = post(server, "/v1/models/linear:predict", {"signature_name": "tensors", "inputs": inputs})
    assert status == 400
    assert f"indices holds {wrong} in row 1; send 0 to " in reply["error"]
