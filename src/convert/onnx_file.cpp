#include "convert/onnx_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "convert/external_data.h"
#include "convert/onnx_walk.h"
#include "crypto/digest.h"
#include "model/onnx.h"
#include "model/onnx_graph.h"

namespace amas::convert {
namespace {

constexpr std::string_view kTraditional = "ai.onnx.ml";
constexpr std::size_t kShownMax = 5;

// The default domain has two names.
bool is_default(std::string_view domain) { return domain.empty() || domain == "ai.onnx"; }

Status check_opset(const onnx::ModelProto& model) {
  for (const auto& opset : model.opset_import())
    if (is_default(opset.domain()) && opset.version() > limits::kOnnxOpsetMax)
      return unimplemented(
          fmt::format("the model is of a newer opset than amas takes: {} > {}; export it with "
                      "opset_version={}",
                      opset.version(), limits::kOnnxOpsetMax, limits::kOnnxOpsetMax));
  return {};
}

// Operators of other domains are code of their maker, which is not in the file.
Status check_domains(const onnx::ModelProto& model) {
  std::set<std::pair<std::string, std::string>> functions;
  for (const auto& function : model.functions()) functions.emplace(function.domain(), function.name());
  std::set<std::string> foreign;
  for_each_node(model, [&](const onnx::NodeProto& node) {
    const std::string& domain = node.domain();
    if (is_default(domain) || domain == kTraditional || domain == "com.microsoft") return;
    if (!functions.contains({domain, node.op_type()})) foreign.insert(domain + "." + node.op_type());
  });
  if (foreign.empty()) return {};
  std::string names;
  std::size_t shown = 0;
  for (const std::string& name : foreign)
    if (shown++ < kShownMax) names += (names.empty() ? "" : ", ") + printable(name);
  return unimplemented(
      fmt::format("the model needs operators that are code of their own: {}{}; export it with standard "
                  "operators only",
                  names, foreign.size() > kShownMax ? ", …" : ""));
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + printable(word);
  return text;
}

// The class labels that a node of a classifier (or a ZipMap) holds; whole numbers as text.
Result<std::vector<std::string>> labels_of(const onnx::NodeProto& node) {
  AMAS_TRY(auto names, model::strings_attribute(node, "classlabels_strings"));
  for (const std::string_view key : {"classlabels_int64s", "classlabels_ints"}) {
    AMAS_TRY(const auto numbers, model::ints_attribute(node, key));
    if (!names.empty()) break;
    for (const std::int64_t number : numbers) names.push_back(std::to_string(number));
  }
  return names;
}

// The labels of the model's classifier; none where there is none, or more than one that differ.
Result<std::vector<std::string>> class_labels(const onnx::ModelProto& model) {
  std::vector<std::string> labels;
  for (const onnx::NodeProto& node : model.graph().node()) {
    if (node.domain() != kTraditional) continue;
    AMAS_TRY(auto own, labels_of(node));
    if (own.empty() || own == labels) continue;
    if (!labels.empty()) return std::vector<std::string>();
    labels = std::move(own);
  }
  if (labels.size() < 2 || labels.size() > limits::kClassesMax) labels.clear();
  return labels;
}

// scikit-learn's converter ends classifiers in a list of maps from label to score, which no dialect carries:
// the tensor that the maps are made of takes their place, under their name.
Result<std::vector<std::string>> drop_zip_maps(onnx::ModelProto& model) {
  std::vector<std::string> dropped;
  auto& graph = *model.mutable_graph();
  for (onnx::NodeProto& node : *graph.mutable_node()) {
    if (node.op_type() != "ZipMap" || node.domain() != kTraditional) continue;
    if (node.input_size() != 1 || node.output_size() != 1)
      return invalid_argument("the model is malformed: a ZipMap must have one input and one output");
    const std::string name = node.output(0);
    const auto output = std::ranges::find(*graph.mutable_output(), name, &onnx::ValueInfoProto::name);
    if (output == graph.output().end())
      return unimplemented(
          fmt::format("the model uses a map within its graph: {}; export it with zipmap=False", name));
    AMAS_TRY(const auto labels, labels_of(node));
    node.set_op_type("Identity");
    node.clear_domain();
    node.clear_attribute();
    *output = model::make_value_info(name, onnx::TensorProto::FLOAT,
                                     {-1, static_cast<std::int64_t>(labels.size())});
    dropped.push_back(name);
  }
  return dropped;
}

// Whether a constant of floats holds more than a lone NaN, which graphs compare with on purpose.
bool holds_nan(const onnx::TensorProto& tensor) {
  if (tensor.data_type() != onnx::TensorProto::FLOAT) return false;
  const auto values = model::read_constant<float>(tensor);
  return values && values->size() > 1 && std::ranges::any_of(*values, [](float v) { return std::isnan(v); });
}

std::vector<std::string> names_with_nan(const onnx::ModelProto& model) {
  std::vector<std::string> names;
  for (const auto& tensor : model.graph().initializer())
    if (names.size() < kShownMax && holds_nan(tensor)) names.push_back(tensor.name());
  return names;
}

std::string digest_of(const std::string& bytes, const std::map<std::string, std::string>& others) {
  const std::string own = crypto::sha256_hex(bytes);
  return others.empty() ? own : crypto::sha256_hex(dump_json(Json{{"model", own}, {"weights", others}}));
}

}  // namespace

Result<Graph> read_onnx(const std::filesystem::path& file) {
  Graph graph{.origin = "onnx"};
  AMAS_TRY(graph.onnx, read_file(file, limits::kOnnxBytesMax));
  AMAS_TRY(onnx::ModelProto model, model::parse_onnx(graph.onnx));
  AMAS_CHECK(check_opset(model));
  AMAS_CHECK(check_domains(model));
  // From here on every operator is one that an engine may have.
  const auto folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
  AMAS_TRY(const auto others, take_external_data(model, folder, limits::kOnnxBytesMax - graph.onnx.size()));
  graph.digest = digest_of(graph.onnx, others);
  // From here on all weights are in the model.
  AMAS_TRY(graph.labels, class_labels(model));
  AMAS_TRY(const auto dropped, drop_zip_maps(model));
  if (!dropped.empty())
    graph.notes.push_back(
        fmt::format("gives a tensor where the file gave a map of labels (ZipMap): {}", joined(dropped)));
  if (const auto names = names_with_nan(model); !names.empty())
    graph.notes.push_back(
        fmt::format("has weights that are not numbers (NaN), as training that diverged "
                    "leaves behind: {}",
                    joined(names)));
  if (!others.empty() || !dropped.empty()) graph.onnx = model::serialise_onnx(model);
  if (graph.onnx.empty() || graph.onnx.size() > limits::kOnnxBytesMax)
    return resource_exhausted(fmt::format("the model is larger than amas takes: more than {}",
                                          format_bytes(static_cast<double>(limits::kOnnxBytesMax))));
  return graph;
}

}  // namespace amas::convert
