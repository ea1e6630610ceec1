#include "base/result.h"

#include <gtest/gtest.h>

#include <memory>

namespace amas {
namespace {

Result<int> half(int value) {
  if (value % 2 != 0) return invalid_argument("not even: " + std::to_string(value));
  return value / 2;
}

Result<int> quarter(int value) {
  AMAS_TRY(const int first, half(value));
  AMAS_TRY(const int second, half(first));
  return second;
}

Status check_even(int value) {
  AMAS_CHECK(half(value));
  return {};
}

TEST(Result, passes_values_on_and_errors_out) {
  EXPECT_EQ(*quarter(12), 3);
  ASSERT_FALSE(quarter(6).has_value());
  EXPECT_EQ(quarter(6).error().code, Code::kInvalidArgument);
  EXPECT_EQ(quarter(6).error().message, "not even: 3");
  EXPECT_TRUE(check_even(2).has_value());
  EXPECT_EQ(check_even(3).error().message, "not even: 3");
}

TEST(Result, moves_values_that_cannot_be_copied) {
  const auto make = [] { return Result<std::unique_ptr<int>>(std::make_unique<int>(7)); };
  const auto use = [&]() -> Result<int> {
    AMAS_TRY(const std::unique_ptr<int> value, make());
    return *value;
  };
  EXPECT_EQ(*use(), 7);
}

TEST(Result, error_names_the_place_in_front) {
  const Error error = not_found("no such file: a").at("line 3");
  EXPECT_EQ(error.code, Code::kNotFound);
  EXPECT_EQ(error.message, "line 3: no such file: a");
}

TEST(Result, makers_give_their_code) {
  EXPECT_EQ(failed_precondition("").code, Code::kFailedPrecondition);
  EXPECT_EQ(resource_exhausted("").code, Code::kResourceExhausted);
  EXPECT_EQ(unavailable("").code, Code::kUnavailable);
  EXPECT_EQ(data_loss("").code, Code::kDataLoss);
  EXPECT_EQ(internal_error("").code, Code::kInternal);
  EXPECT_EQ(unimplemented("").code, Code::kUnimplemented);
}

TEST(Result, codes_map_to_the_names_and_statuses_of_others) {
  EXPECT_EQ(code_name(Code::kInvalidArgument), "INVALID_ARGUMENT");
  EXPECT_EQ(code_name(Code::kUnauthenticated), "UNAUTHENTICATED");
  EXPECT_EQ(http_status(Code::kInvalidArgument), 400);
  EXPECT_EQ(http_status(Code::kNotFound), 404);
  EXPECT_EQ(http_status(Code::kUnavailable), 503);
  EXPECT_EQ(http_status(Code::kResourceExhausted), 429);
  EXPECT_EQ(exit_status(Code::kInvalidArgument), 64) << "EX_USAGE";
  EXPECT_EQ(exit_status(Code::kNotFound), 66) << "EX_NOINPUT";
  for (int code = 1; code <= 16; ++code) {
    EXPECT_GE(http_status(static_cast<Code>(code)), 400);
    EXPECT_GE(exit_status(static_cast<Code>(code)), 64);
    EXPECT_LE(exit_status(static_cast<Code>(code)), 78);
  }
}

TEST(Result, an_unknown_code_is_unknown) {
  EXPECT_EQ(code_name(static_cast<Code>(99)), "UNKNOWN");
  EXPECT_EQ(http_status(static_cast<Code>(99)), 500);
}

}  // namespace
}  // namespace amas
