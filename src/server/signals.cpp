#include "server/signals.h"

#include <cerrno>

namespace amas::server {

StopSignals::StopSignals() {
  ::sigemptyset(&signals_);
  ::sigaddset(&signals_, SIGTERM);
  ::sigaddset(&signals_, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &signals_, &before_);
}

StopSignals::~StopSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

int StopSignals::wait() {
  int signal = -1;
  do {
    signal = ::sigwaitinfo(&signals_, nullptr);
  } while (signal < 0 && errno == EINTR);
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  return signal;
}

}  // namespace amas::server
