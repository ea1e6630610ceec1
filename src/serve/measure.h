#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "engine/engine.h"
#include "serve/version.h"

namespace amas::serve {

/// What a variant costs on this machine.
struct Cost {
  double latency_p50_us = 0;
  double latency_p99_us = 0;
  double memory_bytes = 0;  ///< that loading it added
};

/// Loads a variant as it is served and asks it: 20 times to warm up, then 300 times that count, fewer where
/// these would take longer than 3 s.
///
/// `ask`: asks question number `call`.
/// Errors: those of ServableVersion::load and of `ask`.
Result<Cost> measure_variant(const model::Package& package, const std::string& variant,
                             engine::Engine& engine,
                             const std::function<Status(const ServableVersion&, std::size_t call)>& ask);

}  // namespace amas::serve
