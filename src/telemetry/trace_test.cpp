#include "telemetry/trace.h"

#include <gtest/gtest.h>

#include <string>

namespace amas::telemetry {
namespace {

TEST(TraceParent, is_read_as_the_recommendation_says) {
  const std::string good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  ASSERT_TRUE(parse_traceparent(good));
  EXPECT_EQ("0af7651916cd43dd8448eb211c80319c", parse_traceparent(good)->trace_id);
  EXPECT_TRUE(parse_traceparent("cc" + good.substr(2) + "-what-the-future-will-be-like"));
  for (const std::string& bad :
       {std::string(), good.substr(1), good + "-x", good + ".", "ff" + good.substr(2),
        "cc" + good.substr(2) + ".x", std::string("00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01"),
        std::string("00-00000000000000000000000000000000-b7ad6b7169203331-01"),
        std::string("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01")})
    EXPECT_FALSE(parse_traceparent(bad)) << bad;
}

}  // namespace
}  // namespace amas::telemetry
