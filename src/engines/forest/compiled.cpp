#include "engines/forest/compiled.h"

#include "engines/forest/walker.h"

namespace amas::engines::forest {
namespace {

template <class T, class S>
std::unique_ptr<Compiled<T>> make(const Forest& forest, Paths paths) {
  return std::make_unique<Walker<T, S>>(lay_out<T, S>(forest), paths);
}

}  // namespace

template <class T>
Result<std::unique_ptr<Compiled<T>>> compile(const Forest& forest, Paths paths) {
  AMAS_CHECK(validate(forest));
  return forest.number == Number::kFloat32 ? make<T, float>(forest, paths) : make<T, double>(forest, paths);
}

template Result<std::unique_ptr<Compiled<float>>> compile(const Forest&, Paths);
template Result<std::unique_ptr<Compiled<double>>> compile(const Forest&, Paths);

}  // namespace amas::engines::forest
