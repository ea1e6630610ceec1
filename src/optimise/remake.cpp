#include <fmt/format.h>

#include <algorithm>

#include "model/onnx.h"
#include "optimise/difference.h"
#include "optimise/optimise.h"

namespace amas::optimise {
namespace {

/// The shares that give a graph the units and rows that the details name.
Result<PruneOptions> options_of(std::string_view onnx, const Json& details) {
  PruneOptions options{.keep_units = 1, .keep_vocabulary = 1};
  AMAS_TRY(options.keep_vocabulary, json_field<double>(details, "keep_vocabulary"));
  if (!details.contains("units")) return options;
  AMAS_TRY(const auto units, json_field<double>(details, "units"));
  AMAS_TRY(const auto model, model::parse_onnx(onnx));
  AMAS_TRY(const auto net, model::import_text_lstm(model));
  options.keep_units = std::min(1.0, units / static_cast<double>(net.units));
  return options;
}

/// The graph of a variant with these details.
Result<std::string> graph_of(std::string_view onnx, const Json& details) {
  AMAS_TRY(const auto method, json_field_or<std::string>(details, "method", ""));
  std::string graph(onnx);
  if (method.starts_with("prune")) {
    AMAS_TRY(const PruneOptions options, options_of(onnx, details));
    AMAS_TRY(graph, prune(graph, options));
  }
  if (method.ends_with("int8")) {
    AMAS_TRY(graph, quantise_int8(graph));
  }
  if (!method.empty() && graph.size() >= onnx.size())
    return unimplemented(
        fmt::format("it is no smaller than the graph: {} >= {} bytes", graph.size(), onnx.size()));
  return graph;
}

Status remake_one(std::string_view onnx, const std::vector<Tensor>& inputs, engine::EngineSet& engines,
                  VariantResult& variant) {
  AMAS_TRY(variant.onnx, graph_of(onnx, variant.details));
  AMAS_TRY(const auto loaded, engines.load(variant.onnx, variant.load));
  AMAS_TRY(variant.scores, score_rows(*loaded, inputs));
  return {};
}

}  // namespace

Result<Remade> remake(std::string_view onnx, std::vector<VariantResult> judged,
                      const std::vector<Tensor>& inputs, engine::EngineSet& engines) {
  Remade remade;
  for (VariantResult& variant : judged) {
    const Status made = remake_one(onnx, inputs, engines, variant);
    if (!made && (variant.name == "fp32" || made.error().code != Code::kUnimplemented)) return made.error();
    if (!made) {
      remade.left_out.push_back(fmt::format("{}: {}", variant.name, made.error().message));
      continue;
    }
    // A compiled engine's variant stands behind the reference engine's of the same graph.
    const auto reference = std::ranges::find(remade.variants, variant.onnx, &VariantResult::onnx);
    if (reference != remade.variants.end())
      note_difference(variant.scores, reference->scores, variant.details);
    remade.variants.push_back(std::move(variant));
  }
  return remade;
}

}  // namespace amas::optimise
