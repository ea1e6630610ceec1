#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "base/semaphore.h"
#include "serve/request.h"

namespace amas::serve {

/// A request that was found good and waits for its answer. Its inputs are in the order of its signature.
struct Pending {
  InferRequest request;
  InferCallback callback;
  bool is_raw = false;  ///< the signature is "serving_default"
  std::int64_t rows = 0;
  std::int64_t admitted_us = 0;  ///< steady, as the next
  std::int64_t dequeued_us = 0;
};

/// Requests that run together.
using Batch = std::vector<std::unique_ptr<Pending>>;

/// The queue of one version. Only the scheduler touches it, under its lock.
struct Lane {
  std::deque<std::unique_ptr<Pending>> waiting;
  std::size_t rows = 0;    ///< of those that wait
  bool is_listed = false;  ///< stands in the scheduler's list of lanes with work
};

/// What the scheduler runs batches for.
class LaneOwner {
 public:
  virtual ~LaneOwner() = default;
  /// Answers a batch, on a compute thread; not empty.
  virtual void run(Batch batch) = 0;
  Lane lane;
};

/// The compute threads. Whenever one becomes free it takes what waits in the next lane, up to a batch: a lone
/// request starts at once, and the busier the threads are, the larger batches become. Lanes and tasks take
/// turns. Threads: safe to use from several at once.
class Scheduler {
 public:
  struct Options {
    std::size_t threads = 1;
    std::size_t batch_rows_max = 64;
    /// A lane takes requests while fewer rows wait: one of any size then, so that a large one is not refused
    /// for ever where small ones keep coming.
    std::size_t queue_rows_max = 4'096;
    std::size_t tasks_max = 1'024;
  };
  explicit Scheduler(const Options& options);
  /// Runs all that waits, then joins.
  ~Scheduler();

  /// Queues a request; owns `owner` until its lane is empty.
  ///
  /// Errors, leaving `pending` untouched: kResourceExhausted when the lane is full.
  Status enqueue(const std::shared_ptr<LaneOwner>& owner, std::unique_ptr<Pending>& pending);
  /// Queues a task; false when too many wait.
  bool run(std::function<void()> task);

 private:
  void work(std::size_t number);
  /// Whether there is an idle thread, which the caller is to wake then. Under the lock.
  bool claim_idle_thread();
  Batch take_batch(std::shared_ptr<LaneOwner>& owner);

  const Options options_;
  Semaphore wakes_;                               // given to idle threads
  std::mutex mutex_;                              // guards all below but threads_
  std::deque<std::shared_ptr<LaneOwner>> lanes_;  ///< those with work, in turn
  std::deque<std::function<void()>> tasks_;
  std::size_t idle_ = 0;  ///< threads to which no wake has been given
  bool stopping_ = false;
  std::vector<std::jthread> threads_;
};

}  // namespace amas::serve
