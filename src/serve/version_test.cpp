#include "serve/version.h"

#include <gtest/gtest.h>

#include "serve/fake_engine.h"

namespace amas::serve {
namespace {

class VersionTest : public testing::Test {
 protected:
  Result<std::shared_ptr<ServableVersion>> load(const std::string& graph, std::string_view variant = "fp32") {
    const auto package = model::Package::open(write_package(folder_.path() / "package", graph));
    EXPECT_TRUE(package);
    return ServableVersion::load(*package, variant, engine_);
  }
  TemporaryFolder folder_;
  FakeEngine engine_;
};

TEST_F(VersionTest, scores_raw_rows_however_many_and_names_the_best_label) {
  const auto version = load("tokens:9");
  ASSERT_TRUE(version) << version.error().message;
  std::vector<std::string> texts;
  for (int i = 0; i < 150; ++i) texts.push_back(word(i % 100) + " " + word(i % 7));
  const Tensor rows = Tensor::of_strings({150}, texts);
  const std::vector<TensorView> columns{rows};
  const auto scores = (*version)->score(columns);
  ASSERT_TRUE(scores);
  EXPECT_EQ((Shape{150, 2}), scores->shape());
  EXPECT_LE(engine_.counts.rows_most, 64);
  const auto tokens = (*version)->pipeline()->transform(columns);
  const auto labels = (*version)->best_labels(*scores);
  for (std::size_t row = 0; row < 150; ++row) {
    const float score = token_score((*tokens)[0].data<std::int32_t>().subspan(row * 4, 4), 9);
    EXPECT_EQ(score, scores->data<float>()[2 * row]);
    EXPECT_EQ(score >= 0.5F ? "ham" : "spam", labels[row]);
  }
}

TEST_F(VersionTest, gives_rows_without_a_known_word_one_column_of_padding) {
  const auto version = load("sparse:4");
  ASSERT_TRUE(version);
  const Tensor rows = Tensor::of_strings({2}, {"nothing", "known"});
  const std::vector<TensorView> columns{rows};
  std::vector<features::TextObservation> observed;
  const auto prepared = (*version)->prepare(columns, &observed);
  ASSERT_TRUE(prepared);
  EXPECT_EQ((Shape{2, 1}), (*prepared)[0][0].shape());
  EXPECT_EQ(2u, observed.size());
  EXPECT_EQ(4, (*version)->score(columns)->data<float>()[0]);
}

TEST_F(VersionTest, scores_sparse_rows_in_one_pass_as_through_tensors) {
  const auto tensors = load("sparse:5"), rows_alone = load("sparse-rows:5");
  ASSERT_TRUE(tensors && rows_alone);
  EXPECT_FALSE((*tensors)->is_sparse());
  EXPECT_TRUE((*rows_alone)->is_sparse());
  EXPECT_FALSE((*load("tokens:5"))->is_sparse());
  const Tensor rows = Tensor::of_strings({4}, {"w1 w2 w1", "", "w98", "known not w3"});
  const std::vector<TensorView> columns{rows};
  std::vector<features::TextObservation> observed, expected;
  const int runs_before = engine_.counts.runs;
  const auto scores = (*rows_alone)->score_sparse(columns, &observed);
  EXPECT_EQ(runs_before + 4, engine_.counts.runs);
  ASSERT_TRUE(scores && (*tensors)->prepare(columns, &expected));
  EXPECT_EQ((Shape{4, 2}), scores->shape());
  const auto same = (*tensors)->score(columns);
  EXPECT_TRUE(std::ranges::equal(same->data<float>(), scores->data<float>()));
  EXPECT_TRUE(std::ranges::equal(same->data<float>(), (*rows_alone)->score(columns)->data<float>()));
  EXPECT_EQ(expected[0].tokens, observed[0].tokens);
  EXPECT_EQ(expected[3].unknown, observed[3].unknown);
}

TEST_F(VersionTest, runs_rows_of_very_different_width_in_pieces_and_in_order) {
  const auto version = load("sparse:0");
  ASSERT_TRUE(version);
  std::string all;
  for (int i = 0; i < 100; ++i) all += word(i) + " ";
  std::vector<std::string> texts(90'000);
  for (std::size_t row = 0; row < texts.size(); ++row) texts[row] = word(static_cast<int>(row % 100));
  texts[0] = all;
  const Tensor rows = Tensor::of_strings({90'000}, texts);
  const std::vector<TensorView> columns{rows};
  const auto pieces = (*version)->prepare(columns, nullptr);
  ASSERT_TRUE(pieces);
  ASSERT_EQ(2u, pieces->size()) << "100 features of 8 bytes in 90,000 rows are more than one piece";
  const auto scores = (*version)->score(columns);
  ASSERT_TRUE(scores) << scores.error().message;
  ASSERT_EQ((Shape{90'000, 2}), scores->shape());
  const auto alone = (*version)->score(std::vector<TensorView>{TensorView(rows, 100, 200)});
  for (std::size_t row = 1; row < texts.size(); ++row)
    ASSERT_EQ(alone->data<float>()[2 * (row % 100)], scores->data<float>()[2 * row]) << row;
  // Rows across the pieces' border, as a request within a batch has them.
  const std::int64_t border = (*pieces)[0][0].rows();
  const auto some = (*version)->run(*pieces, {border - 1, border + 2}, 64);
  ASSERT_TRUE(some);
  ASSERT_EQ(3, (*some)[0].rows());
  for (std::int64_t row = 0; row < 3; ++row)
    EXPECT_EQ(scores->data<float>()[static_cast<std::size_t>(2 * (border - 1 + row))],
              (*some)[0].data<float>()[static_cast<std::size_t>(2 * row)]);
}

TEST_F(VersionTest, refuses_a_variant_that_is_not_there_and_lists_those_that_are) {
  const auto version = load("tokens:1", "int8");
  ASSERT_FALSE(version);
  EXPECT_EQ(Code::kNotFound, version.error().code);
  EXPECT_EQ("package has no such variant: int8; it has fp32", version.error().message);
}

TEST_F(VersionTest, refuses_a_graph_that_does_not_take_what_the_pipeline_gives) {
  model::Manifest manifest =
      model::Package::open(write_package(folder_.path() / "a", "tokens:1"))->manifest();
  const auto files =
      model::seal(manifest, {{"model.onnx", "tokens:1"},
                             {"pipeline.json", fake_pipeline(true).to_json()},
                             {"profile.json", *read_file(folder_.path() / "a" / "profile.json")}});
  for (const auto& [name, content] : files)
    ASSERT_TRUE(write_file_atomic(folder_.path() / "b" / name, content));
  const auto version = ServableVersion::load(*model::Package::open(folder_.path() / "b"), "fp32", engine_);
  ASSERT_FALSE(version);
  EXPECT_EQ(Code::kInvalidArgument, version.error().code);
}

TEST_F(VersionTest, refuses_files_that_have_changed_and_graphs_that_the_engine_does_not_know) {
  EXPECT_EQ(Code::kInvalidArgument, load("garbage").error().code);
  const auto folder = write_package(folder_.path() / "changed", "tokens:1");
  const auto package = model::Package::open(folder);
  ASSERT_TRUE(write_file_atomic(folder / "model.onnx", "tokens:2"));
  const auto version = ServableVersion::load(*package, "fp32", engine_);
  ASSERT_FALSE(version);
  EXPECT_EQ(Code::kDataLoss, version.error().code);
}

}  // namespace
}  // namespace amas::serve
