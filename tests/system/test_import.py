"""Models that were made elsewhere: imported, shown, deployed, asked with and without a server."""

import json
import pickle
import shutil
import urllib.request

import pytest
from command import NO_INPUT, USAGE, call
from conftest import ROOT
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

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


FORESTS = ROOT / "src/engines/forest/testdata"


def rows_of(name):
    """The rows of a booster's test data, with what the library predicts."""
    lines = (FORESTS / f"{name}.rows").read_text().splitlines()[1:]
    return [[[float.fromhex(word) for word in part.split()] for part in line.split("|")] for line in lines]


@pytest.mark.parametrize("file, engine", (("xgboost_binary.json", "forest"), ("lightgbm_regression.txt", "forest"),
                                          ("xgboost_categories.json", "onnxruntime")))
def test_a_booster_answers_as_its_library_does(amas, home, file, engine):
    name = file.split(".")[0]
    imported = told(call(amas, home, "--json", "model", "import", FORESTS / file))
    engines = {variant["engine"] for variant in imported["variants"] if variant["allowed"]}
    assert engine in engines and imported["has_rows"]
    assert call(amas, home, "deploy", name, "--engine", engine).returncode == 0
    known = [row for row in rows_of(name) if not any(value != value for value in row[0])]
    question = json.dumps({"inputs": {"features": [row[0] for row in known]}})
    outputs = told(call(amas, home, "predict", name, "--json-input", question))["outputs"]
    if imported["task"] == "regression":
        found = [row[0] for row in outputs]
    else:
        assert outputs["label"] == [int(row[2][0] > 0.5) for row in known]
        found = [scores[1] for scores in outputs["scores"]]
    assert found == pytest.approx([row[2][0] for row in known], rel=2e-6, abs=2e-6)


def test_a_booster_says_what_it_is(amas, home):
    imported = told(call(amas, home, "--json", "model", "import", FORESTS / "lightgbm_regression.txt", "--name", "price"))
    assert (imported["origin"], imported["task"]) == ("lightgbm", "regression")
    shown = told(call(amas, home, "--json", "model", "show", "price"))
    assert shown["settings"]["facts"]["feature_names"] == [f"Column_{i}" for i in range(5)]
    assert shown["conversion_difference"] < 1e-5


def test_formats_that_are_not_read_are_refused_with_what_to_do(amas, tmp_path):
    pickled = tmp_path / "model.onnx"
    pickled.write_bytes(pickle.dumps({"weights": [1, 2, 3]}))
    ended = call(amas, tmp_path / "home", "model", "import", pickled)
    assert ended.returncode != 0 and "skl2onnx" in ended.stderr
    assert not (tmp_path / "home" / "packages").exists() or not list((tmp_path / "home" / "packages").iterdir())


def test_an_export_for_triton_is_a_repository_with_a_config_that_its_client_reads(amas, home, tmp_path):
    assert call(amas, home, "model", "export", "affine", tmp_path / "repository", "--to", "triton").returncode == 0
    config = text_format.Parse((tmp_path / "repository/affine/config.pbtxt").read_text(), model_config_pb2.ModelConfig())
    assert (config.name, config.backend, config.max_batch_size > 0) == ("affine", "onnxruntime", True)
    assert [(one.name, model_config_pb2.DataType.Name(one.data_type), list(one.dims)) for one in config.input] == [("x", "TYPE_FP32", [3])]
    assert [(one.name, list(one.dims)) for one in config.output] == [("y", [2])]
    again = told(call(amas, home, "--json", "model", "import", tmp_path / "repository/affine", "--name", "affine"))
    assert again["inputs"] == [{"name": "x", "dtype": "float32", "shape": [-1, 3]}]
    assert (tmp_path / "repository/affine/1/model.onnx").read_bytes() == (GRAPHS / "affine.onnx").read_bytes()
    plain = call(amas, home, "model", "export", "affine", tmp_path / "plain", "--to", "onnx")
    assert plain.returncode == 0 and "`x` | float32" in (tmp_path / "plain/README.md").read_text()
    served = call(amas, home, "model", "export", "affine", tmp_path / "tfs", "--to", "tfserving")
    assert served.returncode != 0 and "amas serve" in served.stderr and not (tmp_path / "tfs").exists()
