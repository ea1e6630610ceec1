#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/text.h"
#include "engine/engine.h"
#include "model/package.h"

namespace amas::serve {

/// A door that graphs wait at while it is shut, so that tests decide when a batch ends.
class Gate {
 public:
  /// Lets graphs through, or stops them.
  void set_open(bool open) {
    {
      const std::scoped_lock lock(mutex_);
      open_ = open;
    }
    changed_.notify_all();
  }
  /// Called by graphs.
  void pass() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
    --waiting_;
  }
  /// Waits until this many graphs stand before it.
  void wait_for(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return waiting_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = true;
  int waiting_ = 0;
};

/// The score of a row of tokens: different for different rows, and easy to work out in a test.
inline float token_score(std::span<const std::int32_t> tokens, int salt) {
  std::uint32_t hash = static_cast<std::uint32_t>(salt);
  for (const std::int32_t token : tokens) hash = hash * 31 + static_cast<std::uint32_t>(token);
  return static_cast<float>(hash % 10'007) / 10'007.0F;
}

/// The score of a sparse row: Σ index · value; zeros behind it change nothing.
inline float sparse_score(std::span<const std::int32_t> indices, std::span<const float> values, int salt) {
  float sum = static_cast<float>(salt);
  for (std::size_t i = 0; i < indices.size(); ++i) sum += static_cast<float>(indices[i]) * values[i];
  return sum;
}

inline constexpr std::int32_t kPoison = 666;    ///< a token that makes a whole batch fail
inline constexpr std::int32_t kTokenMax = 999;  ///< the largest that the fake packages' signature takes

/// Counts what graphs did.
struct FakeCounts {
  std::atomic<int> runs{0};
  std::atomic<int> rows_most{0};
  std::atomic<int> alive{0};
};

/// scores[row] = {s, 1 - s}, s from the row alone.
class FakeGraph : public engine::LoadedModel {
 public:
  FakeGraph(bool sparse, int salt, Gate& gate, FakeCounts& counts)
      : salt_(salt), gate_(gate), counts_(counts) {
    if (sparse) inputs_ = {{"indices", DType::kInt32, {-1, -1}}, {"values", DType::kFloat32, {-1, -1}}};
    else inputs_ = {{"tokens", DType::kInt32, {-1, 4}}};
    ++counts_.alive;
  }
  ~FakeGraph() override { --counts_.alive; }
  const std::vector<engine::TensorSpec>& inputs() const override { return inputs_; }
  const std::vector<engine::TensorSpec>& outputs() const override { return outputs_; }

  Result<std::vector<Tensor>> run(std::span<const TensorView> inputs) override {
    gate_.pass();
    AMAS_CHECK(engine::check_inputs(inputs_, inputs));
    const auto rows = static_cast<std::size_t>(inputs[0].rows());
    ++counts_.runs;
    if (static_cast<int>(rows) > counts_.rows_most) counts_.rows_most = static_cast<int>(rows);
    Tensor scores(DType::kFloat32, {inputs[0].rows(), 2});
    const std::size_t width = inputs[0].row_size();
    for (std::size_t row = 0; row < rows; ++row) {
      const auto first = inputs[0].data<std::int32_t>().subspan(row * width, width);
      for (const std::int32_t token : first)
        if (token == kPoison) return internal_error("the graph failed: poison");
      const float score =
          inputs.size() == 1
              ? token_score(first, salt_)
              : sparse_score(first, inputs[1].data<float>().subspan(row * width, width), salt_);
      scores.data<float>()[2 * row] = score;
      scores.data<float>()[2 * row + 1] = 1 - score;
    }
    std::vector<Tensor> outputs;
    outputs.push_back(std::move(scores));
    return outputs;
  }

 protected:
  const int salt_;
  Gate& gate_;
  FakeCounts& counts_;

 private:
  std::vector<engine::TensorSpec> inputs_;
  std::vector<engine::TensorSpec> outputs_{{"scores", DType::kFloat32, {-1, 2}}};
};

inline constexpr int kPoisonWord = 99;               ///< makes a FakeScorer fail
inline constexpr std::int32_t kPoisonFeature = 100;  ///< its index

/// A sparse graph that takes rows without tensors, too, and counts them as runs.
class FakeScorer final : public FakeGraph, public engine::SparseScorer {
 public:
  using FakeGraph::FakeGraph;
  const engine::SparseScorer* sparse_scorer() const override { return this; }
  std::size_t classes() const override { return 2; }
  Status score(const SparseRow& row, std::span<float> scores) const override {
    gate_.pass();
    ++counts_.runs;
    for (const std::int32_t index : row.indices)
      if (index == kPoisonFeature) return internal_error("the scorer failed: poison");
    scores[0] = sparse_score(row.indices, row.values, salt_);
    scores[1] = 1 - scores[0];
    return {};
  }
};

/// Loads graphs that are written "tokens:SALT", "sparse:SALT" or, for a FakeScorer, "sparse-rows:SALT".
class FakeEngine final : public engine::Engine {
 public:
  std::string_view name() const override { return "fake"; }
  std::string version() const override { return "1"; }
  /// Loads one.
  Result<std::unique_ptr<engine::LoadedModel>> load(std::string_view onnx,
                                                    const engine::LoadOptions&) override {
    const auto parts = split_at(onnx, ':');
    if (parts.size() != 2) return invalid_argument("not a fake graph");
    const int salt = std::stoi(std::string(parts[1]));
    if (parts[0] == "sparse-rows") return std::make_unique<FakeScorer>(true, salt, gate, counts);
    return std::make_unique<FakeGraph>(parts[0] == "sparse", salt, gate, counts);
  }
  Gate gate;
  FakeCounts counts;
};

/// A word of the fake packages' vocabulary.
inline std::string word(int i) { return fmt::format("w{}", i); }

/// The fitted preparation of the fake packages: words w0 … w99 as 4 tokens, or as TF-IDF.
inline features::Pipeline fake_pipeline(bool sparse) {
  table::Column text{"text", std::vector<std::string>(), {}};
  table::Column label{"label", std::vector<std::string>(), {}};
  for (int i = 0; i < 100; ++i) {
    text.strings().push_back(word(i) + " " + word(i * 7 % 100));
    label.strings().push_back(i % 2 == 0 ? "ham" : "spam");
  }
  const Json step = sparse ? Json{{"type", "tfidf"}, {"ngrams", 1}} : Json{{"type", "tokens"}, {"length", 4}};
  auto pipeline = features::Pipeline::fit({"text", "label", step}, *table::Table::of({text, label}));
  EXPECT_TRUE(pipeline) << pipeline.error().message;
  return std::move(*pipeline);
}

/// Writes a package whose one variant "fp32" is this graph.
inline std::filesystem::path write_package(const std::filesystem::path& folder, const std::string& graph) {
  model::Manifest manifest;
  manifest.name = "fake";
  manifest.task = "binary_classification";
  manifest.candidate = "lstm";
  manifest.labels = {"ham", "spam"};
  manifest.signatures["serving_default"] = {
      {{"text", DType::kString, {-1}}},
      {{"label", DType::kString, {-1}}, {"scores", DType::kFloat32, {-1, 2}}}};
  if (graph.starts_with("tokens"))
    manifest.signatures["tensors"] = {{{"tokens", DType::kInt32, {-1, 4}, engine::ValueRange{0, kTokenMax}}},
                                      {{"scores", DType::kFloat32, {-1, 2}}}};
  model::Variant variant;
  variant.name = "fp32";
  variant.file = "model.onnx";
  manifest.variants.push_back(variant);
  const auto pipeline = fake_pipeline(graph.starts_with("sparse"));
  const std::vector<std::string> texts{"w1 w2", "w3", "w4 w5 w6", "w7"};
  const Tensor rows = Tensor::of_strings({4}, texts);
  std::vector<features::TextObservation> observed;
  const std::vector<TensorView> columns{rows};
  EXPECT_TRUE(pipeline.transform(columns, &observed));
  const std::vector<float> scores{0.1F, 0.9F, 0.4F, 0.6F, 0.7F, 0.3F, 0.2F, 0.8F};
  const auto files =
      model::seal(manifest, {{"model.onnx", graph},
                             {"pipeline.json", pipeline.to_json()},
                             {"profile.json", to_json(model::make_profile(observed, scores, 2))}});
  for (const auto& [name, content] : files) EXPECT_TRUE(write_file_atomic(folder / name, content));
  return folder;
}

/// Writes a package without a preparation whose one variant "fp32" is this graph.
inline std::filesystem::path write_graph_package(const std::filesystem::path& folder,
                                                 const std::string& graph, bool has_rows) {
  model::Manifest manifest;
  manifest.name = "graph";
  manifest.task = "inference";
  manifest.candidate = "onnx";
  manifest.has_rows = has_rows;
  manifest.signatures["serving_default"] = {{{"tokens", DType::kInt32, {-1, 4}}},
                                            {{"scores", DType::kFloat32, {-1, 2}}}};
  model::Variant variant;
  variant.name = "fp32";
  variant.file = "model.onnx";
  manifest.variants.push_back(variant);
  for (const auto& [name, content] : model::seal(manifest, {{"model.onnx", graph}}))
    EXPECT_TRUE(write_file_atomic(folder / name, content));
  return folder;
}

}  // namespace amas::serve
