#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "api/json/writer.h"
#include "api/oip/binary.h"
#include "api/oip/datatype.h"
#include "api/oip/infer.h"

namespace amas::oip {
namespace {

constexpr std::string_view kScores = "scores";

// Empty for what is no number.
std::vector<double> as_doubles(const Tensor& tensor) {
  const DType dtype = tensor.dtype();
  if (dtype == DType::kString || dtype == DType::kFloat16 || dtype == DType::kBool) return {};
  std::vector<double> values;
  values.reserve(tensor.size());
  with_element_type(dtype, [&]<class T>() {
    for (const T value : tensor.data<T>()) values.push_back(static_cast<double>(value));
  });
  return values;
}

// The best classes of each row as BYTES [rows, n]: "score:index" and, where there is one, ":label".
Result<Tensor> classify(const NamedTensor& output, std::int64_t classes,
                        const std::vector<std::string>& labels) {
  const Tensor& tensor = output.tensor;
  const std::vector<double> values = as_doubles(tensor);
  const auto rows = static_cast<std::size_t>(tensor.rows());
  if (values.empty() || tensor.shape().empty() || rows == 0)
    return invalid_argument(fmt::format("output '{}' has no numbers to classify by", output.name));
  const std::size_t width = values.size() / rows;
  const std::size_t kept = std::min(static_cast<std::size_t>(classes), width);
  std::vector<std::string> texts;
  std::vector<std::size_t> order(width);
  for (std::size_t row = 0; row < rows; ++row) {
    const double* scores = values.data() + row * width;
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return scores[a] > scores[b]; });
    for (std::size_t i = 0; i < kept; ++i) {
      const bool is_float = tensor.dtype() == DType::kFloat32 || tensor.dtype() == DType::kFloat64;
      texts.push_back(is_float ? fmt::format("{:.6f}:{}", scores[order[i]], order[i])
                               : fmt::format("{:.0f}:{}", scores[order[i]], order[i]));
      if (output.name == kScores && labels.size() == width) texts.back() += ":" + labels[order[i]];
    }
  }
  return Tensor::of_strings({static_cast<std::int64_t>(rows), static_cast<std::int64_t>(kept)},
                            std::move(texts));
}

void append_header(std::string& out, const std::string& name, const Tensor& tensor) {
  out += "{\"name\":";
  json::append_string(out, name);
  out += fmt::format(",\"datatype\":\"{}\",\"shape\":{},", datatype_name(tensor.dtype()),
                     format_shape(tensor.shape()));
}

Status append_output(const WantedOutput& wanted, const Tensor& tensor, std::string& out,
                     std::string& binary) {
  append_header(out, wanted.name, tensor);
  if (wanted.binary) {
    out += fmt::format("\"parameters\":{{\"binary_data_size\":{}}}}}", append_binary(binary, tensor));
    return {};
  }
  if (tensor.dtype() == DType::kFloat16)
    return unimplemented(
        "sending FP16 data via JSON is not supported. Please use the binary data format for output");
  out += "\"data\":";
  json::TensorWriter(tensor, json::FloatForm::kThroughDouble).append_flat(out);
  out += '}';
  return {};
}

}  // namespace

Result<const Tensor*> wanted_tensor(const WantedOutput& wanted, const std::vector<NamedTensor>& outputs,
                                    const std::vector<std::string>& labels, Tensor& made) {
  const auto found = std::ranges::find(outputs, wanted.name, &NamedTensor::name);
  if (found == outputs.end())
    return internal_error(fmt::format("the model gave no output '{}'", wanted.name));
  if (wanted.classes <= 0) return &found->tensor;
  AMAS_TRY(made, classify(*found, wanted.classes, labels));
  return &made;
}

Result<Answer> encode_infer(const Question& question, std::string_view model, std::int64_t version,
                            const std::vector<NamedTensor>& outputs, const std::vector<std::string>& labels) {
  std::string out = "{", binary;
  if (question.id) {
    out += "\"id\":";
    json::append_string(out, *question.id);
    out += ',';
  }
  out += "\"model_name\":";
  json::append_string(out, model);
  out += fmt::format(",\"model_version\":\"{}\",\"outputs\":[", version);
  bool is_binary = false;
  for (const WantedOutput& wanted : question.outputs) {
    Tensor made;
    AMAS_TRY(const Tensor* tensor, wanted_tensor(wanted, outputs, labels, made));
    if (out.back() == '}') out += ',';
    is_binary |= wanted.binary;
    AMAS_CHECK(append_output(wanted, *tensor, out, binary));
  }
  out += "]}";
  Answer answer{std::move(out), {}};
  if (is_binary) answer.json_bytes = answer.body.size();
  answer.body += binary;
  return answer;
}

}  // namespace amas::oip
