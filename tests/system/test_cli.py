"""The command line as a user meets it: what it prints, how it ends, and what it says to bad input."""

import json
import pathlib
import resource
import shutil
import signal
import subprocess
import time

import pytest
from command import DATA, NO_INPUT, USAGE, call


def models_of(amas, home):
    return json.loads(call(amas, home, "--json", "model", "list").stdout)


def spec_in(folder, content, spec="name: x\ndata: {source: data.csv}\ntrain: {epochs: 1}\n"):
    """A spec over one CSV file with this content."""
    (folder / "data.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    (folder / "x.yaml").write_text(spec)
    return folder / "x.yaml"


def test_version_names_the_engines(amas, tmp_path):
    versions = json.loads(call(amas, tmp_path, "--json", "--version").stdout)
    assert versions["onnxruntime"].startswith("1.")
    assert "missing" not in json.dumps(versions)


def test_doctor_finds_everything_in_order(amas, trained_home):
    checks = json.loads(call(amas, trained_home, "--json", "doctor").stdout)
    assert all(check["good"] for check in checks), checks


def test_one_job_makes_a_candidate_after_the_other(amas, small_spec, tmp_path):
    run = call(amas, tmp_path / "home", "--json", "train", "--jobs", "1", small_spec)
    assert run.returncode == 0, run.stderr
    events = [(line["event"], line["step"]) for line in map(json.loads, run.stdout.splitlines()) if "step" in line]
    trained = [event for event in events if event[1] in ("train lstm", "train linear") and event[0] in ("started", "finished")]
    assert trained == [("started", "train lstm"), ("finished", "train lstm"),
                       ("started", "train linear"), ("finished", "train linear")]


def test_predict_answers_without_a_server(amas, trained_home):
    answers = call(amas, trained_home, "--json", "predict", "mail", "win a prize now click free money cash",
                   "thanks for the kernel patch review tomorrow")
    labels = [json.loads(line)["label"] for line in answers.stdout.splitlines()]
    assert labels == ["spam", "ham"], answers.stdout + answers.stderr


def test_predict_gives_the_same_with_a_server(amas, trained_home, serving):
    text = "win a prize now click free money cash"
    without = json.loads(call(amas, trained_home, "--json", "predict", "mail", text).stdout)
    with serving(trained_home):
        asked = json.loads(call(amas, trained_home, "--json", "predict", "mail", text).stdout)
    assert asked["label"] == without["label"]
    assert asked["scores"] == pytest.approx(without["scores"], abs=1e-6)


def test_lineage_goes_from_the_raw_data_to_the_deployment(amas, trained_home):
    chain = json.loads(call(amas, trained_home, "--json", "model", "show", "mail", "--lineage").stdout)
    stages = [stage["stage"] for stage in chain]
    assert stages[:5] == ["source", "dataset", "training", "package", "version"]
    assert all(len(stage["digest"]) == 64 for stage in chain[:4])
    assert any(model["deployed"] for model in models_of(amas, trained_home))


def test_an_exported_package_holds_files_that_others_read(amas, trained_home, tmp_path):
    folder = tmp_path / "package"
    assert call(amas, trained_home, "model", "export", "mail", folder).returncode == 0
    manifest = json.loads((folder / "model.json").read_text())
    assert (folder / "model.onnx").read_bytes()
    assert manifest["name"] == "mail"
    assert "mail" in (folder / "card.md").read_text()
    assert json.loads((folder / "card.json").read_text())["bomFormat"] == "CycloneDX"


@pytest.mark.parametrize("content, spec, status, says", [
    ("text,label\na b c,x\n", "name: x\ndata: {source: data.csv}\nepochs: 3\n", USAGE, "known: name, data"),
    ("text,label\na b c,x\n", "name: x\ndata: {source: data.csv}\ntrain: {epoch: 3}\n", USAGE, 'did you mean "epochs"'),
    ("text,label\na b c,x\n", "name: x\ndata: {source: gone.csv}\n", NO_INPUT, "gone.csv"),
    ("text,label\na b c,x\n", "name: [x\n", USAGE, "line"),
    ("", None, DATA, "data.csv"),
    ("text,label\n", None, None, "data.csv"),
    ("text,label\na,b,c,d\ne,f\n", None, DATA, "data.csv"),
    ("text,kind\na b c,x\nd e f,y\n", None, USAGE, "label"),
    (b"text,label\n\xff\xfe\xfd,x\nb,y\n", None, DATA, "data.csv"),
    ("text,label\n" + "".join(f"word{i} more{i},only\n" for i in range(50)), None, DATA, "class"),
])
def test_bad_input_is_refused_with_what_to_do(amas, tmp_path, content, spec, status, says):
    path = spec_in(tmp_path, content, spec) if spec else spec_in(tmp_path, content)
    home = tmp_path / "home"
    run = call(amas, home, "run", path)
    assert run.returncode == (status or run.returncode) and run.returncode != 0, run.stderr
    assert says in run.stderr
    assert "Traceback" not in run.stderr and "terminate" not in run.stderr
    assert not home.exists() or models_of(amas, home) == []


def test_unknown_names_are_answered_with_the_known_ones(amas, trained_home):
    for arguments in (["predict", "male", "text"], ["model", "show", "male"], ["deploy", "male"]):
        asked = call(amas, trained_home, *arguments)
        assert asked.returncode == NO_INPUT
        assert "mail" in asked.stderr
    assert "fp32" in call(amas, trained_home, "deploy", "mail", "--variant", "int3").stderr


def test_a_full_disk_is_said_and_leaves_the_home_whole(amas, small_spec, tmp_path):
    limit = 20_000

    def no_large_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    home = tmp_path / "home"
    run = call(amas, home, "run", small_spec, preexec_fn=no_large_files)
    assert run.returncode not in (0, -signal.SIGXFSZ), run.stderr
    assert "space" in run.stderr or "full" in run.stderr or "large" in run.stderr, run.stderr
    again = call(amas, home, "run", small_spec)
    assert again.returncode == 0, again.stderr


def test_a_second_run_on_the_same_home_is_refused(amas, small_spec, tmp_path):
    home = tmp_path / "home"
    first = subprocess.Popen([amas, "--home", home, "run", small_spec], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 30
        while not (home / "run.lock").exists() and time.monotonic() < deadline:
            time.sleep(0.005)
        second = call(amas, home, "run", small_spec)
        if first.poll() is None or second.returncode != 0:
            assert "another run is under way" in second.stderr
    finally:
        first.kill()
        first.wait()


def test_a_second_server_on_the_same_home_is_refused(amas, trained_home, serving):
    with serving(trained_home):
        second = call(amas, trained_home, "serve", "--port", "0")
        assert second.returncode == DATA
        assert "already" in second.stderr


def test_a_server_that_was_killed_does_not_count_as_running(amas, trained_home, serving, tmp_path):
    home = tmp_path / "home"
    shutil.copytree(trained_home, home)
    with serving(home) as server:
        server.process.send_signal(signal.SIGKILL)  # Not waited for: its pid still answers.
        deadline = time.monotonic() + 10
        while call(amas, home, "predict", "mail", "win a prize").returncode != 0 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert (home / "serve.json").exists()
        asked = call(amas, home, "predict", "mail", "win a prize")
        assert asked.returncode == 0, asked.stderr
        assert "amas serve" in call(amas, home, "monitor", "--once").stderr


def test_a_damaged_package_is_not_served_silently(amas, trained_home, tmp_path):
    home = tmp_path / "home"
    shutil.copytree(trained_home, home)
    for file in pathlib.Path(home, "packages").rglob("model*.onnx"):
        file.chmod(0o644)
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
    asked = call(amas, home, "predict", "mail", "text")
    assert asked.returncode != 0
    assert "SHA-256" in asked.stderr or "digest" in asked.stderr or "damaged" in asked.stderr, asked.stderr
