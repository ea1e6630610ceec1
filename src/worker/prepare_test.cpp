#include "worker/prepare.h"

#include <gtest/gtest.h>

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
