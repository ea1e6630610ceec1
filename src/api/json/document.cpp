#include "api/json/document.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <vector>

#include "base/limits.h"

namespace amas::json {
namespace {

constexpr std::size_t kSmallBytesMax = 64u << 10;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// What each thread keeps for the next small body.
struct SmallDocuments {
  simdjson::ondemand::parser parser;
  std::vector<char> text = std::vector<char>(kSmallBytesMax + simdjson::SIMDJSON_PADDING);
};

Error wrong_kind(const Place& place, std::string_view kind) {
  return invalid_argument(fmt::format("{} must be {}", place.text(), kind));
}

bool is_bare_number(std::string_view token) {
  return token == "NaN" || token == "Infinity" || token == "-Infinity";
}

Status skip_array(Value value, const Place& place, std::size_t depth) {
  AMAS_TRY(Array array, read_array(value, place));
  std::size_t index = 0;
  for (auto element : array) {
    const Place here(place, index++);
    Value item;
    if (const auto error = element.get(item)) return Document::malformed(error, here);
    AMAS_CHECK(skip(item, here, depth + 1));
  }
  return {};
}

Status skip_scalar(Value value, const Place& place) {
  simdjson::error_code error = simdjson::SUCCESS;
  switch (first_byte(value)) {
    case '"':
      error = value.get_string().error();
      break;
    case 't':
    case 'f':
      error = value.get_bool().error();
      break;
    case 'n': {
      bool is_null = false;
      error = value.is_null().get(is_null);
      if (!error && !is_null) error = simdjson::N_ATOM_ERROR;
      break;
    }
    default:
      if (!is_bare_number(token_of(value))) error = value.get_double().error();
  }
  if (error) return Document::malformed(error, place);
  return {};
}

}  // namespace

std::string Place::text() const {
  if (is_index_) return fmt::format("{}[{}]", parent_->text(), index_);
  if (parent_ != nullptr) return fmt::format("{}.{}", parent_->text(), key_);
  return std::string(key_);
}

Result<Document> Document::open(std::string_view body) {
  thread_local SmallDocuments small;
  if (body.starts_with(kByteOrderMark)) body.remove_prefix(kByteOrderMark.size());
  Document document;
  simdjson::error_code error = simdjson::SUCCESS;
  if (body.size() <= kSmallBytesMax) {
    if (!body.empty()) std::memcpy(small.text.data(), body.data(), body.size());
    std::memset(small.text.data() + body.size(), ' ', simdjson::SIMDJSON_PADDING);
    error = small.parser.iterate(small.text.data(), body.size(), small.text.size()).get(document.document_);
  } else {
    document.own_parser_ = std::make_unique<simdjson::ondemand::parser>(body.size());
    document.own_text_ = std::make_unique<simdjson::padded_string>(body);
    error = document.own_parser_->iterate(*document.own_text_).get(document.document_);
  }
  if (error) return malformed(error, Place("request"));
  return document;
}

Error Document::malformed(simdjson::error_code error, const Place& place) {
  if (error == simdjson::INCORRECT_TYPE) return wrong_kind(place, "a JSON object");
  if (error == simdjson::MEMALLOC) return resource_exhausted("no memory to read the request");
  if (error == simdjson::STRING_ERROR)
    return invalid_argument(fmt::format(
        "request is not valid JSON at {}: a string has an escape that is wrong, or stands for half of a "
        "surrogate pair",
        place.text()));
  if (error == simdjson::INCOMPLETE_ARRAY_OR_OBJECT)
    return invalid_argument(
        "request is not valid JSON: it does not end with its object; it is cut off, or text stands behind "
        "it");
  return invalid_argument(
      fmt::format("request is not valid JSON at {}: {}", place.text(), simdjson::error_message(error)));
}

std::string_view token_of(Value& value) {
  std::string_view token = value.raw_json_token();
  const auto last = token.find_last_not_of(" \t\r\n");
  return token.substr(0, last + 1);
}

Result<std::string> read_string(Value value, const Place& place) {
  if (first_byte(value) != '"') return wrong_kind(place, "a string");
  std::string_view text;
  if (const auto error = value.get_string().get(text)) return Document::malformed(error, place);
  return std::string(text);
}

Result<bool> read_bool(Value value, const Place& place) {
  bool truth = false;
  if (value.get_bool().get(truth)) return wrong_kind(place, "true or false");
  return truth;
}

Result<std::int64_t> read_integer(Value value, const Place& place) {
  std::int64_t number = 0;
  if (value.get_int64().get(number)) return wrong_kind(place, "a whole number");
  return number;
}

Result<Object> read_object(Value value, const Place& place) {
  if (first_byte(value) != '{') return wrong_kind(place, "an object");
  Object object;
  if (const auto error = value.get_object().get(object)) return Document::malformed(error, place);
  return object;
}

Result<Array> read_array(Value value, const Place& place) {
  if (first_byte(value) != '[') return wrong_kind(place, "a list");
  Array array;
  if (const auto error = value.get_array().get(array)) return Document::malformed(error, place);
  return array;
}

Status KeysSeen::note(std::string_view key, const Place& place) {
  const auto few = std::span(few_).first(std::min(count_, kFew));
  if (std::ranges::find(few, key) != few.end() || std::ranges::find(more_, key) != more_.end())
    return invalid_argument(fmt::format("{} has the key \"{}\" twice", place.text(), key));
  if (count_ < kFew) few_[count_] = key;
  else more_.push_back(key);
  ++count_;
  return {};
}

Status skip(Value value, const Place& place, std::size_t depth) {
  if (depth > limits::kJsonDepthMax)
    return invalid_argument(fmt::format("request nests deeper than allowed: > {}", limits::kJsonDepthMax));
  switch (first_byte(value)) {
    case '[':
      return skip_array(value, place, depth);
    case '{': {
      AMAS_TRY(Object object, read_object(value, place));
      return Document::for_each_member(object, [&](std::string_view key, Value member) {
        return skip(member, Place(place, key), depth + 1);
      });
    }
    default:
      return skip_scalar(value, place);
  }
}

}  // namespace amas::json
