// A spec file of any bytes is read or refused.

#include <cstdint>
#include <string_view>

#include "pipeline/spec.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  (void)amas::pipeline::parse_spec({reinterpret_cast<const char*>(data), size}, ".");
  return 0;
}
