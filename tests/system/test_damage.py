"""Damage in a home: it is found before it is deployed, named with what to do, and mended by a run."""

import json
import pathlib
import shutil
import subprocess
import time
import urllib.error
import urllib.request

import pytest
from pretended import pretended_server

DAMAGED = 74  # sysexits.h: EX_IOERR, as src/base/result.cpp maps DATA_LOSS.


@pytest.fixture
def home(trained_home, tmp_path):
    """A copy of the trained home, to damage."""
    return shutil.copytree(trained_home, tmp_path / "home")


def call(amas, home, *arguments):
    return subprocess.run([amas, "--home", home, *arguments], capture_output=True, text=True, timeout=300)


def answer(amas, home, *arguments):
    """What a command says to machines."""
    return json.loads(call(amas, home, "--json", *arguments).stdout)


def deployed(amas, home):
    return answer(amas, home, "deploy", "--list")[0]


def package_of(amas, home, version):
    digest = next(row["digest"] for row in answer(amas, home, "model", "list") if row["version"] == version)
    return pathlib.Path(home, "packages", digest)


def flip_a_byte(file):
    file.chmod(0o644)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def health(server):
    try:
        with urllib.request.urlopen(server.url + "/healthz", timeout=10) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


@pytest.mark.parametrize("file", ["model.onnx", "model.json", "profile.json"])
def test_a_damaged_package_is_not_deployed(amas, home, file):
    before = deployed(amas, home)
    flip_a_byte(package_of(amas, home, 1) / file)
    refused = call(amas, home, "deploy", "mail", "--version", "1")
    assert refused.returncode == DAMAGED, refused.stdout + refused.stderr
    assert f"{file} has changed" in refused.stderr and "`amas run SPEC.yaml`" in refused.stderr
    assert deployed(amas, home) == before
    assert call(amas, home, "model", "export", "mail", "copy", "--version", "1").returncode == DAMAGED


def test_models_are_listed_beside_a_damaged_one(amas, home):
    flip_a_byte(package_of(amas, home, 1) / "model.onnx")
    rows = answer(amas, home, "model", "list")
    assert len(rows) >= 2
    assert [row["version"] for row in rows if row["damage"]] == [1]
    assert "model.onnx has changed" in rows[0]["damage"]
    shown = call(amas, home, "model", "list")
    assert shown.returncode == 0 and "damaged" in shown.stdout


def test_doctor_names_damaged_packages_and_blobs(amas, home):
    flip_a_byte(package_of(amas, home, 1) / "profile.json")
    shutil.rmtree(package_of(amas, home, 2))
    blob = max(pathlib.Path(home, "blobs").rglob("*"), key=lambda path: path.is_file() and path.stat().st_size)
    flip_a_byte(blob)
    bad = [check["detail"] for check in json.loads(call(amas, home, "--json", "doctor").stdout.splitlines()[0])
           if not check["good"]]
    assert len(bad) == 3, bad
    assert "mail version 1" in bad[0] and "profile.json has changed" in bad[0]
    assert "mail version 2" in bad[1] and "missing" in bad[1]
    assert blob.name in bad[2]
    assert all("amas run SPEC.yaml" in detail for detail in bad)


def test_a_run_mends_packages_and_blobs(amas, home, small_spec):
    digests = {row["version"]: row["digest"] for row in answer(amas, home, "model", "list")}
    flip_a_byte(package_of(amas, home, 1) / "model.onnx")
    shutil.rmtree(package_of(amas, home, 2))
    flip_a_byte(max(pathlib.Path(home, "blobs").rglob("*"), key=lambda path: path.is_file() and path.stat().st_size))
    run = call(amas, home, "run", small_spec)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "done anew" in run.stdout
    rows = answer(amas, home, "model", "list")
    assert {row["version"]: row["digest"] for row in rows} == digests
    assert not any(row["damage"] for row in rows)
    assert call(amas, home, "doctor").returncode == 0


def test_deploy_waits_for_the_server_and_says_what_it_made_of_it(amas, home, serving):
    with serving(home) as server:
        told = answer(amas, home, "deploy", "mail", "--version", "1", "--variant", "fp32")
        assert told["server"] == "ready"
        assert deployed(amas, home)["server"] == "ready"
        assert health(server) == (200, {"status": "ready"})
        assert "answers with it now" in call(amas, home, "deploy", "mail", "--version", "2").stdout


def test_deploy_fails_when_the_server_cannot_load_the_model(amas, home):
    failed = {"version": 1, "variant": "fp32", "state": "failed",
              "error": {"code": "RESOURCE_EXHAUSTED", "message": "no memory for the graph"}}
    told = {"name": "mail", "generation": 1_000, "wanted": [failed],
            "versions": [{"version": 2, "variant": "int8", "state": "available"}, failed]}
    with pretended_server(home, {"deployments": [told]}):
        refused = call(amas, home, "deploy", "mail", "--version", "1", "--variant", "fp32")
    assert refused.returncode == 75, refused.stdout + refused.stderr  # EX_TEMPFAIL, as RESOURCE_EXHAUSTED is mapped
    assert "no memory for the graph" in refused.stderr and "version 2 (int8) goes on answering" in refused.stderr


def test_a_failed_model_is_told_by_health_deploy_and_doctor(amas, home, serving):
    flip_a_byte(package_of(amas, home, deployed(amas, home)["version"]) / "pipeline.json")
    with serving(home) as server:
        status, body = health(server)
        assert (status, body["status"]) == (503, "failed")
        assert body["models"][0]["state"] == "failed" and body["models"][0]["error"]["code"] == "DATA_LOSS"
        assert deployed(amas, home)["server"] == "failed"
        checks = json.loads(call(amas, home, "--json", "doctor").stdout.splitlines()[0])
        assert any(check["check"] == "server" and "failed" in check["detail"] for check in checks)


@pytest.mark.parametrize("path, body", [
    ("/v1/models/mail:predict", b'{"instances": ["a"]}'),
    ("/v1/models/mail/metadata", None),
    ("/v1/models/mail", None),
    ("/v2/models/mail/infer", b'{"inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": ["a"]}]}'),
    ("/v2/models/mail", None),
    ("/v2/repository/index", b""),
    ("/api/v1/deployments", None),
    ("/healthz", None),
])
def test_clients_do_not_hear_where_a_damaged_package_lies_nor_to_come_again_soon(amas, home, serving, path, body):
    package = package_of(amas, home, deployed(amas, home)["version"])
    flip_a_byte(package / "pipeline.json")
    with serving(home) as server:
        try:
            with urllib.request.urlopen(urllib.request.Request(server.url + path, body), timeout=10) as reply:
                status, headers, text = reply.status, reply.headers, reply.read().decode()
        except urllib.error.HTTPError as error:
            status, headers, text = error.code, error.headers, error.read().decode()
    assert status in (200, 500) or path == "/healthz" and status == 503
    assert "Retry-After" not in headers
    assert str(home) not in text and package.name not in text
    assert "damaged" in text
    assert str(package) in pathlib.Path(home, "logs", "serve.log").read_text()
    assert str(package) in call(amas, home, "doctor").stdout


def test_serve_says_what_it_serves_and_what_failed(amas, home, tmp_path):
    def first_lines(folder):
        server = subprocess.Popen([amas, "--home", folder, "serve", "--port", "0"], stdout=subprocess.PIPE, text=True)
        try:
            return [server.stdout.readline() for _ in range(2)]
        finally:
            server.terminate()
            server.wait(timeout=20)

    assert "amas run SPEC.yaml" in first_lines(tmp_path / "empty")[1]
    now = deployed(amas, home)
    assert f"mail             version {now['version']} ({now['variant']})  ready" in first_lines(home)[1]
    flip_a_byte(package_of(amas, home, now["version"]) / "pipeline.json")
    assert "failed: package is damaged: pipeline.json has changed" in first_lines(home)[1]


def test_a_package_that_is_mended_while_the_server_runs_is_served(amas, home, serving):
    file = package_of(amas, home, deployed(amas, home)["version"]) / "pipeline.json"
    whole = file.read_bytes()
    flip_a_byte(file)
    with serving(home) as server:
        assert health(server)[0] == 503
        file.write_bytes(whole)
        deadline = time.monotonic() + 30
        while health(server)[0] != 200:
            assert time.monotonic() < deadline
            time.sleep(0.05)
