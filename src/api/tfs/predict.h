#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/manifest.h"
#include "tensor/tensor.h"

namespace amas::tfs {

/// Gives a signature by name; its errors are passed on.
using FindSignature = std::function<Result<const model::Signature*>(std::string_view name)>;

/// The body of a predict, classify or regress request.
struct Question {
  std::string signature = "serving_default";
  bool rows =
      true;  ///< it came as `instances` (or `examples`), not as `inputs`; the reply takes the same form
  std::vector<NamedTensor> inputs;
};

/// Reads the body of a predict request in its row form (`instances`) or column form (`inputs`).
///
/// Errors: kInvalidArgument naming the place, such as instances[3].text; those of `find`.
Result<Question> decode_predict(std::string_view body, const FindSignature& find);

/// Reads the body of a classify or regress request (`examples`); a feature may be a value or a list of one.
///
/// Errors: as decode_predict; kUnimplemented for `context`.
Result<Question> decode_examples(std::string_view body, const FindSignature& find);

/// Renders {"predictions": …} for rows, else {"outputs": …}. The name of a lone output is left out.
///
/// Errors: kInternal when outputs differ in rows.
Result<std::string> encode_predict(const std::vector<NamedTensor>& outputs, bool rows);

/// Renders {"results": [[[label, score], …], …]}. `scores` is FLOAT32 [rows, labels].
std::string encode_classify(const Tensor& scores, const std::vector<std::string>& labels);

/// Renders {"results": [value, …]}.
std::string encode_regress(const std::vector<float>& values);

}  // namespace amas::tfs
