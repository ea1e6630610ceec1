#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "model/manifest.h"
#include "serve/version.h"

namespace amas::cli {

/// The body of TensorFlow Serving's predict request for what a user gave: that itself where it has
/// "instances" or "inputs", else an object of inputs, {"x": [[1, 2]]}, or the value of the only one.
std::string predict_body(std::string_view given);

/// Answers a predict request with a model in this process, as the server would.
///
/// Returns the reply's body. Errors: those of tfs::decode_predict and of the graph.
Result<std::string> answer_here(const serve::ServableVersion& model, std::string_view body);

/// Lines of a table: the inputs and outputs of a signature with their dtypes and shapes.
std::string signature_text(const model::Signature& signature);

/// What a question to a model looks like on the command line: `{"x": …}`, quoted for a shell.
std::string question_form(const model::Signature& signature);

}  // namespace amas::cli
