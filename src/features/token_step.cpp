#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "base/limits.h"
#include "features/observation.h"
#include "features/padding.h"
#include "features/reused.h"
#include "features/text_step.h"
#include "features/words.h"

namespace amas::features {
namespace {

WordSplitter splitter_of(const TokenSettings& settings) {
  return {settings.characters ? WordRule::kCharacters : WordRule::kFiltered, settings.lower,
          settings.filters};
}

// What is reused from text to text.
struct Scratch {
  Words words;
  std::vector<std::int32_t> sequence;

  std::size_t bytes() const { return words.bytes() + sequence.capacity() * sizeof sequence[0]; }
};

class TokenStep final : public TextStep {
 public:
  TokenStep(TokenSettings settings, StringIndex words)
      : settings_(std::move(settings)), splitter_(splitter_of(settings_)), words_(std::move(words)) {
    buckets_.reserve(words_.size());
    for (std::uint32_t id = 0; id < words_.size(); ++id)
      buckets_.push_back(id < kFrequentBuckets ? static_cast<std::uint8_t>(1 + id)
                                               : rare_bucket(words_.at(id)));
  }

  std::string_view type() const override { return "tokens"; }
  std::vector<Port> outputs() const override { return {{"tokens", DType::kInt32, {-1, *settings_.length}}}; }
  std::int64_t index_count() const override {
    return first_index() + static_cast<std::int64_t>(words_.size());
  }

  Result<std::vector<std::vector<Tensor>>> transform(std::span<const std::string> texts,
                                                     std::span<TextObservation> observed,
                                                     std::size_t bytes_max) const override {
    const auto length = static_cast<std::size_t>(*settings_.length);
    const std::size_t rows_max = bytes_max / sizeof(std::int32_t) / length;
    if (rows_max == 0)
      return resource_exhausted(fmt::format("a row of {} tokens is larger than allowed: {} > {} bytes",
                                            length, length * sizeof(std::int32_t), bytes_max));
    if (texts.size() > kTensorBytesMax / sizeof(std::int32_t) / length)
      return resource_exhausted(
          fmt::format("too many texts at once: {} of {} tokens each; send fewer", texts.size(), length));
    std::vector<std::vector<Tensor>> pieces;
    std::size_t begin = 0;
    do {
      const std::size_t rows = std::min(rows_max, texts.size() - begin);
      pieces.emplace_back().push_back(
          tokens_of(texts.subspan(begin, rows), observed.empty() ? observed : observed.subspan(begin, rows)));
      begin += rows;
    } while (begin < texts.size());
    return pieces;
  }

  std::uint8_t bucket_of(std::string_view word) const override {
    const std::uint32_t id = words_.find(word);
    return id == StringIndex::kNone ? kUnknownBucket : buckets_[id];
  }

  void observe_as(const TextStep& other) override {
    for (std::uint32_t id = 0; id < words_.size(); ++id) buckets_[id] = other.bucket_of(words_.at(id));
  }

  void write(Json& document) const override {
    document["step"] = to_json(TextSettings(settings_));
    Json& words = document["words"] = Json::array();
    for (std::uint32_t id = 0; id < words_.size(); ++id) words.push_back(words_.at(id));
  }

 private:
  std::int64_t first_index() const { return settings_.oov ? 2 : 1; }

  Tensor tokens_of(std::span<const std::string> texts, std::span<TextObservation> observed) const {
    const auto length = static_cast<std::size_t>(*settings_.length);
    Tensor tokens(DType::kInt32, {static_cast<std::int64_t>(texts.size()), *settings_.length});
    Reused<Scratch> scratch;
    auto& [words, sequence] = *scratch;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      splitter_.split(texts[i], words);
      encode(words, sequence, observed.empty() ? nullptr : &observed[i]);
      if (!observed.empty()) observed[i].characters = count_characters(texts[i]);
      pad_sequence(sequence, tokens.data<std::int32_t>().subspan(i * length, length), settings_.padding,
                   settings_.truncating);
    }
    return tokens;
  }

  void encode(const Words& words, std::vector<std::int32_t>& sequence, TextObservation* observation) const {
    sequence.clear();
    if (observation) observation->tokens = static_cast<std::uint32_t>(words.size());
    const auto first = static_cast<std::uint32_t>(first_index());
    for (std::size_t i = 0; i < words.size(); ++i) {
      const std::uint32_t id = words_.find(words[i]);
      const bool known = id != StringIndex::kNone;
      if (observation) count_word(*observation, known ? buckets_[id] : kUnknownBucket);
      if (known) sequence.push_back(static_cast<std::int32_t>(first + id));
      else if (settings_.oov) sequence.push_back(1);
    }
  }

  TokenSettings settings_;
  WordSplitter splitter_;
  StringIndex words_;                  ///< by falling frequency
  std::vector<std::uint8_t> buckets_;  ///< of each word, for observations
};

}  // namespace

Result<std::unique_ptr<TextStep>> fit_tokens(TokenSettings settings, std::span<const std::string> texts) {
  const WordSplitter splitter = splitter_of(settings);
  StringIndex seen;
  std::vector<std::uint64_t> counts;
  std::size_t longest = 0;
  Words words;
  for (const std::string& text : texts) {
    splitter.split(text, words);
    longest = std::max(longest, words.size());
    for (std::size_t i = 0; i < words.size(); ++i) {
      // A word that looks like the OOV token is one: it must not take a second index.
      if (words[i] == settings.oov) continue;
      const std::uint32_t id = seen.insert(words[i]);
      if (id == StringIndex::kNone)
        return resource_exhausted("the words of all texts together are more than 4 GiB");
      counts.resize(seen.size());
      ++counts[id];
    }
  }
  if (seen.size() == 0)
    return failed_precondition("no text has a word to learn from; check the text column and the filters");
  if (!settings.length) {
    if (longest > kLengthMax)
      return invalid_argument(fmt::format(
          "a text has more tokens than a row may hold: {} > {}; set \"length\"", longest, kLengthMax));
    settings.length = static_cast<std::int64_t>(longest);
  }
  std::vector<std::uint32_t> order(seen.size());
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return counts[a] > counts[b]; });
  // Keras keeps the indices below `vocabulary`; 0 is the padding, and OOV has one too.
  const std::int64_t room = settings.vocabulary ? *settings.vocabulary - (settings.oov ? 2 : 1)
                                                : static_cast<std::int64_t>(limits::kVocabularyMax);
  order.resize(std::min(order.size(), static_cast<std::size_t>(room)));
  StringIndex kept;
  kept.reserve(order.size());
  for (const std::uint32_t id : order) kept.insert(seen.at(id));
  return restore_tokens(std::move(settings), std::move(kept));
}

Result<std::unique_ptr<TextStep>> restore_tokens(TokenSettings settings, StringIndex words) {
  if (!settings.length) return invalid_argument("a fitted token step needs its \"length\"");
  if (words.size() == 0) return invalid_argument("the vocabulary has no words");
  const std::int64_t indices = static_cast<std::int64_t>(words.size()) + (settings.oov ? 2 : 1);
  if (settings.vocabulary && indices > *settings.vocabulary)
    return invalid_argument(
        fmt::format("the vocabulary has more words than its settings allow: {} indices > {}", indices,
                    *settings.vocabulary));
  if (settings.oov && words.find(*settings.oov) != StringIndex::kNone)
    return invalid_argument(fmt::format("the OOV token stands among the words: \"{}\"", *settings.oov));
  return std::unique_ptr<TextStep>(std::make_unique<TokenStep>(std::move(settings), std::move(words)));
}

}  // namespace amas::features
