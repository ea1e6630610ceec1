#pragma once

#include <semaphore.h>

#include <cerrno>

namespace amas {

/// A counting semaphore. A thread that wakes at a condition variable takes its mutex as a contended one, and
/// gives it back with a system call that wakes nobody; and std::counting_semaphore yields the processor a few
/// times before it sleeps. Threads: safe to use from several at once.
class Semaphore {
 public:
  Semaphore() { ::sem_init(&semaphore_, 0, 0); }
  ~Semaphore() { ::sem_destroy(&semaphore_); }
  Semaphore(const Semaphore&) = delete;
  Semaphore& operator=(const Semaphore&) = delete;
  /// Lets one acquire() return, now or later.
  void release() { ::sem_post(&semaphore_); }
  /// Waits for a release() of its own.
  void acquire() {
    while (::sem_wait(&semaphore_) != 0 && errno == EINTR) continue;
  }

 private:
  sem_t semaphore_;
};

}  // namespace amas
