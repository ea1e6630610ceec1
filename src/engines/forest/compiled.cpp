#include "engines/forest/compiled.h"

#include "engines/forest/walker.h"

namespace amas::engines::forest {
namespace {

template <class T, class S>
Result<std::unique_ptr<Compiled<T>>> make(const Forest& forest, Paths paths) {
  AMAS_TRY(auto layout, lay_out<T, S>(forest));
  return std::unique_ptr<Compiled<T>>(std::make_unique<Walker<T, S>>(std::move(layout), paths));
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
