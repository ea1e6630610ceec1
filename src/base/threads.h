#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace amas {

/// A value inside its lock: it can be reached only while the lock is held.
template <class T>
class Guarded {
 public:
  Guarded() = default;
  explicit Guarded(T value) : value_(std::move(value)) {}
  /// Calls `use` with the value while the lock is held, and returns what it returns.
  template <class Use>
  decltype(auto) with(Use&& use) {
    const std::scoped_lock lock(mutex_);
    return std::forward<Use>(use)(value_);
  }
  /// The same for reading.
  template <class Use>
  decltype(auto) with(Use&& use) const {
    const std::scoped_lock lock(mutex_);
    return std::forward<Use>(use)(std::as_const(value_));
  }

 private:
  mutable std::mutex mutex_;
  T value_{};
};

/// Names the calling thread, for ps, top and debuggers (15 bytes are kept).
void name_this_thread(const std::string& name);

/// A queue between threads that holds at most `capacity` items and never blocks its writers.
template <class T>
class BoundedQueue {
 public:
  explicit BoundedQueue(std::size_t capacity) : capacity_(capacity) {}

  /// Adds an item; false, leaving it untouched, when the queue is full or closed.
  bool try_push(T&& item) {
    {
      const std::scoped_lock lock(mutex_);
      if (closed_ || items_.size() >= capacity_) return false;
      items_.push_back(std::move(item));
    }
    ready_.notify_one();
    return true;
  }

  /// Waits for an item; nothing once the queue is closed and empty.
  std::optional<T> pop() {
    std::unique_lock lock(mutex_);
    ready_.wait(lock, [&] { return closed_ || !items_.empty(); });
    if (items_.empty()) return std::nullopt;
    std::optional<T> item(std::move(items_.front()));
    items_.pop_front();
    return item;
  }

  /// Lets waiting readers finish what is queued, then return; refuses writers.
  void close() {
    {
      const std::scoped_lock lock(mutex_);
      closed_ = true;
    }
    ready_.notify_all();
  }

  /// How many items wait.
  std::size_t size() const {
    const std::scoped_lock lock(mutex_);
    return items_.size();
  }

 private:
  const std::size_t capacity_;
  mutable std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<T> items_;
  bool closed_ = false;
};

/// A fixed number of named threads that run tasks from a bounded queue.
class ThreadPool {
 public:
  /// Threads are named `name`-0, `name`-1, …; at most `queue_max` tasks wait.
  ThreadPool(const std::string& name, std::size_t threads, std::size_t queue_max);
  /// Runs what is queued, then joins.
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  /// Queues a task, which must not throw; false when the queue is full.
  bool try_run(std::function<void()> task) { return tasks_.try_push(std::move(task)); }
  /// How many tasks wait.
  std::size_t waiting() const { return tasks_.size(); }

 private:
  BoundedQueue<std::function<void()>> tasks_;
  std::vector<std::jthread> threads_;
};

/// Calls body(i) once for each i in [0, count), on up to `threads` threads, and returns when all are done.
/// The body must not throw.
void parallel_for(std::size_t count, std::size_t threads, const std::function<void(std::size_t)>& body);

/// Processors that this process may run on (its affinity mask), at least 1.
std::size_t processors();

}  // namespace amas
