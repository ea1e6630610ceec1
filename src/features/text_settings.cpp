#include "features/text_settings.h"

#include <fmt/format.h>

#include "base/limits.h"
#include "base/text.h"

namespace amas::features {
namespace {

constexpr auto kCountMax = static_cast<std::int64_t>(limits::kVocabularyMax);

const std::vector<std::string> kTokenKeys{"type",  "vocabulary", "oov",     "lower",     "filters",
                                          "level", "length",     "padding", "truncating"};
const std::vector<std::string> kTfidfKeys{"type",      "analyzer", "ngrams",      "lower",
                                          "sublinear", "min_df",   "features_max"};

std::string hint(std::string_view word, const std::vector<std::string>& known) {
  const auto near = nearest(word, known);
  return fmt::format("{}; known: {}", near ? fmt::format("; did you mean \"{}\"?", *near) : "",
                     fmt::join(known, ", "));
}

Status check_keys(const Json& step, const std::vector<std::string>& known) {
  for (const auto& [key, value] : step.items())
    if (std::find(known.begin(), known.end(), key) == known.end())
      return invalid_argument(
          fmt::format("unknown setting of the text step: \"{}\"{}", key, hint(key, known)));
  return {};
}

Result<std::string> choice(const Json& step, std::string_view key, const std::vector<std::string>& known) {
  AMAS_TRY(std::string value, json_field_or<std::string>(step, key, known[0]));
  if (std::find(known.begin(), known.end(), value) == known.end())
    return invalid_argument(
        fmt::format("unknown value of setting \"{}\": \"{}\"{}", key, value, hint(value, known)));
  return value;
}

Result<Side> side(const Json& step, std::string_view key) {
  AMAS_TRY(const std::string name, choice(step, key, {"pre", "post"}));
  return name == "pre" ? Side::kPre : Side::kPost;
}

struct Range {
  std::int64_t low;
  std::int64_t high;
};

Status check_range(std::string_view key, std::int64_t value, Range range) {
  if (value >= range.low && value <= range.high) return {};
  return invalid_argument(
      fmt::format("setting is out of range: \"{}\" is {}; give {} to {}", key, value, range.low, range.high));
}

bool is_null(const Json& step, std::string_view key) {
  const auto at = step.find(key);
  return at == step.end() || at->is_null();
}

Result<std::optional<std::int64_t>> optional_integer(const Json& step, std::string_view key, Range range) {
  if (is_null(step, key)) return std::optional<std::int64_t>();
  AMAS_TRY(const auto value, json_field<std::int64_t>(step, key));
  AMAS_CHECK(check_range(key, value, range));
  return std::optional(value);
}

Result<TextSettings> tokens_from_json(const Json& step) {
  AMAS_CHECK(check_keys(step, kTokenKeys));
  TokenSettings settings;
  if (!is_null(step, "oov")) {
    AMAS_TRY(settings.oov, json_field<std::string>(step, "oov"));
    if (settings.oov->empty() || !is_utf8(*settings.oov))
      return invalid_argument(
          "setting \"oov\" must be text that is not empty; give \"<OOV>\" or leave it out");
  }
  // Padding and OOV take an index each, and at least one word must be left.
  const std::int64_t vocabulary_min = settings.oov ? 3 : 2;
  AMAS_TRY(settings.vocabulary, optional_integer(step, "vocabulary", {vocabulary_min, kCountMax}));
  AMAS_TRY(settings.lower, json_field_or<bool>(step, "lower", true));
  AMAS_TRY(settings.filters, json_field_or<std::string>(step, "filters", std::string(kDefaultFilters)));
  if (!is_utf8(settings.filters)) return invalid_argument("setting \"filters\" is not UTF-8");
  AMAS_TRY(const std::string level, choice(step, "level", {"word", "character"}));
  settings.characters = level == "character";
  AMAS_TRY(settings.length, optional_integer(step, "length", {1, kLengthMax}));
  AMAS_TRY(settings.padding, side(step, "padding"));
  AMAS_TRY(settings.truncating, side(step, "truncating"));
  return TextSettings(std::move(settings));
}

Result<NgramRange> ngrams_from_json(const Json& step, Analyzer analyzer) {
  if (is_null(step, "ngrams")) return NgramRange{};
  const Json& value = step["ngrams"];
  if (!value.is_array()) {
    AMAS_TRY(const auto n, json_field<std::int64_t>(step, "ngrams"));
    AMAS_CHECK(check_range("ngrams", n, {1, kNgramsMax}));
    return NgramRange{analyzer == Analyzer::kWord ? 1 : n, n};
  }
  if (value.size() == 2 && value[0].is_number_integer() && value[1].is_number_integer()) {
    const NgramRange range{value[0].get<std::int64_t>(), value[1].get<std::int64_t>()};
    if (range.low >= 1 && range.low <= range.high && range.high <= kNgramsMax) return range;
  }
  return invalid_argument(fmt::format(
      "setting is out of range: \"ngrams\" is {}; give a whole number or the shortest and the longest such "
      "as [2, 3], 1 to {}",
      cut_utf8(dump_json(value), 200), kNgramsMax));
}

Result<TextSettings> tfidf_from_json(const Json& step) {
  AMAS_CHECK(check_keys(step, kTfidfKeys));
  TfidfSettings settings;
  AMAS_TRY(const std::string analyzer, choice(step, "analyzer", {"word", "char_wb"}));
  settings.analyzer = analyzer == "word" ? Analyzer::kWord : Analyzer::kCharWb;
  AMAS_TRY(settings.ngrams, ngrams_from_json(step, settings.analyzer));
  AMAS_TRY(settings.lower, json_field_or<bool>(step, "lower", settings.lower));
  AMAS_TRY(settings.sublinear, json_field_or<bool>(step, "sublinear", settings.sublinear));
  if (const auto at = step.find("min_df"); at != step.end() && at->is_number_float()) {
    const double share = at->get<double>();
    if (!(share > 0 && share < 1))
      return invalid_argument(
          fmt::format("setting is out of range: \"min_df\" is {}; give a whole number of texts "
                      "from 1 up or a share of them between 0 and 1",
                      share));
    settings.min_df = share;
  } else {
    AMAS_TRY(const auto texts, json_field_or<std::int64_t>(step, "min_df", 1));
    AMAS_CHECK(check_range("min_df", texts, {1, kCountMax}));
    settings.min_df = texts;
  }
  AMAS_TRY(settings.features_max, optional_integer(step, "features_max", {1, kCountMax}));
  return TextSettings(std::move(settings));
}

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

std::string_view side_name(Side side) { return side == Side::kPre ? "pre" : "post"; }

Json render(const TokenSettings& settings) {
  return {{"type", "tokens"},
          {"vocabulary", or_null(settings.vocabulary)},
          {"oov", or_null(settings.oov)},
          {"lower", settings.lower},
          {"filters", settings.filters},
          {"level", settings.characters ? "character" : "word"},
          {"length", or_null(settings.length)},
          {"padding", side_name(settings.padding)},
          {"truncating", side_name(settings.truncating)}};
}

Json render(const TfidfSettings& settings) {
  return {{"type", "tfidf"},
          {"analyzer", settings.analyzer == Analyzer::kWord ? "word" : "char_wb"},
          {"ngrams", {settings.ngrams.low, settings.ngrams.high}},
          {"lower", settings.lower},
          {"sublinear", settings.sublinear},
          {"min_df", std::visit([](auto value) { return Json(value); }, settings.min_df)},
          {"features_max", or_null(settings.features_max)}};
}

}  // namespace

Result<TextSettings> text_settings_from_json(const Json& step) {
  if (!step.is_object())
    return invalid_argument("the text step must be an object such as {\"type\": \"tokens\"}");
  AMAS_TRY(const std::string type, json_field<std::string>(step, "type"));
  if (type == "tokens") return tokens_from_json(step);
  if (type == "tfidf") return tfidf_from_json(step);
  return invalid_argument(
      fmt::format("unknown type of text step: \"{}\"{}", type, hint(type, {"tokens", "tfidf"})));
}

Json to_json(const TextSettings& settings) {
  return std::visit([](const auto& kind) { return render(kind); }, settings);
}

}  // namespace amas::features
