"""TensorFlow Serving over gRPC, asked with the unmodified stubs of tensorflow-serving-api."""

import http.client
import json

import grpc
import numpy as np
import pytest

import tensorflow_stubs

TF = tensorflow_stubs.load()
predict_pb2 = TF["predict"]
DT_FLOAT, DT_INT32, DT_STRING = 1, 3, 7
TEXTS = ["win a prize now click free money cash", "thanks for the kernel patch review tomorrow"]


@pytest.fixture(scope="module")
def server(serving, trained_home):
    with serving(trained_home) as running:
        yield running


@pytest.fixture(scope="module")
def channel(server):
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as one:
        yield one


@pytest.fixture(scope="module")
def stub(channel):
    return TF["prediction_service"].PredictionServiceStub(channel)


def text_request(texts, **model_spec):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = model_spec.pop("name", "mail")
    if "version" in model_spec:
        request.model_spec.version.value = model_spec.pop("version")
    if "label" in model_spec:
        request.model_spec.version_label = model_spec.pop("label")
    request.model_spec.signature_name = model_spec.pop("signature", "")
    tensor = request.inputs["text"]
    tensor.dtype = DT_STRING
    tensor.tensor_shape.dim.add(size=len(texts))
    tensor.string_val.extend(text.encode() for text in texts)
    return request


def examples_of(texts, message):
    for text in texts:
        example = message.input.example_list.examples.add()
        example.features.feature["text"].bytes_list.value.append(text.encode())
    return message


def rest(server, path, document=None):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request("POST" if document else "GET", path, json.dumps(document) if document else None)
    return json.loads(connection.getresponse().read())


def refused(call):
    with pytest.raises(grpc.RpcError) as error:
        call()
    return error.value.code(), error.value.details()


def test_predicts_as_rest_does_to_the_bit(server, stub):
    response = stub.Predict(text_request(TEXTS), timeout=20)
    rows = rest(server, "/v1/models/mail:predict", {"instances": TEXTS})["predictions"]
    assert list(response.outputs["label"].string_val) == [b"spam", b"ham"] == [row["label"].encode() for row in rows]
    scores = response.outputs["scores"]
    assert scores.dtype == DT_FLOAT and [dim.size for dim in scores.tensor_shape.dim] == [2, 2]
    assert np.array(scores.float_val, dtype=np.float32).tolist() == np.array(
        [row["scores"] for row in rows], dtype=np.float32).ravel().tolist()
    assert response.model_spec.name == "mail" and response.model_spec.version.value >= 1
    assert response.model_spec.signature_name == "serving_default"


def test_gives_the_outputs_of_the_filter(stub):
    request = text_request(TEXTS)
    request.output_filter.append("scores")
    assert list(stub.Predict(request, timeout=20).outputs) == ["scores"]
    request.output_filter.append("nope")
    assert refused(lambda: stub.Predict(request, timeout=20))[0] == grpc.StatusCode.INVALID_ARGUMENT


def tensors_request(stub, fill):
    """A request of two rows to the signature "tensors"; fill(tensor, count, number) gives each input its values."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = "mail", "tensors"
    for name, info in metadata_of(stub)["tensors"].inputs.items():
        sizes = [2, *[max(dim.size, 3) for dim in info.tensor_shape.dim[1:]]]
        tensor = request.inputs[name]
        tensor.dtype = info.dtype
        for size in sizes:
            tensor.tensor_shape.dim.add(size=size)
        fill(tensor, int(np.prod(sizes)), np.int32(1) if info.dtype == DT_INT32 else np.float32(0.5))
    return request


def values_field(tensor):
    return tensor.int_val if tensor.dtype == DT_INT32 else tensor.float_val


def metadata_of(stub, version=None):
    request = TF["get_model_metadata"].GetModelMetadataRequest(metadata_field=["signature_def"])
    request.model_spec.name = "mail"
    if version:
        request.model_spec.version.value = version
    signatures = TF["get_model_metadata"].SignatureDefMap()
    assert stub.GetModelMetadata(request, timeout=20).metadata["signature_def"].Unpack(signatures)
    return signatures.signature_def


def test_metadata(stub):
    signature = metadata_of(stub)["serving_default"]
    assert list(signature.inputs) == ["text"] and signature.inputs["text"].dtype == DT_STRING
    assert set(signature.outputs) == {"label", "scores"}
    assert signature.method_name == "tensorflow/serving/predict"
    empty = TF["get_model_metadata"].GetModelMetadataRequest()
    assert refused(lambda: stub.GetModelMetadata(empty, timeout=20))[0] == grpc.StatusCode.INVALID_ARGUMENT


def test_takes_contents_and_values_alike(stub):
    def scores(fill):
        return stub.Predict(tensors_request(stub, fill), timeout=20).outputs["scores"].float_val
    values = scores(lambda tensor, count, number: values_field(tensor).extend([number] * count))
    assert len(values) == 4
    assert scores(lambda tensor, count, number: values_field(tensor).append(number)) == values  # it stands for all
    def give_contents(tensor, count, number):
        tensor.tensor_content = np.full(count, number).tobytes()
    assert scores(give_contents) == values
    def cut_contents(tensor, count, number):
        tensor.tensor_content = np.full(count, number).tobytes()[:-1]
    assert "wrong number of bytes" in refused(lambda: scores(cut_contents))[1]


def test_classifies_and_infers_several(server, stub):
    request = examples_of(TEXTS, TF["classification"].ClassificationRequest())
    request.model_spec.name = "mail"
    classes = [list(row.classes) for row in stub.Classify(request, timeout=20).result.classifications]
    results = rest(server, "/v1/models/mail:classify", {"examples": [{"text": text} for text in TEXTS]})["results"]
    assert [[(one.label, np.float32(one.score)) for one in row] for row in classes] == [
        [(label, np.float32(score)) for label, score in row] for row in results]
    several = examples_of(TEXTS, TF["inference"].MultiInferenceRequest())
    for _ in range(2):
        task = several.tasks.add(method_name="tensorflow/serving/classify")
        task.model_spec.name = "mail"
    answers = stub.MultiInference(several, timeout=20).results
    assert [list(row.classes) for row in answers[1].classification_result.classifications] == classes
    assert len(answers) == 2
    regression = examples_of(TEXTS, TF["regression"].RegressionRequest())
    regression.model_spec.name = "mail"
    assert refused(lambda: stub.Regress(regression, timeout=20))[0] == grpc.StatusCode.UNIMPLEMENTED


def test_takes_features_of_the_context(stub):
    request = TF["classification"].ClassificationRequest()
    request.model_spec.name = "mail"
    with_context = request.input.example_list_with_context
    with_context.context.features.feature["text"].bytes_list.value.append(TEXTS[0].encode())
    with_context.examples.add()
    other = with_context.examples.add()
    other.features.feature["text"].bytes_list.value.append(TEXTS[1].encode())
    rows = stub.Classify(request, timeout=20).result.classifications
    assert [max(row.classes, key=lambda one: one.score).label for row in rows] == ["spam", "ham"]


def test_status(channel, server):
    models = TF["model_service"].ModelServiceStub(channel)
    request = TF["get_model_status"].GetModelStatusRequest()
    request.model_spec.name = "mail"
    one = models.GetModelStatus(request, timeout=20).model_version_status[0]
    assert one.state == 30 and one.status.error_code == 0
    assert str(one.version) == rest(server, "/v1/models/mail")["model_version_status"][0]["version"]
    request.model_spec.version.value = 99
    assert refused(lambda: models.GetModelStatus(request, timeout=20))[0] == grpc.StatusCode.NOT_FOUND


def with_tensor(**changes):
    request = text_request(TEXTS)
    tensor = request.inputs["text"]
    for key, value in changes.items():
        if key == "shape":
            del tensor.tensor_shape.dim[:]
            for size in value:
                tensor.tensor_shape.dim.add(size=size)
        elif key == "string_val":
            del tensor.string_val[:]
            tensor.string_val.extend(value)
        else:
            setattr(tensor, key, value)
    return request


BAD = [
    (predict_pb2.PredictRequest(), "Missing ModelSpec"),
    (text_request(TEXTS, name="nope"), "no such model"),
    (text_request(TEXTS, version=99), "no such version"),
    (text_request(TEXTS, label="stable"), "Unrecognized servable version label"),
    (text_request(TEXTS, signature="nope"), "Serving signature name not found"),
    (with_tensor(dtype=8), "dtype that is not supported"),
    (with_tensor(dtype=DT_FLOAT), "wrong number of values"),
    (with_tensor(shape=[2**62, 2**62]), "too large"),
    (with_tensor(shape=[-1]), "negative dimension"),
    (with_tensor(shape=[1]), "wrong number of values"),
    (with_tensor(shape=[1] * 20), "more dimensions"),
    (with_tensor(shape=[2, 1]), "wrong shape"),
    (with_tensor(string_val=[]), "wrong number of values"),
    (with_tensor(tensor_content=b"abc"), "string_val"),
]


@pytest.mark.parametrize("request_, text", BAD, ids=[text for _, text in BAD])
def test_bad_requests(stub, request_, text):
    code, details = refused(lambda: stub.Predict(request_, timeout=20))
    assert code in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND) and text in details


def test_examples_that_lack_a_feature(stub):
    request = TF["classification"].ClassificationRequest()
    request.model_spec.name = "mail"
    assert "Input is empty" in refused(lambda: stub.Classify(request, timeout=20))[1]
    request.input.example_list.examples.add().features.feature["body"].bytes_list.value.append(b"x")
    assert "lacks a feature: text" in refused(lambda: stub.Classify(request, timeout=20))[1]
    request.input.example_list.examples[0].features.feature["text"].float_list.value.append(1)
    assert "does not fit" in refused(lambda: stub.Classify(request, timeout=20))[1]
