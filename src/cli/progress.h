#pragma once

#include <memory>

#include "pipeline/progress.h"

namespace amas::cli {

/// How a run is shown: on a terminal with bars, rate and time left, redrawn in place; elsewhere with a plain
/// line for each step and epoch; for machines with a JSON line for each event.
std::unique_ptr<pipeline::Progress> make_progress(bool json);

}  // namespace amas::cli
