"""Models that were made elsewhere: imported, shown, deployed, asked with and without a server."""

import json
import shutil
import urllib.request

import pytest
from command import DATA, NO_INPUT, USAGE, call
from conftest import ROOT

GRAPHS = ROOT / "src/engines/onnxruntime/testdata"


def told(ended):
    """What a command with --json says."""
    assert ended.returncode == 0, ended.stderr + ended.stdout
    return json.loads(ended.stdout)


@pytest.fixture(scope="module")
def home(amas, tmp_path_factory):
    """A home with one imported model, deployed."""
    folder = tmp_path_factory.mktemp("imported")
    imported = told(call(amas, folder, "--json", "model", "import", GRAPHS / "affine.onnx"))
    assert (imported["model"], imported["version"], imported["best"]) == ("affine", 1, "fp32")
    assert call(amas, folder, "deploy", "affine").returncode == 0
    return folder


def test_an_import_says_what_it_found_and_is_done_once(amas, home):
    again = told(call(amas, home, "--json", "model", "import", GRAPHS / "affine.onnx"))
    assert (again["version"], again["was_there"], again["has_rows"]) == (1, True, True)
    assert again["inputs"] == [{"name": "x", "dtype": "float32", "shape": [-1, 3]}]
    plain = call(amas, home, "model", "import", GRAPHS / "affine.onnx")
    assert "as it was imported before" in plain.stdout and "amas deploy affine" in plain.stdout
    shown = call(amas, home, "model", "show", "affine")
    assert "float32  [-1,3]" in shown.stdout and "TEST METRIC" not in shown.stdout
    stages = [stage["stage"] for stage in told(call(amas, home, "--json", "model", "show", "affine", "--lineage"))]
    assert stages == ["source", "import", "package", "version", "deployment"]
    assert told(call(amas, home, "--json", "model", "list"))[0]["candidate"] == "onnx"


def test_a_question_in_tensors_is_answered_alike_with_and_without_a_server(amas, home, serving):
    questions = ('{"x": [[1, 0, 0], [0, 1, 1]]}', '{"instances": [[1, 0, 0], [0, 1, 1]]}', "[[1, 0, 0], [0, 1, 1]]")
    alone = [told(call(amas, home, "predict", "affine", "--json-input", question)) for question in questions]
    assert alone[0] == {"outputs": [[11, 22], [18, 30]]}
    assert alone[1] == {"predictions": [[11, 22], [18, 30]]}
    text = call(amas, home, "predict", "affine", "a text")
    assert text.returncode == USAGE and '--json-input \'{"x": …}\'' in text.stderr
    both = call(amas, home, "predict", "affine", "a text", "--json-input", questions[0])
    assert both.returncode == USAGE and "not both" in both.stderr
    wrong = call(amas, home, "predict", "affine", "--json-input", '{"x": [[1, 2]]}')
    assert wrong.returncode == USAGE and "x" in wrong.stderr
    piped = call(amas, home, "predict", "affine", "--json-input", "-", input=questions[0])
    assert json.loads(piped.stdout) == alone[0]
    with serving(home) as server:
        assert [told(call(amas, home, "predict", "affine", "--json-input", q)) for q in questions] == alone
        asked = urllib.request.Request(server.url + "/v2/models/affine/infer", method="POST", data=json.dumps(
            {"inputs": [{"name": "x", "shape": [1, 3], "datatype": "FP32", "data": [1, 0, 0]}]}).encode())
        with urllib.request.urlopen(asked) as reply:
            assert json.load(reply)["outputs"][0]["data"] == [11, 22]


def test_labels_may_be_given_and_must_fit(amas, home, tmp_path):
    fits = told(call(amas, home, "--json", "model", "import", GRAPHS / "affine.onnx", "--name", "two", "--labels", "ham,spam"))
    assert (fits["labels"], fits["task"]) == (["ham", "spam"], "binary_classification")
    labels = tmp_path / "labels.txt"
    labels.write_text("a\nb\nc\n")
    ended = call(amas, home, "model", "import", GRAPHS / "affine.onnx", "--labels-file", labels)
    assert ended.returncode == USAGE and "3 labels" in ended.stderr
    twice = call(amas, home, "model", "import", GRAPHS / "affine.onnx", "--labels", "a,a")
    assert twice.returncode == USAGE and "twice" in twice.stderr


def test_rows_to_judge_by_come_as_a_predict_request(amas, home, tmp_path):
    rows = tmp_path / "rows.json"
    rows.write_text(json.dumps({"instances": [[1, 2, 3], [4, 5, 6]]}))
    assert told(call(amas, home, "--json", "model", "import", GRAPHS / "affine.onnx", "--name", "judged", "--rows", rows))
    rows.write_text(json.dumps({"instances": [[1, 2]]}))
    ended = call(amas, home, "model", "import", GRAPHS / "affine.onnx", "--name", "judged", "--rows", rows)
    assert ended.returncode == USAGE and "x" in ended.stderr


def test_what_is_no_model_is_refused_and_leaves_nothing(amas, tmp_path):
    home = tmp_path / "home"
    (tmp_path / "cut.onnx").write_bytes((GRAPHS / "affine.onnx").read_bytes()[:70])
    for name, status, says in (("cut.onnx", USAGE, "ONNX"), ("none.onnx", NO_INPUT, "no such file")):
        ended = call(amas, home, "model", "import", tmp_path / name)
        assert ended.returncode == status and says in ended.stderr, ended.stderr
    unknown = call(amas, home, "model", "import", GRAPHS / "unknown_operator.onnx")
    assert unknown.returncode != 0 and "Frobnicate" in unknown.stderr
    listed = call(amas, home, "--json", "model", "list")
    assert listed.returncode == NO_INPUT or json.loads(listed.stdout) == []


def test_a_folder_with_one_graph_is_a_model(amas, home, tmp_path):
    folder = tmp_path / "my net"
    folder.mkdir()
    shutil.copy(GRAPHS / "strings.onnx", folder)
    imported = told(call(amas, home, "--json", "model", "import", folder))
    assert (imported["model"], imported["inputs"][0]["dtype"]) == ("my-net", "string")
    shutil.copy(GRAPHS / "total.onnx", folder)
    ended = call(amas, home, "model", "import", folder)
    assert ended.returncode == USAGE and "several" in ended.stderr
