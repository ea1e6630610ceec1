// Reads hostile bytes as pipeline.json; what is accepted must write itself unchanged and prepare any text.

#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "features/pipeline.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace amas;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto pipeline = features::Pipeline::from_json(input);
  if (!pipeline) return 0;
  const auto again = features::Pipeline::from_json(pipeline->to_json());
  if (!again || again->to_json() != pipeline->to_json()) std::abort();
  // The input itself is a hostile text, too.
  const Tensor texts = Tensor::of_strings({2}, {std::string(input), "free money ΑΣ"});
  const std::vector<TensorView> columns{texts};
  std::vector<features::TextObservation> observed;
  const auto tensors = pipeline->transform(columns, &observed);
  if (!tensors || observed.size() != 2) std::abort();
  for (const std::int32_t index : (*tensors)[0].data<std::int32_t>())
    if (index < 0 || index >= pipeline->index_count()) std::abort();
  return 0;
}
