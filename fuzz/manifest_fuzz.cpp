// model.json and profile.json from a package that someone else made.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "model/manifest.h"
#include "model/profile.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto manifest = amas::model::manifest_from_json(text)) {
    // What was accepted must survive being written and read again.
    const std::string written = amas::model::to_json(*manifest);
    const auto again = amas::model::manifest_from_json(written);
    if (!again || amas::model::to_json(*again) != written) std::abort();
  }
  if (const auto profile = amas::model::profile_from_json(text)) {
    (void)profile->characters.bin(12);
    const std::string written = amas::model::to_json(*profile);
    const auto again = amas::model::profile_from_json(written);
    if (!again || amas::model::to_json(*again) != written) std::abort();
  }
  return 0;
}
