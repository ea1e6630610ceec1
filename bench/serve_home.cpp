// Makes a home with two deployments for bench/serve.py: "tiny", a linear model of four features, and "lstm",
// an Embedding 10,000 x 64 -> LSTM 64 -> Dense 1 over 128 tokens with random weights; and measures what the
// second costs in process. Prints one JSON line.
//
//   serve_home HOME [ROWS]

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <random>
#include <string>
#include <vector>

#include "base/install.h"
#include "base/json.h"
#include "crypto/digest.h"
#include "engines/onnxruntime/onnxruntime_engine.h"
#include "model/onnx.h"
#include "model/package.h"
#include "store/store.h"

namespace {

using namespace amas;

constexpr std::int64_t kVocabulary = 10'000;
constexpr std::int64_t kLength = 128;

std::vector<float> random_weights(std::int64_t count, std::mt19937& random) {
  std::uniform_real_distribution<float> values(-0.05F, 0.05F);
  std::vector<float> weights(static_cast<std::size_t>(count));
  for (float& weight : weights) weight = values(random);
  return weights;
}

std::string lstm_graph() {
  std::mt19937 random(7);
  model::TextLstm net;
  net.vocabulary = kVocabulary;
  net.embedding = net.units = 64;
  net.length = kLength;
  net.table = random_weights(kVocabulary * 64, random);
  net.kernel = random_weights(4 * 64 * 64, random);
  net.recurrent = random_weights(4 * 64 * 64, random);
  net.bias = random_weights(4 * 64, random);
  net.dense_kernel = random_weights(64, random);
  net.dense_bias = {0.1F};
  return model::export_text_lstm(net);
}

std::string tiny_graph(std::int64_t features) {
  model::SparseLinear linear;
  linear.features = features;
  linear.weights.assign(static_cast<std::size_t>(features), 0.5F);
  linear.weights[0] = 0;
  linear.bias = {2};
  return model::export_sparse_linear(linear);
}

features::Pipeline fit(const Json& step) {
  const table::Column text{"text", std::vector<std::string>{"win money", "see you", "win", "see"}, {}};
  const table::Column label{"label", std::vector<std::string>{"spam", "ham", "spam", "ham"}, {}};
  auto pipeline = features::Pipeline::fit({"text", "label", step}, *table::Table::of({text, label}));
  if (!pipeline) std::exit(1);
  return std::move(*pipeline);
}

Status deploy(store::Store& store, const std::string& name, const std::string& graph,
              const features::Pipeline& pipeline) {
  const Tensor rows = Tensor::of_strings({2}, {"win", "see"});
  std::vector<features::TextObservation> observed;
  const std::vector<TensorView> columns{rows};
  AMAS_TRY(const auto prepared, pipeline.transform(columns, &observed));
  const std::vector<float> scores{0.1F, 0.9F, 0.8F, 0.2F};
  model::Manifest manifest;
  manifest.name = name;
  manifest.task = "binary_classification";
  manifest.candidate = name;
  manifest.labels = {"ham", "spam"};
  manifest.signatures["serving_default"] = {
      {{"text", DType::kString, {-1}}},
      {{"label", DType::kString, {-1}}, {"scores", DType::kFloat32, {-1, 2}}}};
  for (const features::Port& port : pipeline.outputs())
    manifest.signatures["tensors"].inputs.push_back({port.name, port.dtype, port.shape});
  manifest.signatures["tensors"].outputs = {{"scores", DType::kFloat32, {-1, 2}}};
  model::Variant variant;
  variant.name = "fp32";
  variant.file = "model.onnx";
  manifest.variants.push_back(variant);
  const auto files =
      model::seal(manifest, {{"model.onnx", graph},
                             {"pipeline.json", pipeline.to_json()},
                             {"profile.json", to_json(model::make_profile(observed, scores, 2))}});
  const std::string digest = crypto::sha256_hex(files.at("model.json"));
  AMAS_CHECK(store.put_package(digest, files));
  AMAS_TRY(const auto version, store.put_model(name, digest, ""));
  store::Deployment deployment;
  deployment.name = deployment.model = name;
  deployment.targets.push_back({version.version, "fp32"});
  AMAS_TRY(const auto put, store.put_deployment(deployment));
  return {};
}

double cpu_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

/// CPU seconds per 1,000 rows of the LSTM in process, `batch` rows at once.
Result<double> in_process(engine::LoadedModel& graph, std::int64_t batch, std::int64_t rows) {
  Tensor tokens(DType::kInt32, {batch, kLength});
  for (std::size_t i = 0; i < tokens.size(); ++i)
    tokens.data<std::int32_t>()[i] = static_cast<std::int32_t>(i * 37 % kVocabulary);
  const std::vector<TensorView> inputs{tokens};
  AMAS_TRY(const auto warm, graph.run(inputs));
  const double begin = cpu_seconds();
  for (std::int64_t done = 0; done < rows; done += batch) {
    AMAS_TRY(const auto outputs, graph.run(inputs));
  }
  return (cpu_seconds() - begin) / static_cast<double>(rows) * 1'000;
}

Status make(const std::string& home, std::int64_t rows) {
  AMAS_TRY(const auto store, store::Store::open(home));
  const auto sparse = fit({{"type", "tfidf"}, {"ngrams", 1}});
  AMAS_CHECK(deploy(*store, "tiny", tiny_graph(sparse.index_count()), sparse));
  const std::string lstm = lstm_graph();
  AMAS_CHECK(deploy(*store, "lstm", lstm, fit({{"type", "tokens"}, {"length", kLength}})));
  AMAS_TRY(const auto library, find_installed(kOnnxRuntimeLibrary));
  AMAS_TRY(const auto engine, engines::open_onnxruntime(library));
  AMAS_TRY(const auto graph, engine->load(lstm, {}));
  AMAS_TRY(const double one, in_process(*graph, 1, rows));
  AMAS_TRY(const double eight, in_process(*graph, 8, rows));
  std::printf("{\"lstm_in_process_cpu_s_per_1000\":{\"batch_1\":%.4f,\"batch_8\":%.4f}}\n", one, eight);
  return {};
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) return std::fprintf(stderr, "usage: serve_home HOME [ROWS]\n"), 2;
  const auto status = make(arguments[1], count > 2 ? std::atoll(arguments[2]) : 2'000);
  if (!status) return std::fprintf(stderr, "%s\n", status.error().message.c_str()), 1;
  return 0;
}
