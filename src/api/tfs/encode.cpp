#include <fmt/format.h>

#include "api/json/writer.h"
#include "api/tfs/predict.h"

namespace amas::tfs {
namespace {

// TensorFlow Serving's convention: outputs with this ending are bytes, not text.
constexpr std::string_view kBytesEnding = "_bytes";

// Room that the answer to a row or two does not grow out of.
constexpr std::size_t kUsualBytes = 256;

json::TensorWriter writer_of(const NamedTensor& output) {
  const bool is_bytes = output.name.ends_with(kBytesEnding);
  return json::TensorWriter(output.tensor, json::FloatForm::kShortest,
                            is_bytes ? json::BytesForm::kBase64 : json::BytesForm::kText);
}

void append_rows(std::string& out, const std::vector<NamedTensor>& outputs, std::size_t rows) {
  out += '[';
  for (std::size_t row = 0; row < rows; ++row) {
    if (row > 0) out += ',';
    if (outputs.size() == 1) {
      writer_of(outputs[0]).append_row(out, row);
      continue;
    }
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      out += i == 0 ? '{' : ',';
      json::append_string(out, outputs[i].name);
      out += ':';
      writer_of(outputs[i]).append_row(out, row);
    }
    out += '}';
  }
  out += ']';
}

void append_columns(std::string& out, const std::vector<NamedTensor>& outputs) {
  if (outputs.size() == 1) return writer_of(outputs[0]).append_whole(out);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    out += i == 0 ? '{' : ',';
    json::append_string(out, outputs[i].name);
    out += ':';
    writer_of(outputs[i]).append_whole(out);
  }
  out += '}';
}

}  // namespace

Result<std::string> encode_predict(const std::vector<NamedTensor>& outputs, bool rows) {
  if (outputs.empty()) return internal_error("the model gave no outputs");
  std::string out;
  out.reserve(kUsualBytes);
  out += rows ? "{\"predictions\":" : "{\"outputs\":";
  if (rows) {
    const std::int64_t count = outputs[0].tensor.rows();
    for (const NamedTensor& output : outputs)
      if (output.tensor.shape().empty() || output.tensor.rows() != count)
        return internal_error(
            "the model's outputs differ in rows; ask with \"inputs\" in place of \"instances\"");
    append_rows(out, outputs, static_cast<std::size_t>(count));
  } else {
    append_columns(out, outputs);
  }
  out += '}';
  return out;
}

std::string encode_classify(const Tensor& scores, const std::vector<std::string>& labels) {
  std::vector<std::string> names(labels.size());
  for (std::size_t i = 0; i < labels.size(); ++i) json::append_string(names[i], labels[i]);
  const auto values = scores.data<float>();
  std::string out = "{\"results\":[";
  for (std::size_t at = 0; at < values.size(); ++at) {
    const std::size_t label = at % labels.size();
    if (label == 0) out += at == 0 ? "[" : ",[";
    out += label == 0 ? "[" : ",[";
    out += names[label];
    out += ',';
    json::append_number(out, values[at]);
    out += label + 1 == labels.size() ? "]]" : "]";
  }
  out += "]}";
  return out;
}

std::string encode_regress(const std::vector<float>& values) {
  std::string out = "{\"results\":[";
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0) out += ',';
    json::append_number(out, values[i]);
  }
  out += "]}";
  return out;
}

}  // namespace amas::tfs
