#pragma once

#include <string>

namespace amas::cli {

/// From here on a signal that asks to end (SIGINT, SIGTERM, SIGHUP) still ends the process at once, by that
/// signal, but says `message` on standard error before. Signals that the caller has it ignore stay ignored.
/// For commands whose state is whole at every moment.
///
/// Threads: call once, from any.
void say_when_interrupted(const std::string& message);

}  // namespace amas::cli
