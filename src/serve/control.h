#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"

namespace amas::serve {

/// Changes what is deployed, for dialects whose clients may do that. Threads: safe to use from several at
/// once.
class DeploymentControl {
 public:
  /// Called once, on a thread of the control.
  using Done = std::function<void(Status)>;
  virtual ~DeploymentControl() = default;
  /// Names of all models that could be deployed, sorted.
  virtual Result<std::vector<std::string>> models() const = 0;
  /// Deploys the latest version of a model under its own name, and waits until it answers.
  ///
  /// Errors: kNotFound for a model that is not registered; kInvalidArgument when its version cannot be
  /// loaded:
  ///         what was deployed before stays; kResourceExhausted when too many changes wait.
  virtual void load(const std::string& model, Done done) = 0;
  /// Takes a deployment away, once no request is left that it has to answer. One that is not there is no
  /// error.
  virtual void unload(const std::string& name, Done done) = 0;
};

}  // namespace amas::serve
