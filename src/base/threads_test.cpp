#include "base/threads.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <atomic>
#include <latch>
#include <numeric>

namespace amas {
namespace {

TEST(Guarded, lets_one_thread_at_a_time_at_its_value) {
  Guarded<int> counter(0);
  parallel_for(8, 8, [&](std::size_t) {
    for (int i = 0; i < 1000; ++i) counter.with([](int& value) { ++value; });
  });
  EXPECT_EQ(std::as_const(counter).with([](const int& value) { return value; }), 8000);
}

TEST(BoundedQueue, keeps_order_and_refuses_when_full) {
  BoundedQueue<int> queue(2);
  EXPECT_TRUE(queue.try_push(1));
  EXPECT_TRUE(queue.try_push(2));
  EXPECT_FALSE(queue.try_push(3));
  EXPECT_EQ(queue.size(), 2u);
  EXPECT_EQ(queue.pop(), 1);
  EXPECT_TRUE(queue.try_push(4));
  EXPECT_EQ(queue.pop(), 2);
  EXPECT_EQ(queue.pop(), 4);
}

TEST(BoundedQueue, leaves_a_refused_item_untouched) {
  BoundedQueue<std::string> queue(0);
  std::string item = "a text that is longer than any small string";
  const std::string copy = item;
  EXPECT_FALSE(queue.try_push(std::move(item)));
  EXPECT_EQ(item, copy);
}

TEST(BoundedQueue, gives_out_what_is_left_once_closed_and_then_nothing) {
  BoundedQueue<int> queue(2);
  queue.try_push(1);
  queue.close();
  EXPECT_FALSE(queue.try_push(2));
  EXPECT_EQ(queue.pop(), 1);
  EXPECT_EQ(queue.pop(), std::nullopt);
}

TEST(BoundedQueue, wakes_waiting_readers_when_closed) {
  BoundedQueue<int> queue(1);
  std::atomic<int> ended{0};
  {
    std::vector<std::jthread> readers;
    for (int i = 0; i < 3; ++i)
      readers.emplace_back([&] {
        EXPECT_EQ(queue.pop(), std::nullopt);
        ++ended;
      });
    queue.close();
  }
  EXPECT_EQ(ended, 3);
}

TEST(ThreadPool, runs_everything_that_was_queued_before_it_ends) {
  std::atomic<int> done{0};
  {
    ThreadPool pool("test", 3, 100);
    for (int i = 0; i < 100; ++i)
      while (!pool.try_run([&] { ++done; })) std::this_thread::yield();
  }
  EXPECT_EQ(done, 100);
}

TEST(ThreadPool, refuses_tasks_beyond_its_queue) {
  std::latch started(1), release(1);
  ThreadPool pool("test", 1, 1);
  ASSERT_TRUE(pool.try_run([&] {
    started.count_down();
    release.wait();
  }));
  started.wait();
  EXPECT_TRUE(pool.try_run([] {})) << "one may wait";
  EXPECT_EQ(pool.waiting(), 1u);
  EXPECT_FALSE(pool.try_run([] {}));
  release.count_down();
}

TEST(ThreadPool, names_its_threads) {
  std::string name(16, '\0');
  {
    ThreadPool pool("compute", 1, 1);
    pool.try_run([&] { ::pthread_getname_np(::pthread_self(), name.data(), name.size()); });
  }
  EXPECT_STREQ(name.c_str(), "compute-0");
}

TEST(Threads, long_names_are_cut) {
  std::jthread([] {
    name_this_thread("a name longer than fifteen bytes");
    char name[16];
    ::pthread_getname_np(::pthread_self(), name, sizeof name);
    EXPECT_STREQ(name, "a name longer t");
  });
}

TEST(ParallelFor, calls_once_for_each_index) {
  for (const std::size_t threads : {0, 1, 3, 50}) {
    std::vector<std::atomic<int>> calls(40);
    parallel_for(calls.size(), threads, [&](std::size_t i) { ++calls[i]; });
    for (const auto& count : calls) EXPECT_EQ(count, 1);
  }
  parallel_for(0, 4, [](std::size_t) { FAIL(); });
}

TEST(Threads, there_is_a_processor) { EXPECT_GE(processors(), 1u); }

}  // namespace
}  // namespace amas
