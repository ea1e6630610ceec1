#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <utility>

#include "api/json/document.h"
#include "api/json/tensor_reader.h"
#include "api/tfs/predict.h"
#include "base/limits.h"

namespace amas::tfs {
namespace {

using json::Document;
using json::Place;
using json::Value;

const char* skip_space(const char* at) {
  while (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r') ++at;
  return at;
}

// Whether a value that begins here is bytes, {"b64": …}. The text goes on beyond it: simdjson pads it with
// spaces.
bool is_base64_object(const char* at) {
  if (*at != '{') return false;
  return std::string_view(skip_space(at + 1), 5) == "\"b64\"";
}

// The inputs of one signature while their tensors are being read.
class Inputs {
 public:
  explicit Inputs(const model::Signature& signature) : signature_(signature) {
    readers_.reserve(signature.inputs.size());
    for (const engine::TensorSpec& input : signature.inputs)
      readers_.emplace_back(input.dtype, input.shape.size());
  }

  bool is_single() const { return readers_.size() == 1; }
  json::TensorReader& single() { return readers_[0]; }

  // The reader of a named input.
  Result<json::TensorReader*> find(std::string_view name, const Place& place) {
    for (std::size_t i = 0; i < readers_.size(); ++i)
      if (signature_.inputs[i].name == name) return &readers_[i];
    return invalid_argument(
        fmt::format("{} is no input of the signature; its inputs: {}", place.text(), names()));
  }
  // What the signature says of that reader's tensor.
  const engine::TensorSpec& spec(const json::TensorReader* reader) const {
    return signature_.inputs[static_cast<std::size_t>(reader - readers_.data())];
  }
  // Checks that each input has been read `rows` times.
  Status expect_rows(std::size_t rows, const Place& place) const {
    for (std::size_t i = 0; i < readers_.size(); ++i)
      if (readers_[i].rows() != rows)
        return invalid_argument(
            fmt::format("{} lacks an input: {}", place.text(), signature_.inputs[i].name));
    return {};
  }
  // Checks that each input has been read into whole.
  Status expect_all(const std::vector<const json::TensorReader*>& seen, const Place& place) const {
    for (std::size_t i = 0; i < readers_.size(); ++i)
      if (std::find(seen.begin(), seen.end(), &readers_[i]) == seen.end())
        return invalid_argument(
            fmt::format("{} lacks an input: {}", place.text(), signature_.inputs[i].name));
    return {};
  }
  std::vector<NamedTensor> finish() && {
    std::vector<NamedTensor> tensors;
    tensors.reserve(readers_.size());
    for (std::size_t i = 0; i < readers_.size(); ++i)
      tensors.push_back({signature_.inputs[i].name, std::move(readers_[i]).finish()});
    return tensors;
  }

 private:
  std::string names() const {
    std::vector<std::string_view> all;
    for (const engine::TensorSpec& input : signature_.inputs) all.push_back(input.name);
    return fmt::format("{}", fmt::join(all, ", "));
  }

  const model::Signature& signature_;
  std::vector<json::TensorReader> readers_;
};

// One feature of a classify example: a value, or a list of one for a feature that has one value a row.
Status read_feature(json::TensorReader& reader, const engine::TensorSpec& spec, Value value,
                    const Place& place) {
  if (spec.shape.size() != 1 || json::first_byte(value) != '[') return reader.read_row(value, place);
  AMAS_TRY(json::Array list, json::read_array(value, place));
  std::size_t count = 0;
  for (auto element : list) {
    Value item;
    if (const auto error = element.get(item)) return Document::malformed(error, place);
    if (++count > 1) break;
    AMAS_CHECK(reader.read_row(item, place));
  }
  if (count != 1) return invalid_argument(fmt::format("{} must be one value or a list of one", place.text()));
  return {};
}

// Rows as objects, {"input": value, …} each.
Status read_objects(Inputs& inputs, Value value, const Place& place, bool are_examples) {
  AMAS_TRY(json::Array array, json::read_array(value, place));
  std::size_t count = 0;
  for (auto element : array) {
    const Place row(place, count);
    if (count >= limits::kRequestRowsMax)
      return invalid_argument(
          fmt::format("request has more rows than allowed: > {}; split it", limits::kRequestRowsMax));
    Value item;
    if (const auto error = element.get(item)) return Document::malformed(error, row);
    AMAS_TRY(json::Object object, json::read_object(item, row));
    AMAS_CHECK(Document::for_each_member(object, [&](std::string_view key, Value member) -> Status {
      const Place here(row, key);
      AMAS_TRY(json::TensorReader * reader, inputs.find(key, here));
      if (reader->rows() > count) return invalid_argument(fmt::format("{} stands twice", here.text()));
      if (are_examples) return read_feature(*reader, inputs.spec(reader), member, here);
      return reader->read_row(member, here);
    }));
    AMAS_CHECK(inputs.expect_rows(++count, row));
  }
  if (count == 0) return invalid_argument(fmt::format("{} is empty; give at least one row", place.text()));
  return {};
}

Status read_instances(Inputs& inputs, Value value, const Place& place) {
  if (json::first_byte(value) != '[') return invalid_argument(fmt::format("{} must be a list", place.text()));
  const char* first = skip_space(value.raw_json_token().data() + 1);
  if (*first == ']') return invalid_argument(fmt::format("{} is empty; give at least one row", place.text()));
  const bool named = *first == '{' && !(inputs.is_single() && is_base64_object(first));
  if (named) return read_objects(inputs, value, place, false);
  if (!inputs.is_single())
    return invalid_argument(
        fmt::format("{} must be a list of objects: the signature has several inputs", place.text()));
  return inputs.single().read_whole(value, place);
}

Status read_columns(Inputs& inputs, Value value, const Place& place) {
  const char* first = value.raw_json_token().data();
  const bool named = *first == '{' && !(inputs.is_single() && is_base64_object(first));
  if (!named && !inputs.is_single())
    return invalid_argument(
        fmt::format("{} must be an object: the signature has several inputs", place.text()));
  if (!named) return inputs.single().read_whole(value, place);
  AMAS_TRY(json::Object object, json::read_object(value, place));
  std::vector<const json::TensorReader*> seen;
  AMAS_CHECK(Document::for_each_member(object, [&](std::string_view key, Value member) -> Status {
    const Place here(place, key);
    AMAS_TRY(json::TensorReader * reader, inputs.find(key, here));
    if (std::find(seen.begin(), seen.end(), reader) != seen.end())
      return invalid_argument(fmt::format("{} stands twice", here.text()));
    seen.push_back(reader);
    return reader->read_whole(member, here);
  }));
  return inputs.expect_all(seen, place);
}

// Reads `signature_name`, wherever in the document it stands: the inputs cannot be read without it. From here
// on no key that we know stands twice.
Status read_signature_name(Document& document, Question& question) {
  json::KeysSeen seen;
  return document.for_each_key([&](std::string_view key, Value value) -> Status {
    constexpr std::array<std::string_view, 4> kKnown{"signature_name", "instances", "inputs", "examples"};
    if (std::ranges::find(kKnown, key) != kKnown.end()) AMAS_CHECK(seen.note(key, Place("request")));
    if (key != "signature_name") return {};
    AMAS_TRY(std::string name, json::read_string(value, Place(key)));
    if (!name.empty()) question.signature = std::move(name);
    return {};
  });
}

}  // namespace

Result<Question> decode_predict(std::string_view body, const FindSignature& find) {
  Question question;
  AMAS_TRY(Document document, Document::open(body));
  AMAS_CHECK(read_signature_name(document, question));
  AMAS_TRY(const model::Signature* signature, find(question.signature));
  // From here on dtypes and names of the inputs are known.
  Inputs inputs(*signature);
  int forms = 0;
  AMAS_CHECK(document.for_each_key([&](std::string_view key, Value value) -> Status {
    const Place place(key);
    if (key != "instances" && key != "inputs") return json::skip(value, place);
    if (++forms > 1)
      return invalid_argument("request must have one of \"instances\" and \"inputs\", not both");
    question.rows = key == "instances";
    return question.rows ? read_instances(inputs, value, place) : read_columns(inputs, value, place);
  }));
  if (forms == 0)
    return invalid_argument("request has neither \"instances\" (rows) nor \"inputs\" (columns)");
  question.inputs = std::move(inputs).finish();
  return question;
}

Result<Question> decode_examples(std::string_view body, const FindSignature& find) {
  Question question;
  AMAS_TRY(Document document, Document::open(body));
  AMAS_CHECK(read_signature_name(document, question));
  AMAS_TRY(const model::Signature* signature, find(question.signature));
  Inputs inputs(*signature);
  bool found = false;
  AMAS_CHECK(document.for_each_key([&](std::string_view key, Value value) -> Status {
    const Place place(key);
    if (key == "context")
      return unimplemented("context is not supported; put its features into each example");
    if (key != "examples") return json::skip(value, place);
    found = true;
    return read_objects(inputs, value, place, true);
  }));
  if (!found) return invalid_argument("request has no \"examples\"");
  question.inputs = std::move(inputs).finish();
  return question;
}

}  // namespace amas::tfs
