#include "serve/failures.h"

#include <gtest/gtest.h>

namespace amas::serve {
namespace {

TEST(Failures, of_engines_keep_their_code_and_say_what_to_do) {
  for (const Code code : {Code::kInvalidArgument, Code::kResourceExhausted, Code::kInternal})
    EXPECT_EQ(engine_failure_for_client(code).code, code);
  EXPECT_NE(engine_failure_for_client(Code::kResourceExhausted).message.find("fewer rows"),
            std::string::npos);
}

TEST(Failures, go_into_the_log_without_the_numbers_of_a_request) {
  EXPECT_EQ(engine_failure_for_log("Gather: idx=-4711 must be within [-10,9]"),
            "Gather: idx=-#### must be within [-##,#]");
}

TEST(Failures, to_load_keep_their_code_and_send_the_operator_to_the_log) {
  for (const Code code : {Code::kDataLoss, Code::kNotFound, Code::kResourceExhausted, Code::kUnimplemented,
                          Code::kInvalidArgument, Code::kInternal}) {
    EXPECT_EQ(load_failure_for_client(code).code, code);
    EXPECT_NE(load_failure_for_client(code).message.find("log"), std::string::npos);
  }
}

}  // namespace
}  // namespace amas::serve
