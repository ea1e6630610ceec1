#include "engines/forest/compiled.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engines/forest/walk.h"

namespace amas::engines::forest {
namespace {

// Rows whose features stay in the cache while all trees pass; deep trees do not, so more rows share each.
constexpr std::size_t kBlockRows = 64, kDeepBlockRows = 512;
constexpr std::size_t kSumsOnStack = 64;

/// The sums of some rows while trees pass.
template <class S>
struct Sums {
  S* sums;              // [rows, targets]
  std::uint8_t* voted;  // [rows, targets]; null when nobody asks
  std::size_t targets;
};

template <class T, class S>
class Walker final : public Compiled<T> {
 public:
  explicit Walker(Layout<T, S> layout) : layout_(std::move(layout)) {}
  void margins(const Rows<T>& rows, std::span<double> margins, std::span<std::uint8_t> voted) const override;
  std::size_t memory_bytes() const override { return layout_.memory_bytes(); }

 private:
  std::size_t targets() const { return static_cast<std::size_t>(layout_.targets); }
  bool needs_voted() const {
    return layout_.aggregate == Aggregate::kMin || layout_.aggregate == Aggregate::kMax;
  }
  bool needs_rewriting(const Rows<T>& rows, std::size_t begin, std::size_t count) const;
  void rewrite(const Rows<T>& rows, std::size_t begin, std::size_t count, std::vector<T>& scratch) const;
  void block(const Rows<T>& rows, std::size_t begin, std::size_t count, const Sums<S>& out) const;
  template <class R>
  void walk_rows(const WalkRows<T>& shallow, const WalkRows<T>& deep, std::size_t count,
                 const Sums<S>& out) const;
  template <class R>
  void walk_row(const WalkRows<T>& shallow, const WalkRows<T>& deep, const Sums<S>& out) const;
  template <class R>
  S walk_row_one_target(const WalkRows<T>& shallow, const WalkRows<T>& deep, S start) const;
  template <class R>
  void ends_of_row(const Unit& unit, const WalkRows<T>& shallow, const WalkRows<T>& deep, Ends& ends) const;
  void add(const Unit& unit, std::size_t lane, std::uint32_t end, std::size_t row, const Sums<S>& out) const;
  S value_of(const Unit& unit, std::size_t lane, std::uint32_t end) const {
    return unit.depth >= 0 ? layout_.leaves[unit.leaves_at + (lane << unit.depth) + end]
                           : layout_.deep_leaves[end];
  }
  void start(std::size_t count, const Sums<S>& out) const;
  void finish(std::size_t count, const Sums<S>& out) const;

  Layout<T, S> layout_;
};

template <class T, class S>
bool Walker<T, S>::needs_rewriting(const Rows<T>& rows, std::size_t begin, std::size_t count) const {
  if (!layout_.nan_moves && !layout_.zero_moves) return false;
  constexpr auto kZero = static_cast<T>(kZeroThreshold);
  for (std::size_t r = begin; r < begin + count; ++r) {
    const T* row = rows.data + static_cast<std::ptrdiff_t>(r) * rows.row_stride;
    unsigned missing = 0;
    if (rows.column_stride == 1 && !layout_.zero_moves) {
      for (std::int32_t c = 0; c < layout_.features; ++c) missing |= row[c] != row[c] ? 1U : 0U;
    } else {
      for (std::int32_t c = 0; c < layout_.features; ++c) {
        const T value = row[c * rows.column_stride];
        missing |= !(std::abs(value) > (layout_.zero_moves ? kZero : T{-1})) ? 1U : 0U;
      }
    }
    if (missing != 0) return true;
  }
  return false;
}

template <class T, class S>
void Walker<T, S>::rewrite(const Rows<T>& rows, std::size_t begin, std::size_t count,
                           std::vector<T>& scratch) const {
  constexpr auto kZero = static_cast<T>(kZeroThreshold);
  scratch.resize(count * layout_.columns.size());
  T* out = scratch.data();
  for (std::size_t r = begin; r < begin + count; ++r) {
    const T* row = rows.data + static_cast<std::ptrdiff_t>(r) * rows.row_stride;
    for (const Column& column : layout_.columns) {
      const T value = row[static_cast<std::ptrdiff_t>(column.feature) * rows.column_stride];
      const bool missing = std::isnan(value) || (column.zero_like_nan && std::abs(value) <= kZero);
      *out++ = !missing          ? value
               : column.nan_left ? -std::numeric_limits<T>::infinity()
                                 : std::numeric_limits<T>::quiet_NaN();
    }
  }
}

template <class T, class S>
template <class R>
void Walker<T, S>::ends_of_row(const Unit& unit, const WalkRows<T>& shallow, const WalkRows<T>& deep,
                               Ends& ends) const {
  if (unit.depth >= 0) {
    walk::shallow_row<R>(layout_.shallow.data() + unit.nodes_at, unit.depth, unit.count, shallow.data,
                         shallow.column_stride, ends);
    return;
  }
  for (std::size_t k = 0; k < kLanes; ++k)
    ends[k] = layout_.deep_roots[unit.first + (k < unit.count ? k : 0)];
  walk::deep(layout_, deep.data, 0, deep.column_stride, ends);
}

/// Adds what the leaf where a lane ended votes for.
template <class T, class S>
void Walker<T, S>::add(const Unit& unit, std::size_t lane, std::uint32_t end, std::size_t row,
                       const Sums<S>& out) const {
  S* sums = out.sums + row * out.targets;
  std::uint8_t* voted = out.voted == nullptr ? nullptr : out.voted + row * out.targets;
  if (layout_.one_vote) {
    const std::size_t target = layout_.tree_target[unit.first + lane];
    sums[target] += value_of(unit, lane, end);
    if (voted != nullptr) voted[target] = 1;
    return;
  }
  const auto range = unit.depth >= 0 ? layout_.leaf_votes[unit.leaves_at + (lane << unit.depth) + end]
                                     : layout_.deep_leaf_votes[end];
  for (std::uint32_t i = range.begin; i < range.end; ++i) {
    const auto target = static_cast<std::size_t>(layout_.votes[i].target);
    const auto weight = static_cast<S>(layout_.votes[i].weight);
    switch (layout_.aggregate) {
      case Aggregate::kMin:
        if (voted[target] == 0 || weight < sums[target]) sums[target] = weight;
        break;
      case Aggregate::kMax:
        if (voted[target] == 0 || weight > sums[target]) sums[target] = weight;
        break;
      default:
        sums[target] += weight;
    }
    if (voted != nullptr) voted[target] = 1;
  }
}

template <class T, class S>
template <class R>
S Walker<T, S>::walk_row_one_target(const WalkRows<T>& shallow, const WalkRows<T>& deep, S sum) const {
  Ends ends;
  for (const Unit& unit : layout_.units) {
    ends_of_row<R>(unit, shallow, deep, ends);
    for (std::size_t k = 0; k < unit.count; ++k) sum += value_of(unit, k, ends[k]);
  }
  return sum;
}

template <class T, class S>
template <class R>
void Walker<T, S>::walk_row(const WalkRows<T>& shallow, const WalkRows<T>& deep, const Sums<S>& out) const {
  if (layout_.one_vote && out.targets == 1) {
    out.sums[0] = walk_row_one_target<R>(shallow, deep, out.sums[0]);
    if (out.voted != nullptr) out.voted[0] = layout_.units.empty() ? 0 : 1;
    return;
  }
  Ends ends;
  for (const Unit& unit : layout_.units) {
    ends_of_row<R>(unit, shallow, deep, ends);
    for (std::size_t k = 0; k < unit.count; ++k) add(unit, k, ends[k], 0, out);
  }
}

/// `count` is a multiple of kLanes.
template <class T, class S>
template <class R>
void Walker<T, S>::walk_rows(const WalkRows<T>& shallow, const WalkRows<T>& deep, std::size_t count,
                             const Sums<S>& out) const {
  const bool plain = layout_.one_vote && out.targets == 1;
  Ends ends;
  for (const Unit& unit : layout_.units) {
    for (std::size_t tree = 0; tree < unit.count; ++tree) {
      for (std::size_t row = 0; row < count; row += kLanes) {
        const auto at = static_cast<std::ptrdiff_t>(row);
        if (unit.depth >= 0) {
          walk::shallow_rows<R>(layout_.shallow.data() + unit.nodes_at + (tree << unit.depth), unit.depth,
                                shallow.data + at * shallow.row_stride, shallow, ends);
        } else {
          ends.fill(layout_.deep_roots[unit.first + tree]);
          walk::deep(layout_, deep.data + at * deep.row_stride, deep.row_stride, deep.column_stride, ends);
        }
        if (plain) {
          for (std::size_t k = 0; k < kLanes; ++k) out.sums[row + k] += value_of(unit, tree, ends[k]);
        } else {
          for (std::size_t k = 0; k < kLanes; ++k) add(unit, tree, ends[k], row + k, out);
        }
      }
    }
  }
  if (plain && out.voted != nullptr) std::fill_n(out.voted, count, layout_.units.empty() ? 0 : 1);
}

template <class T, class S>
void Walker<T, S>::start(std::size_t count, const Sums<S>& out) const {
  const bool base = layout_.base_order == BaseOrder::kFirst && !layout_.base.empty();
  for (std::size_t row = 0; row < count; ++row)
    for (std::size_t target = 0; target < out.targets; ++target)
      out.sums[row * out.targets + target] = base ? layout_.base[target] : S{0};
  if (out.voted != nullptr) std::fill_n(out.voted, count * out.targets, 0);
}

template <class T, class S>
void Walker<T, S>::finish(std::size_t count, const Sums<S>& out) const {
  const bool base = layout_.base_order == BaseOrder::kLast && !layout_.base.empty();
  for (std::size_t row = 0; row < count; ++row)
    for (std::size_t target = 0; target < out.targets; ++target) {
      S& sum = out.sums[row * out.targets + target];
      if (layout_.aggregate == Aggregate::kAverage) sum /= layout_.divisor;
      if (base) sum += layout_.base[target];
    }
}

template <class T, class S>
void Walker<T, S>::block(const Rows<T>& rows, std::size_t begin, std::size_t count,
                         const Sums<S>& out) const {
  WalkRows<T> deep{rows.data + static_cast<std::ptrdiff_t>(begin) * rows.row_stride, rows.row_stride,
                   rows.column_stride, false};
  WalkRows<T> shallow = deep;
  std::vector<T> scratch;
  if (needs_rewriting(rows, begin, count)) {
    rewrite(rows, begin, count, scratch);
    shallow = {scratch.data(), static_cast<std::ptrdiff_t>(layout_.columns.size()), 1, true};
  }
  const auto with = [&]<class R>(R) {
    const std::size_t together = count / kLanes * kLanes;
    walk_rows<R>(shallow, deep, together, out);
    for (std::size_t row = together; row < count; ++row) {
      WalkRows<T> one = shallow, one_deep = deep;
      one.data += static_cast<std::ptrdiff_t>(row) * shallow.row_stride;
      one_deep.data += static_cast<std::ptrdiff_t>(row) * deep.row_stride;
      walk_row<R>(one, one_deep,
                  {out.sums + row * out.targets,
                   out.voted == nullptr ? nullptr : out.voted + row * out.targets, out.targets});
    }
  };
  start(count, out);
  if (shallow.columns) with(walk::Reader<true, true>{});
  else if (shallow.column_stride == 1) with(walk::Reader<false, true>{});
  else with(walk::Reader<false, false>{});
  finish(count, out);
}

template <class T, class S>
void Walker<T, S>::margins(const Rows<T>& rows, std::span<double> margins,
                           std::span<std::uint8_t> voted) const {
  std::array<S, kSumsOnStack> few;
  std::vector<S> many;
  std::vector<std::uint8_t> own_voted;
  S* sums = few.data();
  const std::size_t together = layout_.deep.empty() ? kBlockRows : kDeepBlockRows;
  const std::size_t largest = std::min(rows.count, together) * targets();
  if (largest > few.size()) {
    many.resize(largest);
    sums = many.data();
  }
  if (voted.empty() && needs_voted()) own_voted.resize(largest);
  for (std::size_t begin = 0; begin < rows.count; begin += together) {
    const std::size_t count = std::min(together, rows.count - begin);
    std::uint8_t* flags = !voted.empty()       ? voted.data() + begin * targets()
                          : !own_voted.empty() ? own_voted.data()
                                               : nullptr;
    block(rows, begin, count, {sums, flags, targets()});
    std::copy_n(sums, count * targets(), margins.data() + begin * targets());
  }
}

template <class T, class S>
Result<std::unique_ptr<Compiled<T>>> make(const Forest& forest) {
  AMAS_TRY(auto layout, lay_out<T, S>(forest));
  return std::unique_ptr<Compiled<T>>(std::make_unique<Walker<T, S>>(std::move(layout)));
}

}  // namespace

template <class T>
Result<std::unique_ptr<Compiled<T>>> compile(const Forest& forest) {
  AMAS_CHECK(validate(forest));
  return forest.number == Number::kFloat32 ? make<T, float>(forest) : make<T, double>(forest);
}

template Result<std::unique_ptr<Compiled<float>>> compile(const Forest&);
template Result<std::unique_ptr<Compiled<double>>> compile(const Forest&);

}  // namespace amas::engines::forest
