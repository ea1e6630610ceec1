#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/text.h"
#include "crypto/digest.h"
#include "features/rows.h"
#include "model/card.h"
#include "model/index_ranges.h"
#include "model/onnx.h"
#include "model/package.h"
#include "model/profile.h"
#include "optimise/optimise.h"
#include "pipeline/kept_package.h"
#include "pipeline/steps.h"

namespace amas::pipeline {
namespace {

// Rows prepared for a graph, with their classes.
struct Prepared {
  std::vector<Tensor> inputs;
  std::vector<std::int32_t> truth;
  std::vector<features::TextObservation> observed;
};

Result<Prepared> prepare(const CandidateInputs& inputs, const features::Pipeline& pipeline,
                         const std::vector<std::size_t> data::Split::*part) {
  AMAS_TRY(const auto dataset, inputs.dataset.get());
  const table::Table rows = dataset->table.take(dataset->split.*part);
  AMAS_TRY(const table::Column* text, rows.column(inputs.data["text"].get<std::string>()));
  AMAS_TRY(const table::Column* target, rows.column(inputs.spec.target));
  Prepared prepared;
  AMAS_TRY(prepared.inputs,
           features::transform_rows(pipeline, features::text_tensor(*text), &prepared.observed));
  AMAS_TRY(prepared.truth, pipeline.encode_labels(*target));
  return prepared;
}

// The preparation that a training has fitted.
Result<features::Pipeline> pipeline_of(const Json& training, const store::Store& store) {
  AMAS_TRY(const std::string text, store.get_blob(training["pipeline"].get<std::string>()));
  return features::Pipeline::from_json(text);
}

Result<std::vector<float>> floats_of_blob(const store::Store& store, const std::string& digest) {
  AMAS_TRY(const std::string bytes, store.get_blob(digest));
  std::vector<float> values(bytes.size() / sizeof(float));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  return values;
}

double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return HUGE_VAL;
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    largest = std::max(largest, std::abs(double{a[i]} - double{b[i]}));
  return largest;
}

// Conversion is proved, not assumed. A right conversion stays within kConversionTolerance but for single rows
// on which the serving engine's own rounding adds up over hundreds of steps; a wrong one is off by far more
// than kConversionLimit (docs/decisions/0005-conversion-tolerance.md).
constexpr double kConversionTolerance = 1e-5;
constexpr double kConversionLimit = 1e-4;

// The fp32 graph on the engine that rounds it best: our own, where it takes the graph.
const optimise::VariantResult& most_exact(const std::vector<optimise::VariantResult>& variants) {
  const auto compiled = std::ranges::find(variants, "compiled-float32", &optimise::VariantResult::name);
  return compiled == variants.end() ? variants.front() : *compiled;
}

Json metrics_json(const train::Evaluation& evaluation) {
  Json metrics = Json::object();
  for (const auto& [name, interval] : evaluation.metrics)
    metrics[name] = {{"value", interval.value}, {"low", interval.low}, {"high", interval.high}};
  return metrics;
}

// The file of a variant's graph; variants on compiled engines share that of the graph they run.
std::string variant_file(const optimise::VariantResult& variant) {
  std::string name = variant.name;
  if (const auto at = name.find("compiled-"); at != std::string::npos) name.erase(at > 0 ? at - 1 : 0);
  return name.empty() || name == "fp32" ? "model.onnx" : "model." + name + ".onnx";
}

// Accuracy on the test rows stands beside each variant, so that what is served has an honest figure of its
// own.
Status add_variant(const optimise::VariantResult& variant, const Prepared& test, std::int32_t classes,
                   const RunContext& context, Json& result) {
  AMAS_TRY(const auto loaded, context.engine.load(variant.onnx, variant.load));
  AMAS_TRY(const std::vector<float> scores, optimise::score_rows(*loaded, test.inputs));
  AMAS_TRY(const train::Evaluation evaluation, train::evaluate(scores, test.truth, classes));
  Json metrics = variant.metrics;
  metrics["test_accuracy"] = evaluation.metrics.at("accuracy").value;
  metrics["test_macro_f1"] = evaluation.metrics.at("macro_f1").value;
  AMAS_TRY(const std::string digest, context.store.put_blob(variant.onnx));
  result["variants"].push_back({{"name", variant.name},
                                {"onnx", digest},
                                {"bytes", variant.onnx.size()},
                                {"file", variant_file(variant)},
                                {"engine", variant.load.engine},
                                {"precision", variant.load.precision},
                                {"metrics", metrics},
                                {"accuracy_drop", variant.accuracy_drop},
                                {"allowed", variant.allowed},
                                {"details", variant.details}});
  if (variant.name == "fp32") result["test_metrics"] = metrics_json(evaluation);
  return {};
}

Result<std::map<std::string, double>> plain_metrics(std::span<const float> scores, const Prepared& rows,
                                                    std::int32_t classes) {
  std::map<std::string, double> metrics;
  for (const std::string& name : train::metric_names()) {
    AMAS_TRY(metrics[name], train::metric_value(name, scores, rows.truth, classes));
  }
  return metrics;
}

// Tries variants of the graph that has not seen the validation rows, and judges them on these. The reference
// profile is of the same rows and scores, in the terms in which the served preparation will observe traffic.
Result<std::vector<optimise::VariantResult>> judge_variants(const CandidateInputs& inputs,
                                                            const features::Pipeline& served,
                                                            const RunContext& context, Json& result) {
  AMAS_TRY(const std::string onnx, context.store.get_blob(inputs.trained["onnx"].get<std::string>()));
  AMAS_TRY(features::Pipeline pipeline, pipeline_of(inputs.trained, context.store));
  pipeline.observe_as(served);
  AMAS_TRY(const Prepared validation, prepare(inputs, pipeline, &data::Split::validation));
  const auto classes = static_cast<std::int32_t>(pipeline.labels().size());
  const optimise::JudgeRows judge{&validation.inputs, [&](std::span<const float> scores) {
                                    return plain_metrics(scores, validation, classes);
                                  }};
  AMAS_TRY(auto variants, optimise::optimise(onnx, judge, context.engine, inputs.spec.optimise));
  const auto profile = model::make_profile(validation.observed, variants[0].scores, pipeline.labels().size());
  AMAS_TRY(result["profile"], context.store.put_blob(model::to_json(profile)));
  return variants;
}

// The same variants of the graph that is served, with its scores of the validation rows.
Result<std::vector<optimise::VariantResult>> remake_variants(std::vector<optimise::VariantResult> judged,
                                                             const CandidateInputs& inputs,
                                                             const features::Pipeline& served,
                                                             const RunContext& context) {
  AMAS_TRY(const std::string onnx, context.store.get_blob(inputs.served["onnx"].get<std::string>()));
  AMAS_TRY(const Prepared validation, prepare(inputs, served, &data::Split::validation));
  AMAS_TRY(optimise::Remade remade,
           optimise::remake(onnx, std::move(judged), validation.inputs, context.engine));
  for (const std::string& left_out : remade.left_out)
    context.progress.warned(
        fmt::format("{}: a variant of the refitted model is left out: {}", inputs.candidate.name, left_out));
  return std::move(remade.variants);
}

// The largest difference between the trainer's scores and those of the engine that serves.
Result<double> prove_conversion(const CandidateInputs& inputs,
                                const std::vector<optimise::VariantResult>& variants,
                                const RunContext& context) {
  AMAS_TRY(const auto trainer_scores, floats_of_blob(context.store, inputs.served["scores"]));
  const double difference = largest_difference(trainer_scores, most_exact(variants).scores);
  if (!(difference <= kConversionLimit))
    return internal_error(
        fmt::format("the serving engine's scores differ from the trainer's by more than allowed: {} > {}; "
                    "the model is not deployed",
                    difference, kConversionLimit));
  if (difference > kConversionTolerance)
    context.progress.warned(
        fmt::format("{}: scores of trainer and serving engine differ by {:.1e} on one row; "
                    "expected at most {:.0e}",
                    inputs.candidate.name, difference, kConversionTolerance));
  return difference;
}

Result<Json> optimise_candidate(const CandidateInputs& inputs, const RunContext& context,
                                std::string& summary) {
  Json result{{"variants", Json::array()}};
  AMAS_TRY(const features::Pipeline pipeline, pipeline_of(inputs.served, context.store));
  AMAS_TRY(auto variants, judge_variants(inputs, pipeline, context, result));
  if (inputs.spec.refit) {
    AMAS_TRY(variants, remake_variants(std::move(variants), inputs, pipeline, context));
  }
  // From here on variants are judged, and their graphs are those that will be served.
  AMAS_TRY(const double difference, prove_conversion(inputs, variants, context));
  result["conversion_difference"] = difference;
  // From here on the graph is known to answer as the trained model did.
  AMAS_TRY(const Prepared test, prepare(inputs, pipeline, &data::Split::test));
  const auto classes = static_cast<std::int32_t>(pipeline.labels().size());
  for (const auto& variant : variants) {
    AMAS_CHECK(add_variant(variant, test, classes, context, result));
    context.progress.noted(
        "optimise " + inputs.candidate.name,
        fmt::format("{:<23} {:>9}  valid accuracy {:.4f}  drop {:+.4f}{}", variant.name,
                    format_bytes(static_cast<double>(variant.onnx.size())), variant.metrics.at("accuracy"),
                    variant.accuracy_drop, variant.allowed ? "" : "  (not allowed)"),
        {{"variant", variant.name}, {"metrics", variant.metrics}, {"allowed", variant.allowed}});
  }
  summary = fmt::format("{} variants; trainer and serving engine differ by {:.1e} at most", variants.size(),
                        difference);
  return result;
}

model::DatasetFacts dataset_facts(const CandidateInputs& inputs) {
  const Json& data = inputs.data;
  model::DatasetFacts facts;
  facts.name = inputs.spec.name;
  facts.training_rows = data["training"];
  facts.validation_rows = data["validation"];
  facts.test_rows = data["test"];
  facts.label_rows = data["classes"].get<std::map<std::string, std::uint64_t>>();
  facts.duplicates_dropped = data["clean"]["duplicates"];
  facts.contradictions_dropped = data["clean"]["contradictions"];
  facts.empty_dropped = data["clean"]["empty"];
  facts.missing_target_dropped = data["clean"]["missing_target"];
  facts.rare_classes_dropped = data["clean"]["rare_classes"];
  return facts;
}

// What the graph takes and gives; ids of words with the range that the graph's table has.
Result<model::Signature> tensors_signature(const std::string& onnx, const engine::LoadedModel& graph) {
  AMAS_TRY(const auto model, model::parse_onnx(onnx));
  model::Signature signature{graph.inputs(), graph.outputs()};
  const auto ranges = model::index_ranges(model.graph());
  for (engine::TensorSpec& input : signature.inputs)
    if (const auto range = ranges.find(input.name); range != ranges.end()) input.range = range->second;
  return signature;
}

Result<model::Manifest> make_manifest(const CandidateInputs& inputs, const Json& optimised,
                                      const Json& libraries, const features::Pipeline& pipeline,
                                      const model::Signature& tensors) {
  model::Manifest manifest;
  manifest.name = inputs.spec.name;
  manifest.candidate = inputs.candidate.name;
  manifest.settings = {{"candidate", inputs.candidate.settings}, {"train", inputs.spec.train}};
  manifest.settings["train"].erase("tensorboard");
  manifest.settings["train"]["refit"] = inputs.spec.refit;
  manifest.labels = pipeline.labels();
  manifest.task = manifest.labels.size() == 2 ? "binary_classification" : "multiclass_classification";
  const auto classes = static_cast<std::int64_t>(manifest.labels.size());
  model::Signature raw;
  for (const features::Port& port : pipeline.inputs())
    raw.inputs.push_back({port.name, port.dtype, port.shape});
  raw.outputs = {{"label", DType::kString, {-1}}, {"scores", DType::kFloat32, {-1, classes}}};
  manifest.signatures = {{"serving_default", raw}, {"tensors", tensors}};
  for (const Json& variant : optimised["variants"])
    manifest.variants.push_back({variant["name"], variant["file"], variant["bytes"], variant["engine"],
                                 variant["precision"], variant["metrics"], variant["accuracy_drop"],
                                 variant["allowed"], variant["details"]});
  for (const auto& [name, metric] : optimised["test_metrics"].items())
    if (metric["value"].is_number())
      manifest.metrics[name] = {metric["value"], metric["low"], metric["high"]};
  manifest.conversion_difference = optimised["conversion_difference"];
  manifest.lineage.source = std::filesystem::path(inputs.spec.source.path).filename().string();
  manifest.lineage.source_digest = inputs.data["source_digest"];
  manifest.lineage.dataset_digest = inputs.data["dataset"];
  manifest.lineage.spec_digest = inputs.trained["key"];
  if (inputs.spec.refit)
    manifest.lineage.refit = {inputs.served["rows"]["training"], inputs.served["key"],
                              inputs.trained["chosen"]};
  manifest.lineage.seed = inputs.spec.train["seed"];
  manifest.lineage.amas_version = AMAS_VERSION;
  for (const auto& [name, version] : libraries.items())
    if (version.is_string()) manifest.lineage.libraries[name] = version;
  return manifest;
}

Result<Json> build_package(const CandidateInputs& inputs, const Json& optimised, const Json& libraries,
                           const RunContext& context, std::string& summary) {
  model::PackageFiles files;
  for (const Json& variant : optimised["variants"]) {
    AMAS_TRY(files[variant["file"]], context.store.get_blob(variant["onnx"].get<std::string>()));
  }
  AMAS_TRY(files["pipeline.json"], context.store.get_blob(inputs.served["pipeline"].get<std::string>()));
  AMAS_TRY(files["profile.json"], context.store.get_blob(optimised["profile"].get<std::string>()));
  AMAS_TRY(const features::Pipeline pipeline, features::Pipeline::from_json(files["pipeline.json"]));
  AMAS_TRY(const auto graph, context.engine.load(files["model.onnx"], {}));
  AMAS_TRY(const model::Signature tensors, tensors_signature(files["model.onnx"], *graph));
  AMAS_TRY(model::Manifest manifest, make_manifest(inputs, optimised, libraries, pipeline, tensors));
  const model::DatasetFacts facts = dataset_facts(inputs);
  model::add_cards(manifest, &facts, files);
  const model::PackageFiles sealed = model::seal(manifest, std::move(files));
  const std::string digest = crypto::sha256_hex(sealed.at("model.json"));
  AMAS_CHECK(context.store.put_package(digest, sealed));
  summary = digest.substr(0, 16);
  return Json{{"package", digest}};
}

}  // namespace

Result<Json> optimise_step(const CandidateInputs& inputs, const RunContext& context) {
  Json key{{"onnx", inputs.trained["onnx"]},         {"pipeline", inputs.trained["pipeline"]},
           {"scores", inputs.trained["scores"]},     {"dataset", inputs.data["dataset"]},
           {"engine", context.engine.version()},     {"drop", inputs.spec.optimise.accuracy_drop_max},
           {"methods", inputs.spec.optimise.methods}};
  if (inputs.spec.refit)
    key["refit"] = {inputs.served["onnx"], inputs.served["pipeline"], inputs.served["scores"]};
  const auto is_kept = [&](const Json& result) {
    const auto variant_is_kept = are_kept(context.store, {"onnx"});
    return are_kept(context.store, {"profile"})(result) &&
           std::ranges::all_of(result["variants"], variant_is_kept);
  };
  return cached_step(context, "optimise " + inputs.candidate.name, key, is_kept,
                     [&](std::string& summary) { return optimise_candidate(inputs, context, summary); });
}

Result<Json> package_step(const CandidateInputs& inputs, const Json& optimised, const Json& libraries,
                          const RunContext& context) {
  const Json key{{"optimised", optimised},     {"trained", inputs.trained}, {"served", inputs.served},
                 {"refit", inputs.spec.refit}, {"data", inputs.data},       {"name", inputs.spec.name},
                 {"libraries", libraries}};
  const auto is_kept = [&](const Json& result) {
    return open_whole_package(context.store, result["package"].get<std::string>()).has_value();
  };
  return cached_step(context, "package " + inputs.candidate.name, key, is_kept, [&](std::string& summary) {
    return build_package(inputs, optimised, libraries, context, summary);
  });
}

}  // namespace amas::pipeline
