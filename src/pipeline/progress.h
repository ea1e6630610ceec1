#pragma once

#include <string>

#include "base/json.h"

namespace amas::pipeline {

/// Hears how a run goes. Threads: called from several at once.
class Progress {
 public:
  virtual ~Progress() = default;
  /// A step begins; `step` is its name, such as "train lstm".
  virtual void started(const std::string& step) = 0;
  /// How far a step is: `done` of `all` units (`unit`: "files", "rows"), and what there is to see, such as
  /// the loss.
  virtual void advanced(const std::string& step, double done, double all, const std::string& unit,
                        const std::string& text) = 0;
  /// Something of a step worth a line of its own, such as an epoch's metrics. `fields` says the same to
  /// machines.
  virtual void noted(const std::string& step, const std::string& text, const Json& fields) = 0;
  /// A step has ended. `reused`: nothing that it depends on has changed, so an earlier result stands.
  virtual void finished(const std::string& step, const std::string& summary, bool reused, double seconds) = 0;
  /// Allowed, but probably not meant.
  virtual void warned(const std::string& message) = 0;
};

}  // namespace amas::pipeline
