#pragma once

#include <string>

#include "base/result.h"

namespace amas::serve {

/// What a client hears when an engine failed on its inputs: what it can do about it. The engine's own words
/// are for the operator.
Error engine_failure_for_client(Code code);

/// The engine's words for the log, where no inputs stand: "#" for every digit.
std::string engine_failure_for_log(std::string message);

/// What a client hears of a version that could not be loaded: of the same code, without the place of its
/// package and without the words of an engine.
Error load_failure_for_client(Code code);

}  // namespace amas::serve
