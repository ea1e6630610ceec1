#include "worker/prepare.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "worker/small_dataset.h"

namespace amas::worker {
namespace {

Prepared prepared(const TemporaryFolder& folder, std::string_view type) {
  return prepare(read_job(dump_json(small_job(folder.path(), type))).value()).value();
}

TEST(Prepare, learns_words_from_the_training_rows_alone) {
  const TemporaryFolder folder;
  const Prepared tokens = prepared(folder, "lstm");
  // Padding, the unknown word, seven words of noise, alpha and beta; the test rows' secrets are not among
  // them.
  EXPECT_EQ(tokens.pipeline.index_count(), 11);
  EXPECT_EQ(tokens.pipeline.to_json().find("secret"), std::string::npos);
  const auto split = small_dataset(300).split;
  EXPECT_EQ(tokens.training.rows(), split.training.size());
  EXPECT_EQ(tokens.validation.rows(), split.validation.size());
  EXPECT_EQ(tokens.training.inputs[0].shape(), (Shape{static_cast<std::int64_t>(split.training.size()), 10}));
}

TEST(Prepare, learns_from_the_validation_rows_too_in_a_refit_and_never_from_the_test_rows) {
  const TemporaryFolder folder;
  Json json = small_job(folder.path());
  data::Dataset dataset = small_dataset(300);
  std::vector<std::string> texts, labels;
  for (std::size_t row = 0; row < 300; ++row) {
    texts.push_back(dataset.table.find("body")->text(row));
    labels.push_back(dataset.table.find("label")->text(row));
  }
  for (const std::size_t row : dataset.split.validation) texts[row] += " only" + std::to_string(row);
  json["text_step"]["vocabulary"] = 500;
  dataset.table = table::Table::of({{"body", texts, {}}, {"label", labels, {}}}).value();
  ASSERT_TRUE(write_file_atomic(json["dataset"].get<std::string>(), data::to_bytes(dataset)));
  const Prepared first = prepare(read_job(dump_json(json)).value()).value();
  EXPECT_EQ(first.pipeline.to_json().find("only"), std::string::npos);
  json["rows"] = "training and validation";
  const Prepared refit = prepare(read_job(dump_json(json)).value()).value();
  EXPECT_EQ(refit.training.rows(), dataset.split.training.size() + dataset.split.validation.size());
  EXPECT_EQ(refit.validation.rows(), dataset.split.validation.size());
  EXPECT_EQ(refit.pipeline.index_count(),
            first.pipeline.index_count() + static_cast<std::int64_t>(dataset.split.validation.size()));
  EXPECT_EQ(refit.pipeline.to_json().find("secret"), std::string::npos);
  // Rows stand in the dataset's order: the first row that is not a test row is a validation row.
  ASSERT_LT(dataset.split.validation[0], dataset.split.training[0]);
  EXPECT_EQ(refit.training.targets[0], refit.validation.targets[0]);
  EXPECT_TRUE(std::ranges::equal(refit.training.inputs[0].data<std::int32_t>().first(10),
                                 refit.validation.inputs[0].data<std::int32_t>().first(10)));
}

TEST(Prepare, lays_sparse_rows_behind_one_another_as_the_padded_ones_have_them) {
  const TemporaryFolder folder;
  const Prepared sparse = prepared(folder, "linear");
  const data::Dataset dataset = small_dataset(300);
  const auto texts = features::text_tensor(*dataset.table.take(dataset.split.training).find("body"));
  const TensorView columns[] = {texts};
  const auto padded = sparse.pipeline.transform(columns).value();
  const auto starts = sparse.training.inputs[2].data<std::int64_t>();
  ASSERT_EQ(starts.size(), sparse.training.rows() + 1);
  const auto width = static_cast<std::size_t>(padded[0].shape()[1]);
  for (std::size_t row = 0; row < sparse.training.rows(); ++row) {
    const auto count = static_cast<std::size_t>(starts[row + 1] - starts[row]);
    for (std::size_t i = 0; i < width; ++i) {
      const std::int32_t index = padded[0].data<std::int32_t>()[row * width + i];
      if (i >= count) {
        EXPECT_EQ(index, 0);
        continue;
      }
      const auto at = static_cast<std::size_t>(starts[row]) + i;
      EXPECT_EQ(sparse.training.inputs[0].data<std::int32_t>()[at], index);
      EXPECT_EQ(sparse.training.inputs[1].data<float>()[at], padded[1].data<float>()[row * width + i]);
    }
  }
}

TEST(Prepare, says_which_column_is_not_there) {
  const TemporaryFolder folder;
  Json job = small_job(folder.path());
  job["text"] = "bodi";
  const auto result = prepare(read_job(dump_json(job)).value());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::kInvalidArgument);
  EXPECT_NE(result.error().message.find("body"), std::string::npos) << result.error().message;
}

}  // namespace
}  // namespace amas::worker
