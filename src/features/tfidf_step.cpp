#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "base/limits.h"
#include "features/ngrams.h"
#include "features/observation.h"
#include "features/reused.h"
#include "features/term_counts.h"
#include "features/text_step.h"

namespace amas::features {
namespace {

// The features of several texts, one text behind the other.
struct Features {
  std::vector<std::int32_t> indices;
  std::vector<float> values;
  std::vector<std::size_t> ends;  ///< where each text ends

  void clear() {
    indices.clear();
    values.clear();
    ends.clear();
  }
  std::size_t bytes() const {
    return indices.capacity() * sizeof indices[0] + values.capacity() * sizeof values[0] +
           ends.capacity() * sizeof ends[0];
  }
  std::size_t begin(std::size_t text) const { return text == 0 ? 0 : ends[text - 1]; }
  std::size_t count(std::size_t text) const { return ends[text] - begin(text); }
};

// The texts from `begin` up to `end`, padded to `width` features.
struct Piece {
  std::size_t begin = 0, end = 0, width = 1;
};

// What is reused from text to text.
struct Scratch {
  Words words;
  TermCounts counts;
  std::vector<double> weights;
  std::vector<std::int32_t> indices;
  std::vector<float> values;

  std::size_t bytes() const {
    return words.bytes() + counts.bytes() + weights.capacity() * sizeof weights[0] +
           indices.capacity() * sizeof indices[0] + values.capacity() * sizeof values[0];
  }
};

// Looks n-grams up some at a time: their hashes come first, so that the table's cache lines are on their way
// before they are read.
class Lookup {
 public:
  Lookup(const StringIndex& index, TermCounts& counts) : index_(index), counts_(counts) {}

  void add(std::string_view ngram) {
    ngrams_[size_] = ngram;
    hashes_[size_] = hash_string(ngram);
    index_.prefetch(hashes_[size_]);
    if (++size_ == kBlock) flush();
  }

  // To be called behind the last n-gram; returns how many there were.
  std::size_t flush() {
    for (std::size_t i = 0; i < size_; ++i)
      if (const std::uint32_t term = index_.find(ngrams_[i], hashes_[i]); term != StringIndex::kNone)
        counts_.add(term);
    ngrams_seen_ += std::exchange(size_, 0);
    return ngrams_seen_;
  }

 private:
  static constexpr std::size_t kBlock = 64;
  const StringIndex& index_;
  TermCounts& counts_;
  std::size_t size_ = 0;
  std::size_t ngrams_seen_ = 0;
  std::array<std::string_view, kBlock> ngrams_;
  std::array<std::uint64_t, kBlock> hashes_;
};

class TfidfStep final : public TextStep {
 public:
  TfidfStep(const TfidfSettings& settings, TfidfTerms learnt)
      : settings_(settings),
        splitter_(word_rule(settings.analyzer), settings.lower),
        learnt_(std::move(learnt)) {
    idf_.reserve(learnt_.terms.size());
    buckets_.reserve(learnt_.terms.size());
    const double texts = 1.0 + learnt_.texts;
    for (std::uint32_t id = 0; id < learnt_.terms.size(); ++id) {
      idf_.push_back(std::log(texts / (1.0 + learnt_.text_counts[id])) + 1.0);
      buckets_.push_back(rare_bucket(learnt_.terms.at(id)));
    }
    for (std::size_t rank = 0; rank < learnt_.frequent.size(); ++rank)
      buckets_[learnt_.frequent[rank]] = static_cast<std::uint8_t>(1 + rank);
    for (std::uint32_t id = 0; id < learnt_.terms.size(); ++id)
      if (!is_token(learnt_.terms.at(id), settings_)) buckets_[id] = kNoToken;
  }

  std::string_view type() const override { return "tfidf"; }
  std::vector<Port> outputs() const override {
    return {{"indices", DType::kInt32, {-1, -1}}, {"values", DType::kFloat32, {-1, -1}}};
  }
  std::int64_t index_count() const override { return static_cast<std::int64_t>(learnt_.terms.size()) + 1; }

  Result<std::vector<std::vector<Tensor>>> transform(std::span<const std::string> texts,
                                                     std::span<TextObservation> observed,
                                                     std::size_t bytes_max) const override {
    const std::size_t cells_max = bytes_max / (sizeof(std::int32_t) + sizeof(float));
    Reused<Features> reused;
    Features& features = *reused;
    features.clear();
    const auto append = [&](std::size_t row, const SparseRow& own) -> Status {
      if (own.indices.size() > cells_max)
        return resource_exhausted(fmt::format(
            "text has more features than allowed: row {} has {} > {} ({} bytes of tensors); shorten it", row,
            own.indices.size(), cells_max, bytes_max));
      features.indices.insert(features.indices.end(), own.indices.begin(), own.indices.end());
      features.values.insert(features.values.end(), own.values.begin(), own.values.end());
      features.ends.push_back(features.indices.size());
      return {};
    };
    AMAS_CHECK(for_each_sparse_row(texts, observed, append));
    const std::vector<Piece> cuts = cut(features, texts.size(), std::max<std::size_t>(cells_max, 1));
    std::size_t cells = 0;
    for (const Piece& piece : cuts) cells += (piece.end - piece.begin) * piece.width;
    if (cells > kTensorBytesMax / (sizeof(std::int32_t) + sizeof(float)))
      return resource_exhausted(
          fmt::format("texts of too different length at once: {} texts padded to {} features in all; send "
                      "the long ones alone",
                      texts.size(), cells));
    std::vector<std::vector<Tensor>> pieces;
    for (const Piece& piece : cuts) pieces.push_back(pad(features, piece));
    return pieces;
  }

  std::uint8_t bucket_of(std::string_view word) const override {
    const std::uint32_t id = learnt_.terms.find(word);
    return id == StringIndex::kNone ? kUnknownBucket : buckets_[id];
  }

  void observe_as(const TextStep& other) override {
    for (std::uint32_t id = 0; id < learnt_.terms.size(); ++id)
      buckets_[id] = other.bucket_of(learnt_.terms.at(id));
  }

  Status for_each_sparse_row(std::span<const std::string> texts, std::span<TextObservation> observed,
                             const UseSparseRow& use) const override {
    Reused<Scratch> scratch;
    for (std::size_t row = 0; row < texts.size(); ++row) {
      weigh(texts[row], *scratch, observed.empty() ? nullptr : &observed[row]);
      AMAS_CHECK(use(row, {scratch->indices, scratch->values}));
    }
    return {};
  }

  void write(Json& document) const override {
    document["step"] = to_json(TextSettings(settings_));
    Json& terms = document["terms"] = Json::array();
    for (std::uint32_t id = 0; id < learnt_.terms.size(); ++id) terms.push_back(learnt_.terms.at(id));
    document["text_counts"] = learnt_.text_counts;
    document["texts"] = learnt_.texts;
    document["frequent"] = learnt_.frequent;
  }

 private:
  // Fills scratch.indices and scratch.values with the text's features.
  void weigh(std::string_view text, Scratch& scratch, TextObservation* observation) const {
    splitter_.split(text, scratch.words);
    scratch.counts.begin(text.size());
    Lookup lookup(learnt_.terms, scratch.counts);
    for_each_ngram(scratch.words, settings_, [&](std::string_view ngram) { lookup.add(ngram); });
    const std::size_t ngrams = lookup.flush();
    if (observation)
      observe(text, count_tokens(scratch.words.size(), ngrams, settings_), scratch.counts, *observation);
    scratch.counts.sort(static_cast<std::uint32_t>(learnt_.terms.size()));
    const auto entries = scratch.counts.entries();
    scratch.weights.resize(entries.size());
    scratch.indices.resize(entries.size());
    scratch.values.resize(entries.size());
    double squares = 0;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const auto [term, count] = entries[i];
      // Most terms stand once, and ln(1) + 1 needs no logarithm.
      const double frequency = settings_.sublinear && count > 1 ? std::log(count) + 1.0 : count;
      scratch.weights[i] = frequency * idf_[term];
      squares += scratch.weights[i] * scratch.weights[i];
      scratch.indices[i] = static_cast<std::int32_t>(term + 1);
    }
    const double norm = std::sqrt(squares);
    for (std::size_t i = 0; i < entries.size(); ++i)
      scratch.values[i] = static_cast<float>(scratch.weights[i] / norm);
  }

  void observe(std::string_view text, std::size_t tokens, const TermCounts& counts,
               TextObservation& observation) const {
    observation.characters = count_characters(text);
    observation.tokens = static_cast<std::uint32_t>(tokens);
    std::uint32_t known = 0;
    for (const auto& [term, count] : counts.entries()) {
      if (buckets_[term] == kNoToken) continue;
      count_word(observation, buckets_[term], count);
      known += count;
    }
    count_word(observation, kUnknownBucket, observation.tokens - known);
  }

  // As many texts in each piece as fit into `cells_max` cells, padded to the longest of them.
  static std::vector<Piece> cut(const Features& features, std::size_t texts, std::size_t cells_max) {
    std::vector<Piece> pieces;
    // Engines dislike empty tensors: a piece of empty texts has one padding a row.
    Piece piece;
    for (std::size_t text = 0; text < texts; ++text) {
      const std::size_t width = std::max(piece.width, features.count(text));
      if (text > piece.begin && (text + 1 - piece.begin) * width > cells_max) {
        pieces.push_back(piece);
        piece = {text, text, std::max<std::size_t>(1, features.count(text))};
      } else {
        piece.width = width;
      }
      piece.end = text + 1;
    }
    pieces.push_back(piece);
    return pieces;
  }

  static std::vector<Tensor> pad(const Features& features, const Piece& piece) {
    const auto& [begin, end, width] = piece;
    const Shape shape{static_cast<std::int64_t>(end - begin), static_cast<std::int64_t>(width)};
    Tensor indices(DType::kInt32, shape);
    Tensor values(DType::kFloat32, shape);
    for (std::size_t text = begin; text < end; ++text)
      for (std::size_t at = features.begin(text), column = (text - begin) * width; at < features.ends[text];
           ++at, ++column) {
        indices.data<std::int32_t>()[column] = features.indices[at];
        values.data<float>()[column] = features.values[at];
      }
    std::vector<Tensor> outputs;
    outputs.push_back(std::move(indices));
    outputs.push_back(std::move(values));
    return outputs;
  }

  static constexpr std::uint8_t kNoToken = 0xFF;

  TfidfSettings settings_;
  WordSplitter splitter_;
  TfidfTerms learnt_;
  std::vector<double> idf_;            ///< of each term
  std::vector<std::uint8_t> buckets_;  ///< of each term, for observations; kNoToken where it is none
};

// All n-grams of the training texts with their counts.
struct Counts {
  StringIndex terms;
  std::vector<std::uint32_t> texts;      ///< how many texts have the term
  std::vector<std::uint32_t> last_text;  ///< the last text that had it, from 1
  std::vector<std::uint64_t> total;      ///< how often it stands in all texts
};

Result<Counts> count_terms(const TfidfSettings& settings, std::span<const std::string> texts) {
  const WordSplitter splitter(word_rule(settings.analyzer), settings.lower);
  Counts counts;
  Words words;
  bool full = false;
  for (std::uint32_t text = 1; text <= texts.size() && !full; ++text) {
    splitter.split(texts[text - 1], words);
    for_each_ngram(words, settings, [&](std::string_view ngram) {
      const std::uint32_t id = counts.terms.insert(ngram);
      if (full = full || id == StringIndex::kNone; full) return;
      if (id == counts.texts.size()) {
        counts.texts.push_back(0);
        counts.last_text.push_back(0);
        counts.total.push_back(0);
      }
      ++counts.total[id];
      if (std::exchange(counts.last_text[id], text) != text) ++counts.texts[id];
    });
  }
  if (full)
    return resource_exhausted("the n-grams of all texts together are more than 4 GiB; lower \"ngrams\"");
  return counts;
}

// The terms to keep, in bytewise order.
std::vector<std::uint32_t> select_terms(const TfidfSettings& settings, const Counts& counts,
                                        std::size_t texts) {
  const double texts_min = std::holds_alternative<double>(settings.min_df)
                               ? std::get<double>(settings.min_df) * static_cast<double>(texts)
                               : static_cast<double>(std::get<std::int64_t>(settings.min_df));
  std::vector<std::uint32_t> kept;
  for (std::uint32_t id = 0; id < counts.terms.size(); ++id)
    if (counts.texts[id] >= texts_min) kept.push_back(id);
  const auto bytewise = [&](auto a, auto b) { return counts.terms.at(a) < counts.terms.at(b); };
  std::sort(kept.begin(), kept.end(), bytewise);
  if (settings.features_max && kept.size() > static_cast<std::size_t>(*settings.features_max)) {
    std::stable_sort(kept.begin(), kept.end(),
                     [&](auto a, auto b) { return counts.total[a] > counts.total[b]; });
    kept.resize(static_cast<std::size_t>(*settings.features_max));
    std::sort(kept.begin(), kept.end(), bytewise);
  }
  return kept;
}

}  // namespace

Result<std::unique_ptr<TextStep>> fit_tfidf(const TfidfSettings& settings,
                                            std::span<const std::string> texts) {
  AMAS_TRY(const Counts counts, count_terms(settings, texts));
  if (counts.terms.size() == 0)
    return failed_precondition("no text has a word to learn from; check the text column");
  const std::vector<std::uint32_t> kept = select_terms(settings, counts, texts.size());
  if (kept.empty()) return failed_precondition("no term stands in enough texts; lower \"min_df\"");
  if (kept.size() > limits::kVocabularyMax)
    return resource_exhausted(
        fmt::format("more terms than allowed: {} > {}; raise \"min_df\" or set \"features_max\"", kept.size(),
                    limits::kVocabularyMax));
  TfidfTerms learnt;
  learnt.texts = static_cast<std::uint32_t>(texts.size());
  learnt.terms.reserve(kept.size());
  for (const std::uint32_t id : kept) {
    const std::uint32_t term = learnt.terms.insert(counts.terms.at(id));
    learnt.text_counts.push_back(counts.texts[id]);
    if (is_token(counts.terms.at(id), settings)) learnt.frequent.push_back(term);
  }
  std::stable_sort(learnt.frequent.begin(), learnt.frequent.end(),
                   [&](auto a, auto b) { return counts.total[kept[a]] > counts.total[kept[b]]; });
  learnt.frequent.resize(std::min(learnt.frequent.size(), kFrequentBuckets));
  return restore_tfidf(settings, std::move(learnt));
}

Result<std::unique_ptr<TextStep>> restore_tfidf(const TfidfSettings& settings, TfidfTerms terms) {
  if (terms.terms.size() == 0) return invalid_argument("the vocabulary has no terms");
  if (terms.text_counts.size() != terms.terms.size())
    return invalid_argument(fmt::format("\"terms\" and \"text_counts\" differ in length: {} and {}",
                                        terms.terms.size(), terms.text_counts.size()));
  for (const std::uint32_t count : terms.text_counts)
    if (count < 1 || count > terms.texts)
      return invalid_argument(fmt::format("a term stands in {} of {} texts", count, terms.texts));
  if (terms.frequent.size() > kFrequentBuckets ||
      std::any_of(terms.frequent.begin(), terms.frequent.end(),
                  [&](auto id) { return id >= terms.terms.size(); }))
    return invalid_argument(
        fmt::format("\"frequent\" must be at most {} indices of terms", kFrequentBuckets));
  return std::unique_ptr<TextStep>(std::make_unique<TfidfStep>(settings, std::move(terms)));
}

}  // namespace amas::features
