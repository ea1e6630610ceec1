#include "serve/failures.h"

#include <algorithm>
#include <string_view>

namespace amas::serve {
namespace {

std::string_view reason_of(Code code) {
  switch (code) {
    case Code::kDataLoss:
    case Code::kNotFound:
      return "its package is damaged or not there";
    case Code::kResourceExhausted:
      return "memory is short";
    case Code::kUnimplemented:
      return "no engine here runs it";
    case Code::kInvalidArgument:
    case Code::kFailedPrecondition:
      return "its package holds nothing that can be served";
    default:
      return "something failed";
  }
}

}  // namespace

Error engine_failure_for_client(Code code) {
  if (code == Code::kResourceExhausted)
    return resource_exhausted("the model ran out of memory on this request; send fewer rows, or retry later");
  if (code == Code::kInvalidArgument)
    return invalid_argument(
        "the model cannot take these inputs, though they fit its signature; check their values; the server's "
        "log says more");
  return {code, "the model failed on these inputs; the server's log says more"};
}

std::string engine_failure_for_log(std::string message) {
  std::ranges::replace_if(
      message, [](char c) { return c >= '0' && c <= '9'; }, '#');
  return message;
}

Error load_failure_for_client(Code code) {
  return {code, std::string(reason_of(code)) + "; the server's log and `amas doctor` say more"};
}

}  // namespace amas::serve
