#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tensor/tensor.h"

namespace amas::serve {

/// Which version of a deployment is meant: one by its number, one by its label, or the default one.
struct VersionChoice {
  std::optional<std::int64_t> number;
  std::string label{};  ///< empty: none

  VersionChoice(std::optional<std::int64_t> chosen = std::nullopt)  // NOLINT(google-explicit-constructor)
      : number(chosen) {}
  VersionChoice(std::int64_t chosen) : number(chosen) {}  // NOLINT(google-explicit-constructor)
  /// The version with this label.
  static VersionChoice of_label(std::string label) {
    VersionChoice choice;
    choice.label = std::move(label);
    return choice;
  }
};

/// One question to a model, whatever dialect it came in.
struct InferRequest {
  std::string tenant = "default";
  std::string model;      ///< a deployment's name
  VersionChoice version;  ///< none: the deployment's default
  std::string signature = "serving_default";
  /// In any order; dim 0 is the row. Where the signature has one input, its name may be left empty.
  std::vector<NamedTensor> inputs;
  std::int64_t deadline_us = 0;  ///< Clock::steady_us; 0: none
  // Ids for the log, borrowed until the answer has been given.
  std::string_view request_id;
  std::string_view trace_id;  ///< 32 hex digits (W3C)
  std::string_view span_id;   ///< 16 hex digits, ours
  /// Becomes true when nobody waits for the answer any more: then a request that still waits in the queue is
  /// not run. Null: never.
  std::shared_ptr<const std::atomic<bool>> gone{};
};

/// Where the time of a request went, microseconds.
struct RequestTimes {
  std::int64_t features_us = 0;
  std::int64_t queue_us = 0;
  std::int64_t engine_us = 0;  ///< of the batch it was part of; with features where both are one pass
  std::int64_t total_us = 0;
  std::size_t batch_rows = 0;
};

/// The answer; row i belongs to row i of the question.
struct InferResponse {
  std::string model;
  std::int64_t version = 0;
  std::vector<NamedTensor> outputs;  ///< in the signature's order
  RequestTimes times;
};

/// Receives the answer, exactly once: on a compute thread, or within infer() when the request is refused at
/// once.
using InferCallback = std::function<void(Result<InferResponse>)>;

}  // namespace amas::serve
