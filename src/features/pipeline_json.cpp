#include <fmt/format.h>
#include <simdjson.h>

#include <optional>

#include "base/limits.h"
#include "base/text.h"
#include "features/pipeline_state.h"

namespace amas::features {
namespace {

namespace dom = simdjson::dom;

constexpr std::string_view kFormat = "amas-pipeline";
constexpr std::uint64_t kFormatVersion = 1;
constexpr std::size_t kLabelsMax = 1'000'000;

// What stands in the file, before the parts are fitted together. A vocabulary may have millions of strings:
// they are copied from simdjson's tape into the indexes, not through a tree of objects.
struct Fields {
  std::optional<std::string> text;
  std::optional<std::string> target;
  std::optional<std::vector<std::string>> labels;
  std::optional<Json> step;
  std::optional<StringIndex> words;
  std::optional<StringIndex> terms;
  std::optional<std::vector<std::uint32_t>> text_counts;
  std::optional<std::uint64_t> texts;
  std::optional<std::vector<std::uint32_t>> frequent;
};

Status check(std::string_view key, simdjson::error_code code) {
  if (code == simdjson::SUCCESS) return {};
  if (code == simdjson::MEMALLOC) return resource_exhausted("not enough memory to read the pipeline");
  return invalid_argument(fmt::format("not a pipeline: \"{}\": {}", key, simdjson::error_message(code)));
}

Status read(std::string_view key, const dom::element& value, std::string& into) {
  std::string_view text;
  AMAS_CHECK(check(key, value.get_string().get(text)));
  into = text;
  return {};
}

Status read(std::string_view key, const dom::element& value, std::uint64_t& into) {
  return check(key, value.get_uint64().get(into));
}

Result<dom::array> array_of(std::string_view key, const dom::element& value, std::size_t count_max) {
  dom::array array;
  AMAS_CHECK(check(key, value.get_array().get(array)));
  if (array.size() <= count_max) return array;
  return resource_exhausted(
      fmt::format("pipeline is larger than allowed: \"{}\" has more than {} entries", key, count_max));
}

Status read(std::string_view key, const dom::element& value, std::vector<std::string>& into) {
  AMAS_TRY(const dom::array array, array_of(key, value, kLabelsMax));
  for (const dom::element item : array) AMAS_CHECK(read(key, item, into.emplace_back()));
  return {};
}

Status read(std::string_view key, const dom::element& value, std::vector<std::uint32_t>& into) {
  AMAS_TRY(const dom::array array, array_of(key, value, limits::kVocabularyMax));
  into.reserve(array.size());
  for (const dom::element item : array) {
    std::uint64_t number = 0;
    AMAS_CHECK(read(key, item, number));
    if (number > 0xFFFFFFFF)
      return invalid_argument(fmt::format("not a pipeline: \"{}\" holds {}", key, number));
    into.push_back(static_cast<std::uint32_t>(number));
  }
  return {};
}

Status read(std::string_view key, const dom::element& value, StringIndex& into) {
  AMAS_TRY(const dom::array array, array_of(key, value, limits::kVocabularyMax));
  into.reserve(array.size());
  for (const dom::element item : array) {
    std::string_view text;
    AMAS_CHECK(check(key, item.get_string().get(text)));
    const std::size_t before = into.size();
    if (into.insert(text) == StringIndex::kNone)
      return resource_exhausted("pipeline's strings are more than 4 GiB");
    if (into.size() == before)
      return invalid_argument(
          fmt::format("not a pipeline: \"{}\" holds a string twice: \"{}\"", key, cut_utf8(text, 200)));
  }
  into.shrink();
  return {};
}

Status read(std::string_view key, const dom::element& value, Json& into) {
  if (!value.is_object()) return check(key, simdjson::INCORRECT_TYPE);
  AMAS_TRY(into, parse_json(simdjson::minify(value)));
  return {};
}

template <class T>
Status read(std::string_view key, const dom::element& value, std::optional<T>& into) {
  if (into) return invalid_argument(fmt::format("not a pipeline: \"{}\" stands twice", key));
  return read(key, value, into.emplace());
}

Status read_field(std::string_view key, const dom::element& value, Fields& fields) {
  if (key == "format" || key == "format_version") return {};
  if (key == "text") return read(key, value, fields.text);
  if (key == "target") return read(key, value, fields.target);
  if (key == "labels") return read(key, value, fields.labels);
  if (key == "step") return read(key, value, fields.step);
  if (key == "words") return read(key, value, fields.words);
  if (key == "terms") return read(key, value, fields.terms);
  if (key == "text_counts") return read(key, value, fields.text_counts);
  if (key == "texts") return read(key, value, fields.texts);
  if (key == "frequent") return read(key, value, fields.frequent);
  return invalid_argument(fmt::format("not a pipeline: unknown key \"{}\"", cut_utf8(key, 200)));
}

// Before any other key is looked at: a newer format may have keys that this one does not know.
Status check_format(const dom::object& object) {
  std::string_view format;
  if (object["format"].get_string().get(format) != simdjson::SUCCESS || format != kFormat)
    return invalid_argument(fmt::format("not a pipeline: \"format\" must be \"{}\"", kFormat));
  std::uint64_t version = 0;
  AMAS_CHECK(check("format_version", object["format_version"].get_uint64().get(version)));
  if (version == kFormatVersion) return {};
  return invalid_argument(
      fmt::format("pipeline has format version {}, and only {} can be read; use the amas that wrote it",
                  version, kFormatVersion));
}

Result<Fields> read_fields(std::string_view text) {
  dom::parser parser;
  AMAS_CHECK(check("{", parser.allocate(text.size(), limits::kJsonDepthMax)));
  dom::object object;
  AMAS_CHECK(check("{", parser.parse(text.data(), text.size()).get(object)));
  AMAS_CHECK(check_format(object));
  Fields fields;
  for (const auto& [key, value] : object) AMAS_CHECK(read_field(key, value, fields));
  return fields;
}

template <class T>
Result<T> need(std::string_view key, std::optional<T>& field) {
  if (!field) return invalid_argument(fmt::format("not a pipeline: \"{}\" is missing", key));
  return std::move(*field);
}

Status check_labels(const PipelineParts& parts) {
  StringIndex distinct;
  for (const std::string& label : parts.labels) distinct.insert(label);
  if (distinct.size() != parts.labels.size()) return invalid_argument("not a pipeline: a label stands twice");
  if (parts.target.empty() ? parts.labels.empty() : parts.labels.size() >= 2) return {};
  return invalid_argument(
      fmt::format("not a pipeline: {} labels for target \"{}\"", parts.labels.size(), parts.target));
}

Result<std::unique_ptr<TextStep>> restore_step(Fields& fields) {
  AMAS_TRY(const Json step, need("step", fields.step));
  AMAS_TRY(const TextSettings settings, text_settings_from_json(step));
  if (const auto* tokens = std::get_if<TokenSettings>(&settings)) {
    AMAS_TRY(StringIndex words, need("words", fields.words));
    return restore_tokens(*tokens, std::move(words));
  }
  TfidfTerms terms;
  AMAS_TRY(terms.terms, need("terms", fields.terms));
  AMAS_TRY(terms.text_counts, need("text_counts", fields.text_counts));
  AMAS_TRY(const std::uint64_t texts, need("texts", fields.texts));
  if (texts > 0xFFFFFFFF) return invalid_argument(fmt::format("\"texts\" is too large: {}", texts));
  terms.texts = static_cast<std::uint32_t>(texts);
  AMAS_TRY(terms.frequent, need("frequent", fields.frequent));
  return restore_tfidf(std::get<TfidfSettings>(settings), std::move(terms));
}

}  // namespace

Result<PipelineParts> read_pipeline(std::string_view text) {
  if (text.size() > limits::kDocumentBytesMax)
    return resource_exhausted(fmt::format("pipeline is larger than allowed: {} > {} bytes", text.size(),
                                          limits::kDocumentBytesMax));
  AMAS_TRY(Fields fields, read_fields(text));
  PipelineParts parts;
  AMAS_TRY(parts.text, need("text", fields.text));
  AMAS_TRY(parts.target, need("target", fields.target));
  AMAS_TRY(parts.labels, need("labels", fields.labels));
  AMAS_CHECK(check_labels(parts));
  auto step = restore_step(fields);
  if (!step) return step.error().at("not a pipeline");
  parts.step = std::move(*step);
  return parts;
}

std::string write_pipeline(const PipelineParts& parts) {
  Json document{{"format", kFormat},
                {"format_version", kFormatVersion},
                {"text", parts.text},
                {"target", parts.target},
                {"labels", parts.labels}};
  parts.step->write(document);
  return dump_json(document);
}

}  // namespace amas::features
