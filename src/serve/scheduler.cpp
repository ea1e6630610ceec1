#include "serve/scheduler.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/threads.h"

namespace amas::serve {

Scheduler::Scheduler(const Options& options) : options_(options) {
  for (std::size_t i = 0; i < std::max<std::size_t>(options.threads, 1); ++i)
    threads_.emplace_back([this, i] { work(i); });
}

Scheduler::~Scheduler() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  for (std::size_t i = 0; i < threads_.size(); ++i) wakes_.release();
}

Status Scheduler::enqueue(const std::shared_ptr<LaneOwner>& owner, std::unique_ptr<Pending>& pending) {
  bool wake = false;
  {
    const std::scoped_lock lock(mutex_);
    Lane& lane = owner->lane;
    const auto rows = static_cast<std::size_t>(pending->rows);
    if (lane.rows >= options_.queue_rows_max)
      return resource_exhausted(fmt::format("too many rows wait for this model: {}, and {} may; retry later",
                                            lane.rows, options_.queue_rows_max));
    lane.rows += rows;
    lane.waiting.push_back(std::move(pending));
    if (!lane.is_listed) {
      lane.is_listed = true;
      lanes_.push_back(owner);
      wake = claim_idle_thread();
    }
  }
  if (wake) wakes_.release();
  return {};
}

bool Scheduler::run(std::function<void()> task) {
  bool wake = false;
  {
    const std::scoped_lock lock(mutex_);
    if (stopping_ || tasks_.size() >= options_.tasks_max) return false;
    tasks_.push_back(std::move(task));
    wake = claim_idle_thread();
  }
  if (wake) wakes_.release();
  return true;
}

void Scheduler::work(std::size_t number) {
  name_this_thread("compute-" + std::to_string(number));
  std::unique_lock lock(mutex_);
  bool task_next = false;
  while (true) {
    task_next = !task_next;
    if (!tasks_.empty() && (task_next || lanes_.empty())) {
      auto task = std::move(tasks_.front());
      tasks_.pop_front();
      lock.unlock();
      task();
      task = nullptr;
      lock.lock();
    } else if (!lanes_.empty()) {
      std::shared_ptr<LaneOwner> owner;
      Batch batch = take_batch(owner);
      const bool wake = !lanes_.empty() && claim_idle_thread();
      lock.unlock();
      if (wake) wakes_.release();
      owner->run(std::move(batch));
      owner.reset();
      lock.lock();
    } else if (stopping_) {
      return;
    } else {
      ++idle_;
      lock.unlock();
      wakes_.acquire();
      lock.lock();
    }
  }
}

bool Scheduler::claim_idle_thread() {
  if (idle_ == 0) return false;
  --idle_;
  return true;
}

Batch Scheduler::take_batch(std::shared_ptr<LaneOwner>& owner) {
  owner = std::move(lanes_.front());
  lanes_.pop_front();
  Lane& lane = owner->lane;
  Batch batch;
  std::size_t rows = 0;
  while (!lane.waiting.empty()) {
    const auto more = static_cast<std::size_t>(lane.waiting.front()->rows);
    if (!batch.empty() && rows + more > options_.batch_rows_max) break;
    rows += more;
    batch.push_back(std::move(lane.waiting.front()));
    lane.waiting.pop_front();
  }
  lane.rows -= rows;
  lane.is_listed = !lane.waiting.empty();
  if (lane.is_listed) lanes_.push_back(owner);
  return batch;
}

}  // namespace amas::serve
