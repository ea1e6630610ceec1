#include "convert/testing.h"

#include <array>

#include "engines/forest/forest_engine.h"
#include "engines/linear/linear_engine.h"
#include "engines/onnxruntime/onnxruntime_engine.h"
#include "engines/sequence/sequence_engine.h"
#include "model/onnx_graph.h"

namespace amas::convert {

using onnx::TensorProto;

onnx::ModelProto affine_model() {
  onnx::ModelProto file = model::empty_model("affine");
  auto& graph = *file.mutable_graph();
  *graph.add_input() = model::make_value_info("x", TensorProto::FLOAT, {-1, 3});
  *graph.add_output() = model::make_value_info("y", TensorProto::FLOAT, {-1, 2});
  model::add_constant<float>(graph, "w", {3, 2}, std::array<float, 6>{1, 2, 3, 4, 5, 6});
  model::add_constant<float>(graph, "b", {2}, std::array<float, 2>{10, 20});
  model::add_node(graph, "Gemm", {"x", "w", "b"}, "y");
  return file;
}

onnx::ModelProto zip_map_model() {
  onnx::ModelProto file = model::empty_model("classifier");
  auto& opset = *file.add_opset_import();
  opset.set_domain("ai.onnx.ml");
  opset.set_version(1);
  auto& graph = *file.mutable_graph();
  *graph.add_input() = model::make_value_info("x", TensorProto::FLOAT, {-1, 2});
  auto& node = model::add_node(graph, "LinearClassifier", {"x"}, "label");
  node.set_domain("ai.onnx.ml");
  node.add_output("scores");
  model::set_floats(node, "coefficients", std::array<float, 4>{1, -1, -1, 1});
  model::set_floats(node, "intercepts", std::array<float, 2>{0.5F, -0.5F});
  const std::vector<std::string> labels{"ham", "spam"};
  model::set_strings(node, "classlabels_strings", labels);
  model::set_string(node, "post_transform", "SOFTMAX");
  auto& zip = model::add_node(graph, "ZipMap", {"scores"}, "maps");
  zip.set_domain("ai.onnx.ml");
  model::set_strings(zip, "classlabels_strings", labels);
  *graph.add_output() = model::make_value_info("label", TensorProto::STRING, {-1});
  // sequence(map(string, tensor(float))): fields that our messages do not name.
  auto& maps = *graph.add_output();
  maps.set_name("maps");
  maps.mutable_type()->mutable_unknown_fields()->assign(
      "\x22\x0c\x0a\x0a\x2a\x08\x08\x08\x12\x04\x0a\x02\x08\x01", 14);
  return file;
}

std::unique_ptr<engine::EngineSet> test_engines() {
  std::vector<std::unique_ptr<engine::Engine>> engines;
  const std::filesystem::path library =
      std::filesystem::path(AMAS_THIRD_PARTY_DIR) / "onnxruntime/lib/libonnxruntime.so.1.32.0";
  engines.push_back(std::move(*engines::open_onnxruntime(library)));
  engines.push_back(engines::make_sequence_engine());
  engines.push_back(engines::make_linear_engine());
  engines.push_back(engines::open_forest_engine());
  return std::make_unique<engine::EngineSet>(std::move(engines));
}

}  // namespace amas::convert
