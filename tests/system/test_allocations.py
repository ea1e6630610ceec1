"""How often the server asks for memory for one request: counted, since each time costs and hides behind the others."""

import http.client
import json
import os
import shutil
import struct
import subprocess

import pytest

# A tenth above what was measured when this was written; more is waste that has crept in.
ALLOCATIONS_MAX = {"lstm": 27, "linear": 20}
WARM, COUNTED = 200, 500


def ask(connection, body, times):
    for _ in range(times):
        connection.request("POST", "/v1/models/mail:predict", body)
        answer = connection.getresponse()
        assert "label" in json.loads(answer.read())["predictions"][0], answer.status


@pytest.mark.parametrize("candidate", ["lstm", "linear"])
def test_allocations_of_a_request_are_bounded(amas, trained_home, serving, tmp_path, monkeypatch, candidate):
    home = shutil.copytree(trained_home, tmp_path / "home")
    models = json.loads(subprocess.run([amas, "--home", home, "--json", "model", "list"], capture_output=True).stdout)
    version = next(str(row["version"]) for row in models if row["candidate"] == candidate)
    subprocess.run([amas, "--home", home, "deploy", "mail", "--version", version], check=True, capture_output=True)
    counter = tmp_path / "counter"
    counter.write_bytes(bytes(8))
    monkeypatch.setenv("MALLOC_COUNTER", str(counter))
    monkeypatch.setenv("LD_PRELOAD", os.fspath(amas.parent / "libmalloc_counter.so"))
    with serving(home) as server:
        monkeypatch.delenv("LD_PRELOAD")
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        body = json.dumps({"instances": ["win a prize now click free money cash, thanks for the review tomorrow"]})
        ask(connection, body, WARM)
        before = struct.unpack("<Q", counter.read_bytes())[0]
        ask(connection, body, COUNTED)
        each = (struct.unpack("<Q", counter.read_bytes())[0] - before) / COUNTED
    print(f"{candidate}: {each:.1f} allocations a request")
    assert 5 < each < ALLOCATIONS_MAX[candidate]
