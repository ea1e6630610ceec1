#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "table/table.h"
#include "tensor/tensor.h"

namespace amas::features {

/// Buckets of the token distribution that drift is measured on: 0 unknown tokens, 1…47 the most frequent
/// tokens of training in order, 48…63 all other known ones by a hash of the token. With "tfidf" a token is
/// every n-gram of characters, but of words only the shortest n-grams (usually single words).
inline constexpr std::size_t kTokenBuckets = 64;

/// What one text looked like, for reference profiles and drift. Holds nothing from which the text could be
/// read back.
struct TextObservation {
  std::uint32_t characters = 0;                        ///< Unicode code points
  std::uint32_t tokens = 0;                            ///< before truncation
  std::uint32_t unknown = 0;                           ///< of these, not in the vocabulary
  std::array<std::uint16_t, kTokenBuckets> buckets{};  ///< tokens by bucket, saturating
};

/// Name and kind of a tensor that a pipeline takes or gives. (The same fields as engine::TensorSpec, which is
/// not seen from here.)
struct Port {
  std::string name;
  DType dtype = DType::kString;
  Shape shape;  ///< -1 is any size
};

/// Settings of the preparation, before fitting; from the spec.
struct PipelineSpec {
  /// The text column.
  std::string text;
  /// The target column; empty when there is none.
  std::string target;
  /// {"type":"tokens","vocabulary":…,"oov":"<OOV>"|null,"lower":true,"filters":…,"level":"word"|"character",
  ///  "length":…,"padding":"pre"|"post","truncating":"pre"|"post"}
  /// or {"type":"tfidf","analyzer":"word"|"char_wb","ngrams":2|[1,2],"lower":true,"sublinear":…,"min_df":…,
  ///  "features_max":…}.
  /// Defaults are Keras's (pad_sequences, Tokenizer) and scikit-learn's (TfidfVectorizer).
  Json text_step;
};

/// Takes the features of row `row`; an error stops the preparation.
using UseSparseRow = std::function<Status(std::size_t row, const SparseRow& features)>;

/// The fitted preparation of one model: raw columns in, tensors out. One implementation for training and
/// serving. Immutable once made, but for observe_as(). Threads: safe to use from several at once otherwise.
class Pipeline {
 public:
  /// Learns vocabulary, idf and labels from training rows.
  ///
  /// Errors: kInvalidArgument for a missing column, a missing target cell or a setting that is unknown or out
  ///         of range (says which and its range); kFailedPrecondition when the target has fewer than two
  ///         classes or no text has a word; kResourceExhausted for a text beyond kTextBytesMax.
  static Result<Pipeline> fit(const PipelineSpec& spec, const table::Table& training);

  /// Reads pipeline.json (docs/formats/pipeline.md).
  ///
  /// Errors: kInvalidArgument when it is not a pipeline or of a newer format; kResourceExhausted beyond the
  /// limits.
  static Result<Pipeline> from_json(std::string_view text);
  /// Writes pipeline.json; the same pipeline always gives the same bytes.
  std::string to_json() const;

  Pipeline(Pipeline&&) noexcept;
  Pipeline& operator=(Pipeline&&) noexcept;
  ~Pipeline();

  /// The raw columns it takes, in order (`text` STRING [-1]).
  const std::vector<Port>& inputs() const;
  /// The tensors it gives, in the order of the graph's inputs: `tokens` INT32 [-1,length]; or
  /// `indices` INT32 [-1,-1] and `values` FLOAT32 [-1,-1] (features of each row, padded behind with index 0,
  /// value 0).
  const std::vector<Port>& outputs() const;
  /// Class names in the order of the scores' columns: numbers by value, text by its bytes; empty when there
  /// is no target.
  const std::vector<std::string>& labels() const;
  /// How many rows the graph's first weight table has: vocabulary with padding and OOV, or features + 1 (row
  /// 0 is the padding).
  std::int64_t index_count() const;
  /// "tokens" or "tfidf".
  std::string_view text_type() const;

  /// From now on observes words as the other pipeline counts them, into its buckets; words that either of
  /// both does not know are unknown. So the rows of a reference profile, of which this pipeline has learnt no
  /// word, can be compared with what the other one will observe. The tensors stay what they are.
  ///
  /// `other`: of the same text_type().
  void observe_as(const Pipeline& other);

  /// Prepares rows.
  ///
  /// `columns`: in the order of inputs(), equal rows. `observed`, when given, receives one entry a row.
  /// Errors: kInvalidArgument for the wrong count, dtype or shape; kResourceExhausted for a text beyond
  ///         kTextBytesMax or tensors that would be larger than 2 GiB (rows of "tfidf" are padded to the
  ///         longest: prepare many rows a few at a time).
  Result<std::vector<Tensor>> transform(std::span<const TensorView> columns,
                                        std::vector<TextObservation>* observed = nullptr) const;

  /// The same in pieces of rows behind one another, each padded to its own longest row and at most
  /// limits::kBatchBytesMax large, so that one long text does not widen all rows. There is always a piece.
  ///
  /// Errors: those of transform(); kResourceExhausted also for a text that fills more than kBatchBytesMax
  /// alone
  ///         (says the limit).
  Result<std::vector<std::vector<Tensor>>> transform_in_pieces(
      std::span<const TensorView> columns, std::vector<TextObservation>* observed = nullptr) const;

  /// Prepares rows of "tfidf" one after the other without making tensors of them: calls use(row, features)
  /// for each, with the features of outputs() in rising order of their indices, and no padding. Allocates
  /// nothing for texts of usual length.
  ///
  /// Errors: those of transform() but for the sizes of tensors; those of `use`; kUnimplemented for "tokens".
  Status for_each_sparse_row(std::span<const TensorView> columns, std::vector<TextObservation>* observed,
                             const UseSparseRow& use) const;

  /// The class of each row of a target column.
  ///
  /// Errors: kInvalidArgument for a label that was not seen in training (says it, the row, and the known
  /// ones).
  Result<std::vector<std::int32_t>> encode_labels(const table::Column& target) const;

 private:
  struct State;
  explicit Pipeline(std::unique_ptr<State> state);
  template <class Prepare>
  auto prepare(std::span<const TensorView> columns, std::vector<TextObservation>* observed,
               Prepare&& prepare) const -> decltype(prepare({}, {}));
  Result<std::vector<std::vector<Tensor>>> pieces_of(std::span<const TensorView> columns,
                                                     std::vector<TextObservation>* observed,
                                                     std::size_t bytes_max) const;
  std::unique_ptr<State> state_;
};

/// The column as a STRING tensor [rows]; missing cells are empty, other types are written as text.
Tensor text_tensor(const table::Column& column);

}  // namespace amas::features
