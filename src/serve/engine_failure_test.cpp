#include "serve/engine_failure.h"

#include <gtest/gtest.h>

namespace amas::serve {
namespace {

TEST(EngineFailure, keeps_its_code_and_says_what_to_do) {
  for (const Code code : {Code::kInvalidArgument, Code::kResourceExhausted, Code::kInternal})
    EXPECT_EQ(failure_for_client(code).code, code);
  EXPECT_NE(failure_for_client(Code::kResourceExhausted).message.find("fewer rows"), std::string::npos);
}

TEST(EngineFailure, goes_into_the_log_without_the_numbers_of_a_request) {
  EXPECT_EQ(failure_for_log("Gather: idx=-4711 must be within [-10,9]"),
            "Gather: idx=-#### must be within [-##,#]");
}

}  // namespace
}  // namespace amas::serve
