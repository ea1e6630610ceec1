#pragma once

#include <string>

#include "base/result.h"

namespace amas::serve {

/// What a client hears when an engine failed on its inputs: what it can do about it. The engine's own words
/// are for the operator.
Error failure_for_client(Code code);

/// The engine's words for the log, where no inputs stand: "#" for every digit.
std::string failure_for_log(std::string message);

}  // namespace amas::serve
