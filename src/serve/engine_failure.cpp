#include "serve/engine_failure.h"

#include <algorithm>

namespace amas::serve {

Error failure_for_client(Code code) {
  if (code == Code::kResourceExhausted)
    return resource_exhausted("the model ran out of memory on this request; send fewer rows, or retry later");
  if (code == Code::kInvalidArgument)
    return invalid_argument(
        "the model cannot take these inputs, though they fit its signature; check their values; the server's "
        "log says more");
  return {code, "the model failed on these inputs; the server's log says more"};
}

std::string failure_for_log(std::string message) {
  std::ranges::replace_if(
      message, [](char c) { return c >= '0' && c <= '9'; }, '#');
  return message;
}

}  // namespace amas::serve
