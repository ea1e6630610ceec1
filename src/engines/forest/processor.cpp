#include "engines/forest/processor.h"

namespace amas::engines::forest {

std::vector<const BlockWalks*> block_walks() {
  std::vector<const BlockWalks*> walks;
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx2")) walks.push_back(&block_walks_avx2());
  if (__builtin_cpu_supports("avx512f")) walks.push_back(&block_walks_avx512());
#endif
  return walks;
}

std::string_view processor_path() {
  const auto walks = block_walks();
  return walks.empty() ? "portable" : walks.back()->name;
}

}  // namespace amas::engines::forest
