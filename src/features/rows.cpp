#include "features/rows.h"

namespace amas::features {
namespace {

class SparseRows {
 public:
  void append(const SparseRow& row) {
    indices_.insert(indices_.end(), row.indices.begin(), row.indices.end());
    values_.insert(values_.end(), row.values.begin(), row.values.end());
    starts_.push_back(static_cast<std::int64_t>(indices_.size()));
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
  const TensorView columns[] = {texts};
  if (pipeline.text_type() != "tfidf") return pipeline.transform(columns, observed);
  SparseRows sparse;
  const auto append = [&](std::size_t, const SparseRow& row) -> Status {
    sparse.append(row);
    return {};
  };
  AMAS_CHECK(pipeline.for_each_sparse_row(columns, observed, append));
  return sparse.tensors();
}

}  // namespace amas::features
