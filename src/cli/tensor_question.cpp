#include "cli/tensor_question.h"

#include <fmt/format.h>

#include "api/tfs/predict.h"
#include "api/tfs/signature.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/output.h"

namespace amas::cli {
namespace {

std::vector<NamedTensor> named(const std::vector<engine::TensorSpec>& specs, std::vector<Tensor> tensors) {
  std::vector<NamedTensor> all;
  for (std::size_t i = 0; i < tensors.size(); ++i) all.push_back({specs[i].name, std::move(tensors[i])});
  return all;
}

// What the graph gives for its own inputs.
Result<std::vector<NamedTensor>> run_graph(const serve::ServableVersion& model,
                                           std::span<const TensorView> inputs) {
  engine::LoadedModel& graph = model.graph();
  AMAS_CHECK(model.has_rows() ? engine::check_inputs(graph.inputs(), inputs)
                              : engine::check_types(graph.inputs(), inputs));
  AMAS_TRY(auto outputs, graph.run(inputs));
  return named(graph.outputs(), std::move(outputs));
}

// Labels and scores of raw rows.
Result<std::vector<NamedTensor>> run_prepared(const serve::ServableVersion& model,
                                              std::span<const TensorView> columns) {
  AMAS_TRY(Tensor scores, model.score(columns));
  auto labels = model.best_labels(scores);
  const auto rows = static_cast<std::int64_t>(labels.size());
  std::vector<NamedTensor> outputs;
  outputs.push_back({"label", Tensor::of_strings({rows}, std::move(labels))});
  outputs.push_back({"scores", std::move(scores)});
  return outputs;
}

}  // namespace

std::string predict_body(std::string_view given) {
  const auto parsed = parse_json(given);
  if (parsed && parsed->is_object() && (parsed->contains("instances") || parsed->contains("inputs")))
    return std::string(given);
  return fmt::format("{{\"inputs\": {}}}", given);
}

Result<std::string> answer_here(const serve::ServableVersion& model, std::string_view body) {
  AMAS_TRY(const auto question, tfs::decode_predict(body, [&](std::string_view name) {
             return tfs::find_signature(model.manifest(), name);
           }));
  std::vector<TensorView> inputs;
  for (const NamedTensor& input : question.inputs) inputs.emplace_back(input.tensor);
  const bool prepared = model.pipeline() != nullptr && question.signature != "tensors";
  AMAS_TRY(const auto outputs, prepared ? run_prepared(model, inputs) : run_graph(model, inputs));
  return tfs::encode_predict(outputs, question.rows);
}

std::string signature_text(const model::Signature& signature) {
  std::vector<std::vector<std::string>> rows{{"", "NAME", "DTYPE", "SHAPE"}};
  const auto add = [&](const char* side, const std::vector<engine::TensorSpec>& specs) {
    for (const auto& spec : specs)
      rows.push_back({side, spec.name, std::string(dtype_name(spec.dtype)), format_shape(spec.shape)});
  };
  add("input", signature.inputs);
  add("output", signature.outputs);
  return format_table(rows);
}

std::string question_form(const model::Signature& signature) {
  std::string names;
  for (const auto& input : signature.inputs)
    names += fmt::format("{}\"{}\": …", names.empty() ? "" : ", ", printable(input.name));
  return fmt::format("'{{{}}}'", names);
}

}  // namespace amas::cli
