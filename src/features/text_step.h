#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "features/pipeline.h"
#include "features/string_index.h"
#include "features/text_settings.h"

namespace amas::features {

/// The fitted step that turns texts into tensors. Immutable but for observe_as(). Threads: safe to use from
/// several at once otherwise.
class TextStep {
 public:
  virtual ~TextStep() = default;
  /// "tokens" or "tfidf", as in the settings.
  virtual std::string_view type() const = 0;
  /// As Pipeline::outputs().
  virtual std::vector<Port> outputs() const = 0;
  /// As Pipeline::index_count().
  virtual std::int64_t index_count() const = 0;
  /// Prepares texts, each at most kTextBytesMax, in pieces of rows behind one another: the tensors of a piece
  /// are padded to its longest row, and it has as many rows as that and `bytes_max` allow. There is always a
  /// piece, if only one without rows.
  ///
  /// `observed` is empty or has one entry a text, to be filled.
  /// Errors: kResourceExhausted when one row alone would be larger than `bytes_max`, or all pieces together
  ///         than kTensorBytesMax.
  virtual Result<std::vector<std::vector<Tensor>>> transform(std::span<const std::string> texts,
                                                             std::span<TextObservation> observed,
                                                             std::size_t bytes_max) const = 0;
  /// The bucket that observations count this word (of "tfidf": n-gram) into; kUnknownBucket: not known.
  virtual std::uint8_t bucket_of(std::string_view word) const = 0;
  /// As Pipeline::observe_as.
  virtual void observe_as(const TextStep& other) = 0;
  /// The features of each text, given to `use` one text after the other. `observed`: as above.
  ///
  /// Errors: those of `use`, at which it stops; kUnimplemented where texts become no features but tokens.
  virtual Status for_each_sparse_row(std::span<const std::string>, std::span<TextObservation>,
                                     const UseSparseRow&) const {
    return unimplemented("texts become tokens here, not features");
  }
  /// Adds its keys to the document that Pipeline::to_json writes.
  virtual void write(Json& document) const = 0;
};

/// The most bytes that one call may fill.
inline constexpr std::size_t kTensorBytesMax = std::size_t{2} << 30;

/// What a TF-IDF step has learnt.
struct TfidfTerms {
  StringIndex terms;                       ///< in bytewise order; feature i is index i + 1 of the graph
  std::vector<std::uint32_t> text_counts;  ///< in how many training texts each term stands
  std::uint32_t texts = 0;                 ///< training texts
  std::vector<std::uint32_t> frequent;     ///< the most frequent tokens, at most kFrequentBuckets
};

/// Learns a vocabulary from texts; at most kVocabularyMax words are kept.
///
/// Errors: kFailedPrecondition when no text has a word; kInvalidArgument when `length` is not set and a text
///         has more than kLengthMax tokens; kResourceExhausted when the words do not fit into 4 GiB.
Result<std::unique_ptr<TextStep>> fit_tokens(TokenSettings settings, std::span<const std::string> texts);

/// Learns terms and their weights from texts.
///
/// Errors: kFailedPrecondition when no text has a word or min_df leaves no term; kResourceExhausted beyond
///         kVocabularyMax.
Result<std::unique_ptr<TextStep>> fit_tfidf(const TfidfSettings& settings,
                                            std::span<const std::string> texts);

/// Makes a step from its stored state. `words`: the vocabulary in order of frequency; `settings.length` is
/// set.
///
/// Errors: kInvalidArgument when the parts do not fit together.
Result<std::unique_ptr<TextStep>> restore_tokens(TokenSettings settings, StringIndex words);

/// Makes a step from its stored state.
///
/// Errors: kInvalidArgument when the parts do not fit together.
Result<std::unique_ptr<TextStep>> restore_tfidf(const TfidfSettings& settings, TfidfTerms terms);

}  // namespace amas::features
