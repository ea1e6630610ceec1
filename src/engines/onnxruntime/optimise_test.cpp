// The search for optimised forms, with the engine that judges them.

#include "optimise/optimise.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "engines/onnxruntime/onnxruntime_engine.h"
#include "engines/onnxruntime/reference_scores.h"
#include "model/onnx_graph.h"

namespace amas::engines {
namespace {

using model::TextLstm;
using optimise::JudgeRows;
using optimise::OptimiseOptions;
using optimise::VariantResult;

const fs::path kLibrary = fs::path(AMAS_THIRD_PARTY_DIR) / "onnxruntime/lib/libonnxruntime.so.1.32.0";

/// A net of 64 units of which every second has no weight, and 1,000 rows of which those from 200 up are one
/// and the same.
TextLstm sparse_net() {
  TextLstm net = reference::random_net({.vocabulary = 1000, .embedding = 32, .units = 64, .length = 20});
  for (std::size_t unit = 0; unit < 64; unit += 2) {
    for (std::size_t gate = 0; gate < 4; ++gate) {
      std::fill_n(net.kernel.begin() + static_cast<std::ptrdiff_t>((gate * 64 + unit) * 32), 32, 0.0F);
      std::fill_n(net.recurrent.begin() + static_cast<std::ptrdiff_t>((gate * 64 + unit) * 64), 64, 0.0F);
    }
    for (std::size_t row = 0; row < 256; ++row) net.recurrent[row * 64 + unit] = 0;
    net.dense_kernel[unit] = 0;
  }
  std::fill(net.table.begin() + 200 * 32, net.table.end(), 0.01F);
  return net;
}

class Optimise : public testing::Test {
 protected:
  void SetUp() override {
    auto opened = open_onnxruntime(kLibrary);
    ASSERT_TRUE(opened) << opened.error().message;
    engines_.push_back(std::move(*opened));
    engine_ = std::make_unique<engine::EngineSet>(std::move(engines_));
    net_ = sparse_net();
    onnx_ = model::export_text_lstm(net_);
    inputs_.push_back(reference::random_tokens(150, 20, 1000));
    for (std::size_t row = 0; row < 150; ++row)
      truth_.push_back(reference::scores(net_, inputs_[0].data<std::int32_t>().subspan(row * 20, 20))[1] >
                       0.5);
    rows_ = {&inputs_, [this](std::span<const float> scores) { return accuracy(scores); }};
  }

  /// Accuracy against what the whole net says, so that its own is 1.
  Result<std::map<std::string, double>> accuracy(std::span<const float> scores) const {
    std::size_t right = 0;
    for (std::size_t row = 0; row < truth_.size(); ++row)
      right += (scores[2 * row + 1] > 0.5F) == truth_[row];
    return std::map<std::string, double>{
        {"accuracy", static_cast<double>(right) / static_cast<double>(truth_.size())}};
  }

  std::vector<VariantResult> must(const OptimiseOptions& options) {
    auto variants = optimise::optimise(onnx_, rows_, *engine_, options);
    if (!variants) throw std::runtime_error(variants.error().message);
    return std::move(*variants);
  }

  std::vector<std::unique_ptr<engine::Engine>> engines_;
  std::unique_ptr<engine::EngineSet> engine_;
  TextLstm net_;
  std::string onnx_;
  std::vector<Tensor> inputs_;
  std::vector<bool> truth_;
  JudgeRows rows_;
};

TEST_F(Optimise, finds_the_units_and_rows_that_have_no_weight) {
  const auto variants = must({.accuracy_drop_max = 0.01});
  ASSERT_EQ(variants.size(), 4U);
  EXPECT_EQ(variants[0].name, "fp32");
  EXPECT_EQ(variants[0].onnx, onnx_);
  EXPECT_EQ(variants[0].metrics.at("accuracy"), 1);
  EXPECT_EQ(variants[0].scores.size(), 300U);
  EXPECT_EQ(variants[1].name, "int8");
  EXPECT_EQ(variants[2].name, "pruned");
  EXPECT_EQ(variants[2].details["units"], 32);
  EXPECT_LE(variants[2].details["keep_vocabulary"], 0.25);
  EXPECT_EQ(variants[3].name, "pruned-int8");
  for (const auto& variant : variants) EXPECT_TRUE(variant.allowed) << variant.name << variant.accuracy_drop;
  for (std::size_t i = 1; i < variants.size(); ++i) EXPECT_LT(variants[i].onnx.size(), onnx_.size());
  EXPECT_LT(variants[3].onnx.size(), variants[1].onnx.size());
  EXPECT_LT(variants[3].onnx.size(), variants[2].onnx.size());
}

TEST_F(Optimise, finds_the_same_forms_again) {
  const auto first = must({}), second = must({});
  ASSERT_EQ(first.size(), second.size());
  for (std::size_t i = 0; i < first.size(); ++i) {
    EXPECT_EQ(first[i].onnx, second[i].onnx);
    EXPECT_EQ(first[i].scores, second[i].scores);
    EXPECT_EQ(first[i].details, second[i].details);
  }
}

TEST_F(Optimise, shows_the_best_pruned_form_when_none_is_allowed) {
  const auto variants = must({.accuracy_drop_max = -1, .methods = {"prune"}});
  ASSERT_EQ(variants.size(), 2U);
  EXPECT_EQ(variants[1].name, "pruned");
  EXPECT_FALSE(variants[1].allowed);
  EXPECT_DOUBLE_EQ(variants[1].accuracy_drop, 1 - variants[1].metrics.at("accuracy"));
}

TEST_F(Optimise, tries_only_the_methods_that_were_asked_for) {
  EXPECT_EQ(must({.methods = {}}).size(), 1U);
  const auto variants = must({.methods = {"int8"}});
  ASSERT_EQ(variants.size(), 2U);
  EXPECT_EQ(variants[1].name, "int8");
  const auto unknown = optimise::optimise(onnx_, rows_, *engine_, {.methods = {"prume"}});
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, Code::kInvalidArgument);
  EXPECT_NE(unknown.error().message.find("did you mean prune?"), std::string::npos);
}

TEST_F(Optimise, leaves_out_what_a_graph_does_not_admit) {
  const auto affine = read_file(fs::path(AMAS_TEST_DATA_DIR) / "affine.onnx");
  ASSERT_TRUE(affine);
  const std::vector<Tensor> inputs{Tensor(DType::kFloat32, {3, 3})};
  const JudgeRows rows{&inputs, [](std::span<const float>) -> Result<std::map<std::string, double>> {
                         return std::map<std::string, double>{{"accuracy", 1}};
                       }};
  const auto variants = optimise::optimise(*affine, rows, *engine_, {});
  ASSERT_TRUE(variants) << variants.error().message;
  EXPECT_EQ(variants->size(), 1U);
}

TEST_F(Optimise, passes_on_errors_of_the_graph_and_of_the_metrics) {
  EXPECT_EQ(optimise::optimise("no graph", rows_, *engine_, {}).error().code, Code::kInvalidArgument);
  rows_.evaluate = [](std::span<const float>) -> Result<std::map<std::string, double>> {
    return std::map<std::string, double>{{"log_loss", 1}};
  };
  EXPECT_EQ(optimise::optimise(onnx_, rows_, *engine_, {}).error().code, Code::kInvalidArgument);
  rows_.evaluate = [](std::span<const float>) -> Result<std::map<std::string, double>> {
    return data_loss("gone");
  };
  EXPECT_EQ(optimise::optimise(onnx_, rows_, *engine_, {}).error().code, Code::kDataLoss);
}

TEST_F(Optimise, makes_judged_variants_again_of_the_same_graph_as_they_were) {
  const auto judged = must({.accuracy_drop_max = 0.01});
  const auto remade = optimise::remake(onnx_, judged, inputs_, *engine_);
  ASSERT_TRUE(remade) << remade.error().message;
  EXPECT_TRUE(remade->left_out.empty());
  ASSERT_EQ(remade->variants.size(), judged.size());
  for (std::size_t i = 0; i < judged.size(); ++i) {
    EXPECT_EQ(remade->variants[i].name, judged[i].name);
    EXPECT_EQ(remade->variants[i].onnx, judged[i].onnx) << judged[i].name;
    EXPECT_EQ(remade->variants[i].scores, judged[i].scores) << judged[i].name;
    EXPECT_EQ(remade->variants[i].details, judged[i].details);
  }
}

TEST_F(Optimise, makes_judged_variants_again_of_another_graph_and_keeps_what_was_judged) {
  const auto judged = must({.accuracy_drop_max = 0.01});
  TextLstm other = sparse_net();
  for (float& weight : other.dense_kernel) weight = -weight;  // which is wrong in every row
  const auto remade = optimise::remake(model::export_text_lstm(other), judged, inputs_, *engine_);
  ASSERT_TRUE(remade) << remade.error().message;
  ASSERT_EQ(remade->variants.size(), judged.size());
  for (std::size_t i = 0; i < judged.size(); ++i) {
    const VariantResult& variant = remade->variants[i];
    EXPECT_NE(variant.onnx, judged[i].onnx);
    EXPECT_NE(variant.scores, judged[i].scores);
    EXPECT_EQ(variant.metrics, judged[i].metrics);
    EXPECT_EQ(variant.accuracy_drop, judged[i].accuracy_drop);
    EXPECT_EQ(variant.allowed, judged[i].allowed);
  }
  const auto units = [](const std::string& onnx) {
    const auto model = model::parse_onnx(onnx);
    return model::find_constant(model->graph(), "lstm_recurrent")->dims(2);
  };
  EXPECT_EQ(units(remade->variants[2].onnx), 32);
}

TEST_F(Optimise, leaves_out_what_another_graph_does_not_admit_and_says_why) {
  const auto judged = must({.accuracy_drop_max = 0.01});
  const TextLstm small = reference::random_net({.vocabulary = 8, .embedding = 4, .units = 8, .length = 20});
  const std::vector<Tensor> inputs{reference::random_tokens(5, 20, 8)};
  const auto remade = optimise::remake(model::export_text_lstm(small), judged, inputs, *engine_);
  ASSERT_TRUE(remade) << remade.error().message;
  ASSERT_EQ(remade->variants.size(), 1U);
  EXPECT_EQ(remade->variants[0].scores.size(), 10U);
  ASSERT_EQ(remade->left_out.size(), 3U);
  EXPECT_TRUE(remade->left_out[0].starts_with("int8: nothing in the graph can be quantised"));
  EXPECT_TRUE(remade->left_out[1].starts_with("pruned: ")) << remade->left_out[1];
  EXPECT_EQ(optimise::remake("no graph", judged, inputs, *engine_).error().code, Code::kInvalidArgument);
}

TEST_F(Optimise, scores_rows_beyond_one_batch_in_order) {
  const auto model = engine_->load(onnx_, {});
  ASSERT_TRUE(model);
  const auto scores = optimise::score_rows(**model, inputs_);
  ASSERT_TRUE(scores);
  ASSERT_EQ(scores->size(), 300U);
  for (const std::size_t row : {0U, 63U, 64U, 149U})
    EXPECT_NEAR((*scores)[2 * row + 1],
                reference::scores(net_, inputs_[0].data<std::int32_t>().subspan(row * 20, 20))[1], 1e-5);
  inputs_.push_back(Tensor(DType::kInt32, {1, 20}));
  EXPECT_EQ(optimise::score_rows(**model, inputs_).error().code, Code::kInvalidArgument);
}

TEST_F(Optimise, pads_sparse_rows_batch_by_batch) {
  model::SparseLinear linear{.features = 40, .dense = 1};
  std::mt19937 random(4);
  linear.weights = reference::normal(40, 1, random);
  linear.weights[0] = 0;
  linear.bias = {0.25F};
  std::vector<std::int32_t> indices;
  std::vector<std::int64_t> starts{0};
  for (std::size_t row = 0; row < 70; ++row) {  // of 0 to 6 features
    for (std::size_t i = 0; i < row % 7; ++i) indices.push_back(static_cast<std::int32_t>(1 + random() % 39));
    starts.push_back(static_cast<std::int64_t>(indices.size()));
  }
  const auto values = reference::normal(static_cast<std::int64_t>(indices.size()), 1, random);
  const auto count = static_cast<std::int64_t>(indices.size());
  std::vector<Tensor> rows{Tensor::of<std::int32_t>({count}, indices), Tensor::of<float>({count}, values),
                           Tensor::of<std::int64_t>({71}, starts)};
  const auto model = engine_->load(model::export_sparse_linear(linear), {});
  ASSERT_TRUE(model);
  const auto scores = optimise::score_rows(**model, rows);
  ASSERT_TRUE(scores) << scores.error().message;
  ASSERT_EQ(scores->size(), 140U);
  for (std::size_t row = 0; row < 70; ++row) {
    const auto begin = static_cast<std::size_t>(starts[row]),
               length = static_cast<std::size_t>(starts[row + 1]) - begin;
    const auto expected = reference::scores(linear, std::span(indices).subspan(begin, length),
                                            std::span(values).subspan(begin, length));
    EXPECT_NEAR((*scores)[2 * row + 1], expected[1], 1e-5) << row;
  }
  rows[2].data<std::int64_t>()[5] = 1000;
  EXPECT_EQ(optimise::score_rows(**model, rows).error().code, Code::kInvalidArgument);
}

}  // namespace
}  // namespace amas::engines
