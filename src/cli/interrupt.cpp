#include "cli/interrupt.h"

#include <unistd.h>

#include <csignal>

namespace amas::cli {
namespace {

// Filled before the handler is set, and not touched after: a handler may only read and write(2).
std::string said;

void say_and_end(int number) {
  static_cast<void>(!::write(STDERR_FILENO, said.data(), said.size()));
  // SA_RESETHAND has put the signal's own effect back; it comes when this returns.
  ::raise(number);
}

}  // namespace

void say_when_interrupted(const std::string& message) {
  // A terminal shows ^C where the cursor is.
  said = (::isatty(STDERR_FILENO) == 1 ? "\n" : "") + message + "\n";
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction before {};
    if (::sigaction(number, nullptr, &before) != 0 || before.sa_handler == SIG_IGN) continue;
    struct sigaction action {};
    action.sa_handler = say_and_end;
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    ::sigaction(number, &action, nullptr);
  }
}

}  // namespace amas::cli
