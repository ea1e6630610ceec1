#include "base/clock.h"

#include <gtest/gtest.h>

namespace amas {
namespace {

TEST(Clock, formats_times_in_utc) {
  EXPECT_EQ(format_time(0), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(format_time(1'700'000'000'000'042), "2023-11-14T22:13:20.000042Z");
  EXPECT_EQ(format_time(951'827'696'999'999), "2000-02-29T12:34:56.999999Z");
}

TEST(Clock, of_the_machine_goes_forward) {
  const auto before = system_clock().steady_us();
  EXPECT_GE(system_clock().steady_us(), before);
  EXPECT_GT(system_clock().now_us(), 1'700'000'000'000'000);
}

TEST(Clock, of_a_test_moves_only_by_hand) {
  ManualClock clock(5);
  EXPECT_EQ(clock.now_us(), 5);
  clock.advance_us(10);
  EXPECT_EQ(clock.now_us(), 15);
  EXPECT_EQ(clock.steady_us(), 15);
}

}  // namespace
}  // namespace amas
