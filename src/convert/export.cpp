#include "convert/export.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/json.h"
#include "base/text.h"

namespace amas::convert {
namespace {

using engine::TensorSpec;
using Files = std::map<std::string, std::string>;

constexpr std::int64_t kTritonBatchMax = 64;
constexpr const char* kLabelsFile = "labels.txt";

// What the graph takes and gives; a package without a preparation says it under the other name.
const model::Signature& graph_signature(const model::Manifest& manifest) {
  const auto found = manifest.signatures.find("tensors");
  return found != manifest.signatures.end() ? found->second : manifest.signatures.at("serving_default");
}

std::string labels_text(const model::Manifest& manifest) {
  std::string text;
  for (const std::string& label : manifest.labels) text += printable(label) + "\n";
  return text;
}

// The output whose columns the labels are; null where there is none.
const TensorSpec* labelled_output(const model::Manifest& manifest) {
  const auto& outputs = graph_signature(manifest).outputs;
  const auto columns = static_cast<std::int64_t>(manifest.labels.size());
  const auto found = std::ranges::find_if(outputs, [&](const TensorSpec& output) {
    return output.shape.size() == 2 && output.shape[1] == columns;
  });
  return manifest.labels.empty() || found == outputs.end() ? nullptr : &*found;
}

std::string specs_table(const std::vector<TensorSpec>& specs) {
  std::string text = "| name | dtype | shape |\n| --- | --- | --- |\n";
  for (const TensorSpec& spec : specs)
    text += fmt::format("| `{}` | {} | {} |\n", printable(spec.name), dtype_name(spec.dtype),
                        format_shape(spec.shape));
  return text;
}

std::string readme(const model::Package& package, const model::Variant& variant) {
  const model::Manifest& manifest = package.manifest();
  const model::Signature& signature = graph_signature(manifest);
  std::string text = fmt::format(
      "# {}\n\n`model.onnx` is variant {} of the package {}.\n\n## Inputs\n\n{}\n## Outputs\n\n{}",
      manifest.name, variant.name, package.digest(), specs_table(signature.inputs),
      specs_table(signature.outputs));
  text +=
      manifest.has_rows ? "\nDimension 0 is the row.\n" : "\nEach request runs alone: there are no rows.\n";
  if (!manifest.labels.empty())
    text += "\nThe classes, in the order of the scores' columns, stand in `labels.txt`.\n";
  if (manifest.files.contains("pipeline.json"))
    text +=
        "\nThe graph takes what the preparation in the package's `pipeline.json` gives; raw rows are "
        "prepared "
        "by amas.\n";
  return text;
}

// A string of protobuf's text format.
std::string text_format(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') out += fmt::format("\\{}", c);
    else if (byte < 0x20 || byte == 0x7f) out += fmt::format("\\{:03o}", byte);
    else out += c;
  }
  return out + "\"";
}

std::string_view triton_type(DType dtype) {
  switch (dtype) {
    case DType::kBool:
      return "TYPE_BOOL";
    case DType::kUint8:
      return "TYPE_UINT8";
    case DType::kInt8:
      return "TYPE_INT8";
    case DType::kUint16:
      return "TYPE_UINT16";
    case DType::kInt16:
      return "TYPE_INT16";
    case DType::kUint32:
      return "TYPE_UINT32";
    case DType::kInt32:
      return "TYPE_INT32";
    case DType::kUint64:
      return "TYPE_UINT64";
    case DType::kInt64:
      return "TYPE_INT64";
    case DType::kFloat16:
      return "TYPE_FP16";
    case DType::kFloat32:
      return "TYPE_FP32";
    case DType::kFloat64:
      return "TYPE_FP64";
    default:
      return "TYPE_STRING";
  }
}

// One input or output. Triton leaves the batch out of the dims, and wants at least one.
std::string triton_tensor(const TensorSpec& spec, bool rows, bool labelled) {
  const std::vector<std::int64_t> dims(spec.shape.begin() + (rows ? 1 : 0), spec.shape.end());
  const bool none = dims.empty();
  return fmt::format("  {{\n    name: {}\n    data_type: {}\n    dims: [ {} ]{}{}\n  }}",
                     text_format(spec.name), triton_type(spec.dtype),
                     none ? "1" : fmt::format("{}", fmt::join(dims, ", ")),
                     none ? "\n    reshape { shape: [ ] }" : "",
                     labelled ? fmt::format("\n    label_filename: {}", text_format(kLabelsFile)) : "");
}

std::string triton_config(const model::Manifest& manifest) {
  const model::Signature& signature = graph_signature(manifest);
  const TensorSpec* labelled = labelled_output(manifest);
  std::vector<std::string> inputs, outputs;
  for (const TensorSpec& spec : signature.inputs)
    inputs.push_back(triton_tensor(spec, manifest.has_rows, false));
  for (const TensorSpec& spec : signature.outputs)
    outputs.push_back(triton_tensor(spec, manifest.has_rows, &spec == labelled));
  std::string text =
      fmt::format("name: {}\nbackend: \"onnxruntime\"\nmax_batch_size: {}\ninput [\n{}\n]\noutput [\n{}\n]\n",
                  text_format(manifest.name), manifest.has_rows ? kTritonBatchMax : 0,
                  fmt::join(inputs, ",\n"), fmt::join(outputs, ",\n"));
  if (manifest.has_rows) text += "dynamic_batching { }\n";
  return text;
}

Result<const model::Variant*> find_variant(const model::Manifest& manifest, const std::string& name) {
  if (const model::Variant* found = manifest.find_variant(name); found != nullptr) return found;
  std::vector<std::string> known;
  for (const model::Variant& one : manifest.variants) known.push_back(one.name);
  return not_found(fmt::format("the model has no such variant: {}; it has {}", name, fmt::join(known, ", ")));
}

}  // namespace

const std::vector<std::string>& export_targets() {
  static const std::vector<std::string> targets{"onnx", "triton", "openvino", "tfserving"};
  return targets;
}

Result<Files> export_files(const model::Package& package, const ExportOptions& options) {
  const model::Manifest& manifest = package.manifest();
  if (options.to == "tfserving")
    return unimplemented(
        "TensorFlow Serving loads SavedModels only, which amas does not write; clients of it are answered by "
        "`amas serve` as they are, or export with --to onnx");
  if (std::ranges::find(export_targets(), options.to) == export_targets().end())
    return invalid_argument(fmt::format("a model cannot be exported to {}; known: {}", options.to,
                                        fmt::join(export_targets(), ", ")));
  AMAS_TRY(const model::Variant* variant, find_variant(manifest, options.variant));
  AMAS_TRY(std::string graph, package.read(variant->file));
  Files files;
  const bool flat = options.to == "onnx";
  const std::string folder = flat ? "" : manifest.name + "/";
  files[flat ? "model.onnx" : fmt::format("{}{}/model.onnx", folder, options.version)] = std::move(graph);
  if (!manifest.labels.empty()) files[folder + kLabelsFile] = labels_text(manifest);
  if (flat) files["README.md"] = readme(package, *variant);
  if (options.to == "triton") files[folder + "config.pbtxt"] = triton_config(manifest);
  return files;
}

}  // namespace amas::convert
