"""gRPC as its clients meet it: tritonclient's gRPC and asyncio clients, and grpcio without any generated code."""

import asyncio
import queue
import struct

import grpc
import numpy as np
import pytest
import tritonclient.grpc
import tritonclient.grpc.aio
import tritonclient.http
from google.protobuf import descriptor_pb2
from tritonclient.grpc import model_config_pb2, service_pb2
from tritonclient.utils import InferenceServerException

TEXTS = ["win a prize now click free money cash", "thanks for the kernel patch review tomorrow"]


@pytest.fixture(scope="module")
def server(serving, trained_home):
    with serving(trained_home) as running:
        yield running


@pytest.fixture(scope="module")
def client(server):
    with tritonclient.grpc.InferenceServerClient(f"127.0.0.1:{server.grpc_port}") as one:
        yield one
        assert one.is_server_live()  # whatever the tests below sent


def text_input(texts, module=tritonclient.grpc):
    tensor = module.InferInput("text", [len(texts)], "BYTES")
    tensor.set_data_from_numpy(np.array([text.encode() for text in texts], dtype=object))
    return tensor


def raw_call(server, method, message=b"", metadata=()):
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        return channel.unary_unary(method)(message, timeout=20, metadata=metadata)


def test_describes_server_and_model(client):
    assert client.is_server_ready() and client.is_model_ready("mail")
    assert not client.is_model_ready("nope") and not client.is_model_ready("mail", "99")
    assert client.get_server_metadata().name == "amas"
    metadata = client.get_model_metadata("mail", as_json=True)
    assert client.is_model_ready("mail", metadata["versions"][0])
    assert metadata["inputs"] == [{"name": "text", "datatype": "BYTES", "shape": ["-1"]}]
    assert [output["name"] for output in metadata["outputs"]] == ["label", "scores"]
    config = client.get_model_config("mail").config
    assert config.name == "mail" and config.max_batch_size > 1 and config.output[1].dims == [2]
    assert [(one.name, one.state) for one in client.get_model_repository_index().models] == [("mail", "READY")]


def test_counts_what_it_does(server, client):
    def statistics():
        return client.get_inference_statistics("mail").model_stats[0]
    before = statistics()
    for _ in range(3):
        client.infer("mail", [text_input(TEXTS)])
    after = statistics()
    assert after.inference_count - before.inference_count == 6
    assert after.inference_stats.success.count - before.inference_stats.success.count == 3
    assert after.execution_count - before.execution_count == 3
    assert after.inference_stats.success.ns > before.inference_stats.success.ns
    assert after.last_inference > 1.6e12
    assert {batch.batch_size for batch in after.batch_stats} >= {2}
    with tritonclient.http.InferenceServerClient(f"127.0.0.1:{server.port}") as over_http:
        told = over_http.get_inference_statistics("mail")["model_stats"][0]
        assert told["inference_count"] == after.inference_count and told["inference_stats"]["fail"]["count"] == 0
        assert over_http.get_inference_statistics()["model_stats"]
        with pytest.raises(InferenceServerException, match="requested model 'nope' is not available"):
            over_http.get_inference_statistics("nope")


def test_answers_as_http_does_to_the_bit(server, client):
    with tritonclient.http.InferenceServerClient(f"127.0.0.1:{server.port}") as over_http:
        other = over_http.infer("mail", [text_input(TEXTS, tritonclient.http)])
    answer = client.infer("mail", [text_input(TEXTS)], request_id="7")
    assert answer.get_response().id == "7"
    assert answer.get_response().model_version == other.get_response()["model_version"]
    assert answer.as_numpy("scores").tobytes() == other.as_numpy("scores").tobytes()
    assert answer.as_numpy("label").tolist() == other.as_numpy("label").tolist() == [b"spam", b"ham"]
    assert answer.as_numpy("scores").dtype == np.float32


def test_gives_the_outputs_that_are_asked_for(client):
    scores = tritonclient.grpc.InferRequestedOutput("scores", class_count=1)
    answer = client.infer("mail", [text_input(TEXTS)], outputs=[scores])
    assert [output.name for output in answer.get_response().outputs] == ["scores"]
    assert [text.split(b":")[2] for text in answer.as_numpy("scores").ravel()] == [b"spam", b"ham"]


def test_takes_typed_contents(client, server):
    request = service_pb2.ModelInferRequest(model_name="mail")
    tensor = request.inputs.add(name="text", datatype="BYTES", shape=[2])
    tensor.contents.bytes_contents.extend(text.encode() for text in TEXTS)
    reply = service_pb2.ModelInferResponse.FromString(
        raw_call(server, "/inference.GRPCInferenceService/ModelInfer", request.SerializeToString()))
    scores = np.frombuffer(reply.raw_output_contents[1], dtype=np.float32)
    expected = client.infer("mail", [text_input(TEXTS)]).as_numpy("scores")
    assert scores.tobytes() == expected.tobytes()


def test_asyncio_client_and_metadata(server):
    async def ask():
        async with tritonclient.grpc.aio.InferenceServerClient(f"127.0.0.1:{server.grpc_port}") as one:
            answers = await asyncio.gather(*[one.infer("mail", [text_input(TEXTS)]) for _ in range(50)])
            return [answer.as_numpy("scores").tobytes() for answer in answers]
    assert len(set(asyncio.run(ask()))) == 1


def test_stream_goes_on_behind_an_error(client):
    answers = queue.Queue()
    client.start_stream(callback=lambda result, error: answers.put((result, error)))
    for i in range(60):
        client.async_stream_infer("nope" if i == 7 else "mail", [text_input([TEXTS[i % 2]])], request_id=str(i))
    for i in range(60):
        result, error = answers.get(timeout=20)
        if i == 7:
            assert "Request for unknown model: 'nope' is not found" in error.message()
        else:
            response = result.get_response()
            assert response.id == str(i) and response.parameters["triton_final_response"].bool_param
            assert result.as_numpy("label")[0] == [b"spam", b"ham"][i % 2]
    client.stop_stream()


def text_request(**changes):
    """A good request, but for the changes."""
    request = service_pb2.ModelInferRequest(model_name=changes.get("model", "mail"),
                                            model_version=changes.get("version", ""))
    request.inputs.add(name=changes.get("name", "text"), datatype=changes.get("datatype", "BYTES"),
                       shape=changes.get("shape", [1]))
    request.raw_input_contents.append(changes.get("raw", struct.pack("<I", 2) + b"hi"))
    return request


BAD = [
    (dict(model="nope"), grpc.StatusCode.NOT_FOUND, "Request for unknown model: 'nope' is not found"),
    (dict(version="9"), grpc.StatusCode.NOT_FOUND, "Request for unknown model: 'mail' version 9 is not found"),
    (dict(version="abc"), grpc.StatusCode.INVALID_ARGUMENT, "should be an integral value > 0"),
    (dict(name="other"), grpc.StatusCode.INVALID_ARGUMENT, "unexpected inference input 'other' for model 'mail'"),
    (dict(datatype="INT32"), grpc.StatusCode.INVALID_ARGUMENT, "data-type is 'INT32', but model 'mail' expects 'BYTES'"),
    (dict(datatype="INT33"), grpc.StatusCode.INVALID_ARGUMENT, "data-type is '<invalid>'"),
    (dict(shape=[1, 1]), grpc.StatusCode.INVALID_ARGUMENT, "Expected [-1], got [1,1]"),
    (dict(shape=[-1]), grpc.StatusCode.INVALID_ARGUMENT, "negative dimension"),
    (dict(shape=[2**62, 2**62]), grpc.StatusCode.INVALID_ARGUMENT, "unexpected shape"),
    (dict(shape=[2]), grpc.StatusCode.INVALID_ARGUMENT, "expected 2 string elements"),
    (dict(raw=b"\x63\0\0\0hi"), grpc.StatusCode.INVALID_ARGUMENT, "expecting string of length 99"),
    (dict(raw=b"\1"), grpc.StatusCode.INVALID_ARGUMENT, "incomplete string length"),
]


@pytest.mark.parametrize("changes, code, text", BAD, ids=[text[:30] for _, _, text in BAD])
def test_bad_requests(server, changes, code, text):
    with pytest.raises(grpc.RpcError) as refused:
        raw_call(server, "/inference.GRPCInferenceService/ModelInfer", text_request(**changes).SerializeToString())
    assert refused.value.code() == code and text in refused.value.details()


def test_bad_messages(server):
    both = text_request()
    both.inputs[0].contents.bytes_contents.append(b"hi")
    two = text_request()
    two.raw_input_contents.append(b"")
    none = text_request()
    none.inputs.add(name="more", datatype="BYTES", shape=[1])
    good = text_request().SerializeToString()
    messages = [both.SerializeToString(), two.SerializeToString(), none.SerializeToString(), b"\xff" * 50, good[:-1],
                b"\x3a\xff\xff\xff\xff\x0f", b"\x0b" * 2_000, good + b"\x3a"]
    for message in messages:
        with pytest.raises(grpc.RpcError) as refused:
            raw_call(server, "/inference.GRPCInferenceService/ModelInfer", message)
        assert refused.value.code() in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND), message


def test_takes_a_message_of_40_megabytes_and_none_beyond_64(server):
    options = [("grpc.max_send_message_length", -1)]
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}", options=options) as channel:
        infer = channel.unary_unary("/inference.GRPCInferenceService/ModelInfer")
        for megabytes, code in [(40, grpc.StatusCode.NOT_FOUND), (65, grpc.StatusCode.RESOURCE_EXHAUSTED)]:
            request = service_pb2.ModelInferRequest(model_name="nope", raw_input_contents=[b"x" * (megabytes << 20)])
            with pytest.raises(grpc.RpcError) as refused:
                infer(request.SerializeToString(), timeout=60)
            assert refused.value.code() == code


def test_unknown_methods(server):
    for method in ["/inference.GRPCInferenceService/Nope", "/no.Such/Method"]:
        with pytest.raises(grpc.RpcError) as refused:
            raw_call(server, method)
        assert refused.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_trace_comes_back(server):
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        infer = channel.unary_unary("/inference.GRPCInferenceService/ModelInfer")
        _, call = infer.with_call(text_request().SerializeToString(), metadata=[("traceparent", parent)])
    given = dict(call.initial_metadata())["traceparent"]
    assert given.startswith("00-0af7651916cd43dd8448eb211c80319c-") and given != parent


def reflected_files(server):
    """All files behind the services that the server's reflection lists; the protocol, written by hand."""
    def ask(field, value):
        message = bytes([field << 3 | 2, len(value)]) + value
        with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
            stream = channel.stream_stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
            return next(iter(stream(iter([message]), timeout=20)))
    assert b"inference.GRPCInferenceService" in ask(7, b"")
    reply = ask(4, b"inference.GRPCInferenceService")
    files, at = [], 0
    body = field_of(reply, 4)
    while at < len(body):
        content, at = next_field(body, at)
        files.append(descriptor_pb2.FileDescriptorProto.FromString(content))
    return files


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        shift += 7
        at += 1
        if data[at - 1] < 128:
            return value, at


def next_field(data, at):
    _, at = varint(data, at)
    size, at = varint(data, at)
    return data[at:at + size], at + size


def field_of(data, wanted):
    at = 0
    while at < len(data):
        tag, _ = varint(data, at)
        content, at = next_field(data, at)
        if tag >> 3 == wanted:
            return content
    raise AssertionError(f"no field {wanted}")


def test_our_messages_are_those_of_the_clients(server):
    """Every field that we know has the name, number and type that tritonclient knows it by."""
    files = reflected_files(server)
    assert {file.name for file in files} == {"open_inference.proto", "model_config.proto"}
    theirs = {}
    for module in (service_pb2, model_config_pb2):
        note_fields(descriptor_pb2.FileDescriptorProto.FromString(module.DESCRIPTOR.serialized_pb), theirs)
    ours = {}
    for file in files:
        note_fields(file, ours)
    assert len(ours) > 150
    assert {name: field for name, field in ours.items() if theirs.get(name) != field} == {}
    methods = {method.name for file in files for service in file.service for method in service.method}
    known = {method.name for service in service_pb2.DESCRIPTOR.services_by_name.values() for method in service.methods}
    assert methods <= known


def note_fields(file, fields):
    def note(message, prefix):
        for field in message.field:
            fields[f"{prefix}.{field.name}"] = (field.number, field.type, field.label, field.type_name)
        for nested in message.nested_type:
            note(nested, f"{prefix}.{nested.name}")
        for enum in message.enum_type:
            note_enum(enum, f"{prefix}.{enum.name}")
    def note_enum(enum, prefix):
        for value in enum.value:
            fields[f"{prefix}.{value.name}"] = value.number
    for message in file.message_type:
        note(message, f"{file.package}.{message.name}")
    for enum in file.enum_type:
        note_enum(enum, f"{file.package}.{enum.name}")
