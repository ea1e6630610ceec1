"""The unmodified stubs of tensorflow-serving-api without TensorFlow.

The wheel's generated modules import a few of TensorFlow's own. Here stand the messages of those that the calls use,
under the names by which the wheel knows them; protoc makes the modules.
"""

import importlib
import pathlib
import subprocess
import sys
import tempfile

TYPES = """
enum DataType { DT_INVALID = 0; DT_FLOAT = 1; DT_DOUBLE = 2; DT_INT32 = 3; DT_UINT8 = 4; DT_INT16 = 5; DT_INT8 = 6;
  DT_STRING = 7; DT_INT64 = 9; DT_BOOL = 10; DT_UINT16 = 17; DT_HALF = 19; DT_UINT32 = 22; DT_UINT64 = 23; }
"""
SHAPE = """
message TensorShapeProto { message Dim { int64 size = 1; string name = 2; } repeated Dim dim = 2; bool unknown_rank = 3; }
"""
TENSOR = """
import "tensorflow/core/framework/tensor_shape.proto";
import "tensorflow/core/framework/types.proto";
message TensorProto { DataType dtype = 1; TensorShapeProto tensor_shape = 2; int32 version_number = 3;
  bytes tensor_content = 4; repeated float float_val = 5; repeated double double_val = 6; repeated int32 int_val = 7;
  repeated bytes string_val = 8; repeated int64 int64_val = 10; repeated bool bool_val = 11; repeated int32 half_val = 13;
  repeated uint32 uint32_val = 16; repeated uint64 uint64_val = 17; }
"""
FEATURE = """
message BytesList { repeated bytes value = 1; }
message FloatList { repeated float value = 1; }
message Int64List { repeated int64 value = 1; }
message Feature { oneof kind { BytesList bytes_list = 1; FloatList float_list = 2; Int64List int64_list = 3; } }
message Features { map<string, Feature> feature = 1; }
"""
EXAMPLE = """
import "tensorflow/core/example/feature.proto";
message Example { Features features = 1; }
"""
META_GRAPH = """
import "tensorflow/core/framework/tensor.proto";
import "tensorflow/core/framework/tensor_shape.proto";
import "tensorflow/core/framework/types.proto";
message TensorInfo { oneof encoding { string name = 1; } DataType dtype = 2; TensorShapeProto tensor_shape = 3; }
message SignatureDef { map<string, TensorInfo> inputs = 1; map<string, TensorInfo> outputs = 2; string method_name = 3;
  map<string, TensorProto> defaults = 4; }
"""
ERROR_CODES = """
enum Code { OK = 0; CANCELLED = 1; UNKNOWN = 2; INVALID_ARGUMENT = 3; DEADLINE_EXCEEDED = 4; NOT_FOUND = 5;
  ALREADY_EXISTS = 6; PERMISSION_DENIED = 7; RESOURCE_EXHAUSTED = 8; FAILED_PRECONDITION = 9; ABORTED = 10;
  OUT_OF_RANGE = 11; UNIMPLEMENTED = 12; INTERNAL = 13; UNAVAILABLE = 14; DATA_LOSS = 15; UNAUTHENTICATED = 16; }
"""
FILES = {
    "tensorflow/core/framework/types.proto": ("tensorflow", TYPES),
    "tensorflow/core/framework/tensor_shape.proto": ("tensorflow", SHAPE),
    "tensorflow/core/framework/tensor.proto": ("tensorflow", TENSOR),
    "tensorflow/core/example/feature.proto": ("tensorflow", FEATURE),
    "tensorflow/core/example/example.proto": ("tensorflow", EXAMPLE),
    "tensorflow/core/protobuf/meta_graph.proto": ("tensorflow", META_GRAPH),
    "xla/tsl/protobuf/error_codes.proto": ("tensorflow.error", ERROR_CODES),
    "tensorflow/core/protobuf/error_codes.proto":
        ("tensorflow.error.dummy", 'import public "xla/tsl/protobuf/error_codes.proto";\n'),
}


def load():
    """Modules by name: those of tensorflow_serving.apis (predict, …, prediction_service), and TensorFlow's example."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tensorflow-protos-"))
    for name, (package, body) in FILES.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f'syntax = "proto3";\npackage {package};\n{body}')
    subprocess.run(["protoc", f"-I{folder}", f"--python_out={folder}", *FILES], check=True, cwd=folder)
    sys.path.insert(0, str(folder))
    names = ["predict", "classification", "regression", "inference", "get_model_metadata", "get_model_status"]
    modules = {name: importlib.import_module(f"tensorflow_serving.apis.{name}_pb2") for name in names}
    for service in ["prediction_service", "model_service"]:
        modules[service] = importlib.import_module(f"tensorflow_serving.apis.{service}_pb2_grpc")
    modules["example"] = importlib.import_module("tensorflow.core.example.example_pb2")
    return modules
