#include "features/rows.h"

#include <algorithm>

namespace amas::features {
namespace {

constexpr std::int64_t kRowsAtOnce = 16;

class SparseRows {
 public:
  void append(const std::vector<Tensor>& padded) {
    const auto rows = static_cast<std::size_t>(padded[0].rows());
    const auto indices = padded[0].data<std::int32_t>();
    const auto values = padded[1].data<float>();
    const std::size_t width = indices.size() / rows;
    for (std::size_t row = 0; row < rows; ++row) {
      for (std::size_t i = row * width; i < (row + 1) * width && indices[i] != 0; ++i) {
        indices_.push_back(indices[i]);
        values_.push_back(values[i]);
      }
      starts_.push_back(static_cast<std::int64_t>(indices_.size()));
    }
  }

  std::vector<Tensor> tensors() const {
    const auto entries = static_cast<std::int64_t>(indices_.size());
    std::vector<Tensor> all;
    all.push_back(Tensor::of<std::int32_t>({entries}, indices_));
    all.push_back(Tensor::of<float>({entries}, values_));
    all.push_back(Tensor::of<std::int64_t>({static_cast<std::int64_t>(starts_.size())}, starts_));
    return all;
  }

 private:
  std::vector<std::int32_t> indices_;
  std::vector<float> values_;
  std::vector<std::int64_t> starts_ = {0};
};

}  // namespace

Result<std::vector<Tensor>> transform_rows(const Pipeline& pipeline, const Tensor& texts,
                                           std::vector<TextObservation>* observed) {
  if (pipeline.text_type() != "tfidf") {
    const TensorView columns[] = {texts};
    return pipeline.transform(columns, observed);
  }
  SparseRows sparse;
  std::vector<TextObservation> some;
  for (std::int64_t begin = 0; begin < texts.rows(); begin += kRowsAtOnce) {
    const TensorView columns[] = {{texts, begin, std::min(begin + kRowsAtOnce, texts.rows())}};
    AMAS_TRY(const auto pieces, pipeline.transform_in_pieces(columns, observed == nullptr ? nullptr : &some));
    for (const auto& padded : pieces) sparse.append(padded);
    if (observed != nullptr) observed->insert(observed->end(), some.begin(), some.end());
  }
  return sparse.tensors();
}

}  // namespace amas::features
