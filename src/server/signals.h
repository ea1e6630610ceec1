#pragma once

#include <csignal>

namespace amas::server {

/// Takes SIGTERM and SIGINT over from the moment it is made: threads started later inherit that, and wait()
/// receives them. Once it has gone, or after wait() has returned, they end the process again, so that a
/// second Ctrl-C does.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  /// Waits for one of them. Returns its number.
  int wait();

 private:
  sigset_t signals_{};
  sigset_t before_{};
};

}  // namespace amas::server
