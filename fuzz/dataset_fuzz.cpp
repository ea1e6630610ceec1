// Hostile datasets: what is read at all is written again as bytes that read back as the same bytes.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "data/dataset.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto dataset = amas::data::dataset_from_bytes({reinterpret_cast<const char*>(data), size});
  if (!dataset) return 0;
  const std::string bytes = amas::data::to_bytes(*dataset);
  const auto again = amas::data::dataset_from_bytes(bytes);
  if (!again || amas::data::to_bytes(*again) != bytes) std::abort();
  static_cast<void>(amas::dump_json(amas::data::profile_table(dataset->table)));
  return 0;
}
