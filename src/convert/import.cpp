#include "convert/import.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "crypto/digest.h"
#include "model/card.h"
#include "serve/measure.h"

namespace amas::convert {
namespace {

// Whether an output has a column for each of so many labels.
bool has_columns(const model::Signature& signature, std::size_t labels) {
  return std::ranges::any_of(signature.outputs, [&](const engine::TensorSpec& output) {
    const bool floats =
        output.dtype == DType::kFloat32 || output.dtype == DType::kFloat64 || output.dtype == DType::kFloat16;
    return floats && output.shape.size() >= 2 &&
           (output.shape.back() < 0 || output.shape.back() == static_cast<std::int64_t>(labels));
  });
}

// The user's labels, which must fit; or the file's, where they do.
Result<std::vector<std::string>> choose_labels(const ImportOptions& options, const Graph& graph,
                                               const model::Signature& signature) {
  const auto& labels = options.labels.empty() ? graph.labels : options.labels;
  if (labels.empty() || has_columns(signature, labels.size())) return labels;
  if (options.labels.empty()) return std::vector<std::string>();
  std::string outputs;
  for (const auto& output : signature.outputs)
    outputs += fmt::format("{}{} {} {}", outputs.empty() ? "" : ", ", printable(output.name),
                           dtype_name(output.dtype), format_shape(output.shape));
  return invalid_argument(
      fmt::format("labels do not fit the model: {} labels, and it gives {}; give one label for each column "
                  "of its scores",
                  labels.size(), outputs));
}

std::string task_for(std::size_t labels) {
  return labels == 0 ? "inference" : labels == 2 ? "binary_classification" : "multiclass_classification";
}

// A right conversion differs by the rounding of exponentials only.
constexpr double kConversionLimit = 1e-5;

// How far the graph is from what its reader says that the model answers.
Result<double> conversion_difference(const Graph& graph, engine::EngineSet& engines) {
  if (graph.own.inputs.empty()) return 0.0;
  AMAS_TRY(const auto loaded, engines.load(graph.onnx, {}));
  const std::vector<TensorView> views(graph.own.inputs.begin(), graph.own.inputs.end());
  AMAS_TRY(auto outputs, loaded->run(views));
  const auto at = std::ranges::find(loaded->outputs(), graph.own.output, &engine::TensorSpec::name);
  if (at == loaded->outputs().end()) return internal_error("the converted graph lacks " + graph.own.output);
  std::vector<Tensor> expected, found;
  expected.push_back(copy(graph.own.expected));
  found.push_back(std::move(outputs[static_cast<std::size_t>(at - loaded->outputs().begin())]));
  const double difference = compare(expected, found).largest;
  if (difference <= kConversionLimit) return difference;
  return internal_error(fmt::format(
      "the converted graph answers otherwise than the model that it was made of, by {:.1e}; it is "
      "not registered",
      difference));
}

Result<model::Manifest> make_manifest(const ImportOptions& options, const Graph& graph, const Proof& proof,
                                      const engine::EngineSet& engines) {
  model::Manifest manifest;
  manifest.name = options.name;
  manifest.candidate = graph.origin;
  manifest.settings = {{"imported", graph.origin}};
  if (!graph.facts.empty()) manifest.settings["facts"] = graph.facts;
  if (!proof.why_no_rows.empty()) manifest.settings["runs_alone"] = proof.why_no_rows;
  AMAS_TRY(manifest.labels, choose_labels(options, graph, proof.signature));
  manifest.task = graph.task.empty() ? task_for(manifest.labels.size()) : graph.task;
  manifest.signatures = {{"serving_default", proof.signature}};
  manifest.variants = proof.variants;
  manifest.has_rows = proof.has_rows;
  const auto path = options.path.has_filename() ? options.path : options.path.parent_path();
  manifest.lineage.source = path.filename().string();
  manifest.lineage.source_digest = graph.digest;
  manifest.lineage.amas_version = AMAS_VERSION;
  for (const auto& engine : engines.engines())
    manifest.lineage.libraries[std::string(engine->name())] = engine->version();
  return manifest;
}

// Measures each variant as it is served, one question at a time.
Result<std::vector<store::Measurement>> measure(const model::Package& package, const Questions& questions,
                                                store::Store& store, engine::EngineSet& engines) {
  AMAS_TRY(const auto kept, store.measurements(package.digest()));
  if (questions.empty() || kept.size() >= package.manifest().variants.size()) return kept;
  for (const model::Variant& variant : package.manifest().variants) {
    AMAS_TRY(const serve::Cost cost,
             serve::measure_variant(package, variant.name, engines,
                                    [&](const serve::ServableVersion& version, std::size_t call) -> Status {
                                      const auto& inputs = questions[call % questions.size()];
                                      const std::vector<TensorView> views(inputs.begin(), inputs.end());
                                      AMAS_CHECK(version.graph().run(views));
                                      return {};
                                    }));
    AMAS_CHECK(store.put_measurement({package.digest(), variant.name, cost.latency_p50_us,
                                      cost.latency_p99_us, cost.memory_bytes, system_clock().now_us()}));
  }
  return store.measurements(package.digest());
}

bool is_registered(const std::vector<store::ModelVersion>& versions, const std::string& digest) {
  return std::ranges::find(versions, digest, &store::ModelVersion::digest) != versions.end();
}

}  // namespace

Result<Imported> import_model(const ImportOptions& options, store::Store& store, engine::EngineSet& engines) {
  AMAS_TRY(Graph graph, read_model(options.path));
  AMAS_TRY(Proof proof, prove(graph.onnx, options.read_rows, engines));
  AMAS_TRY(const double difference, conversion_difference(graph, engines));
  // From here on the graph is known to answer as the model that it was made of, and each variant as its
  // `allowed` says.
  Imported imported{.origin = graph.origin, .notes = std::move(graph.notes)};
  AMAS_TRY(imported.manifest, make_manifest(options, graph, proof, engines));
  imported.manifest.conversion_difference = difference;
  if (!proof.why_no_rows.empty()) imported.notes.push_back(proof.why_no_rows);
  model::PackageFiles files(proof.files.begin(), proof.files.end());
  model::add_cards(imported.manifest, nullptr, files);
  const model::PackageFiles sealed = model::seal(imported.manifest, std::move(files));
  const std::string digest = crypto::sha256_hex(sealed.at(std::string(model::kManifestFile)));
  AMAS_TRY(const auto before, store.models(options.name));
  imported.was_there = is_registered(before, digest);
  AMAS_CHECK(store.put_package(digest, sealed));
  AMAS_TRY(const auto folder, store.package_folder(digest));
  AMAS_TRY(const model::Package package, model::Package::open(folder, digest));
  AMAS_TRY(imported.measured, measure(package, proof.questions, store, engines));
  AMAS_TRY(imported.version, store.put_model(options.name, digest, ""));
  return imported;
}

}  // namespace amas::convert
