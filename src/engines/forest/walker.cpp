#include "engines/forest/walker.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace amas::engines::forest {
namespace {

// Rows whose features stay in the cache while all trees pass; deep trees do not, so more rows share each.
constexpr std::size_t kTogether = kBlockRows, kDeepTogether = 512;
constexpr std::size_t kSumsOnStack = 64;

/// The numbers of a tree's leaves, as bits of floats.
constexpr auto kLeafNumbers = [] {
  std::array<float, 1 << kBlockDepthMax> numbers{};
  for (std::uint32_t i = 0; i < numbers.size(); ++i) numbers[i] = std::bit_cast<float>(i);
  return numbers;
}();

}  // namespace

template <class T, class S>
Walker<T, S>::Walker(Layout<T, S> layout, Paths paths) : layout_(std::move(layout)) {
  for (const Unit& unit : layout_.units) rows_beside_blocks_ |= unit.depth > kBlockDepthMax;
  if (paths == Paths::kPortable || layout_.columns.size() > ColumnBlocks::kColumnsMax) return;
  if constexpr (std::is_same_v<T, float>)
    if (const auto walks = block_walks(); !walks.empty()) block_walks_ = walks.back();
}

template <class T, class S>
bool Walker<T, S>::needs_rewriting(const Rows<T>& rows, std::size_t begin, std::size_t count) const {
  if (!layout_.nan_moves && !layout_.zero_moves) return false;
  const T smallest = layout_.zero_moves ? static_cast<T>(kZeroThreshold) : T{-1};
  for (std::size_t r = begin; r < begin + count; ++r) {
    const T* row = rows.data + static_cast<std::ptrdiff_t>(r) * rows.row_stride;
    unsigned missing = 0;
    if (rows.column_stride == 1) {
      for (std::int32_t c = 0; c < layout_.features; ++c) missing |= !(std::abs(row[c]) > smallest) ? 1U : 0U;
    } else {
      for (std::int32_t c = 0; c < layout_.features; ++c)
        missing |= !(std::abs(row[c * rows.column_stride]) > smallest) ? 1U : 0U;
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
void Walker<T, S>::ends_of_row(const Unit& unit, const PassRows<T>& rows, std::size_t row, Ends& ends) const {
  if (unit.depth >= 0) {
    walk::shallow_row<R>(layout_.shallow.data() + unit.nodes_at, unit.depth, unit.count,
                         rows.shallow.row(row), rows.shallow.column_stride, ends);
    return;
  }
  for (std::size_t k = 0; k < kLanes; ++k)
    ends[k] = layout_.deep_roots[unit.first + (k < unit.count ? k : 0)];
  walk::deep(layout_, rows.plain.row(row), 0, rows.plain.column_stride, ends);
}

/// Adds what the leaf where a row ended votes for.
template <class T, class S>
void Walker<T, S>::add(const Unit& unit, std::size_t tree, std::uint32_t end, const Sums<S>& out) const {
  if (layout_.one_vote) {
    const std::size_t target = layout_.tree_target[unit.first + tree];
    out.sums[target] += value_of(unit, tree, end);
    if (out.voted != nullptr) out.voted[target] = 1;
    return;
  }
  const auto range = unit.depth >= 0 ? layout_.leaf_votes[unit.leaves_at + (tree << unit.depth) + end]
                                     : layout_.deep_leaf_votes[end];
  for (std::uint32_t i = range.begin; i < range.end; ++i) {
    const auto target = static_cast<std::size_t>(layout_.votes[i].target);
    const auto weight = static_cast<S>(layout_.votes[i].weight);
    S& sum = out.sums[target];
    switch (layout_.aggregate) {
      case Aggregate::kMin:
        if (out.voted[target] == 0 || weight < sum) sum = weight;
        break;
      case Aggregate::kMax:
        if (out.voted[target] == 0 || weight > sum) sum = weight;
        break;
      default:
        sum += weight;
    }
    if (out.voted != nullptr) out.voted[target] = 1;
  }
}

template <class T, class S>
template <class R>
void Walker<T, S>::walk_row(const PassRows<T>& rows, const Sums<S>& out) const {
  Ends ends;
  if (plain_sum()) {
    S sum = out.sums[0];
    for (const Unit& unit : layout_.units) {
      ends_of_row<R>(unit, rows, 0, ends);
      for (std::size_t k = 0; k < unit.count; ++k) sum += value_of(unit, k, ends[k]);
    }
    out.sums[0] = sum;
    return;
  }
  for (const Unit& unit : layout_.units) {
    ends_of_row<R>(unit, rows, 0, ends);
    for (std::size_t k = 0; k < unit.count; ++k) add(unit, k, ends[k], out);
  }
}

template <class T, class S>
template <class R>
void Walker<T, S>::walk_rows(const Unit& unit, const PassRows<T>& rows, const Sums<S>& out) const {
  const std::size_t together = rows.count / kLanes * kLanes;
  Ends ends;
  for (std::size_t tree = 0; tree < unit.count; ++tree)
    for (std::size_t row = 0; row < together; row += kLanes) {
      if (unit.depth >= 0) {
        walk::shallow_rows<R>(layout_.shallow.data() + unit.nodes_at + (tree << unit.depth), unit.depth,
                              rows.shallow.row(row), rows.shallow, ends);
      } else {
        ends.fill(layout_.deep_roots[unit.first + tree]);
        walk::deep(layout_, rows.plain.row(row), rows.plain.row_stride, rows.plain.column_stride, ends);
      }
      if (plain_sum())
        for (std::size_t k = 0; k < kLanes; ++k) out.sums[row + k] += value_of(unit, tree, ends[k]);
      else
        for (std::size_t k = 0; k < kLanes; ++k) add(unit, tree, ends[k], out.from(row + k));
    }
  for (std::size_t row = together; row < rows.count; ++row) {
    ends_of_row<R>(unit, rows, row, ends);
    for (std::size_t k = 0; k < unit.count; ++k) add(unit, k, ends[k], out.from(row));
  }
}

/// Where leaves are single floats rows get them, else the leaves' numbers.
template <class T, class S>
void Walker<T, S>::walk_blocks(const Unit& unit, const PassRows<T>& rows, const Sums<S>& out) const {
  if constexpr (std::is_same_v<T, float>) {
    alignas(64) std::array<float, kBlockRows> picked;
    const BlockWalk go = block_walks_->of_depth[unit.depth];
    for (std::size_t tree = 0; tree < unit.count; ++tree) {
      const auto* nodes = layout_.shallow.data() + unit.nodes_at + (tree << unit.depth);
      for (std::size_t first = 0; first < rows.count; first += kBlockRows) {
        const std::size_t count = std::min<std::size_t>(kBlockRows, rows.count - first);
        if constexpr (std::is_same_v<S, float>) {
          if (plain_sum()) {
            go(nodes, layout_.leaves.data() + unit.leaves_at + (tree << unit.depth), rows.blocks->at(first),
               static_cast<int>(count), picked.data());
            for (std::size_t row = 0; row < count; ++row) out.sums[first + row] += picked[row];
            continue;
          }
        }
        go(nodes, kLeafNumbers.data(), rows.blocks->at(first), static_cast<int>(count), picked.data());
        for (std::size_t row = 0; row < count; ++row)
          add(unit, tree, std::bit_cast<std::uint32_t>(picked[row]), out.from(first + row));
      }
    }
  }
}

template <class T, class S>
template <class R>
void Walker<T, S>::walk_units(const PassRows<T>& rows, const Sums<S>& out) const {
  if (rows.count == 1) {
    walk_row<R>(rows, out);
    return;
  }
  for (const Unit& unit : layout_.units) {
    if (rows.blocks != nullptr && fits_block(unit)) walk_blocks(unit, rows, out);
    else walk_rows<R>(unit, rows, out);
  }
}

template <class T, class S>
void Walker<T, S>::start(std::size_t count, const Sums<S>& out) const {
  const bool base = layout_.base_order == BaseOrder::kFirst && !layout_.base.empty();
  for (std::size_t row = 0; row < count; ++row)
    for (std::size_t target = 0; target < out.targets; ++target)
      out.sums[row * out.targets + target] = base ? layout_.base[target] : S{0};
  // Where there is one target, and every leaf votes for it, nobody marks that.
  const bool all_vote = plain_sum() && !layout_.units.empty();
  if (out.voted != nullptr) std::fill_n(out.voted, count * out.targets, all_vote ? 1 : 0);
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
void Walker<T, S>::pass(const Rows<T>& rows, std::size_t begin, std::size_t count, const Sums<S>& out) const {
  PassRows<T> read{count,
                   {rows.data + static_cast<std::ptrdiff_t>(begin) * rows.row_stride, rows.row_stride,
                    rows.column_stride, false}};
  read.shallow = read.plain;
  ColumnBlocks blocks;
  std::vector<T> scratch;
  if constexpr (std::is_same_v<T, float>)
    if (block_walks_ != nullptr && count >= static_cast<std::size_t>(block_walks_->rows_min)) {
      blocks.fill(layout_.columns, rows, begin, count);
      read.blocks = &blocks;
    }
  if ((read.blocks == nullptr || rows_beside_blocks_) && needs_rewriting(rows, begin, count)) {
    rewrite(rows, begin, count, scratch);
    read.shallow = {scratch.data(), static_cast<std::ptrdiff_t>(layout_.columns.size()), 1, true};
  }
  start(count, out);
  if (read.shallow.columns) walk_units<walk::Reader<true, true>>(read, out);
  else if (read.shallow.column_stride == 1) walk_units<walk::Reader<false, true>>(read, out);
  else walk_units<walk::Reader<false, false>>(read, out);
  finish(count, out);
}

template <class T, class S>
void Walker<T, S>::margins(const Rows<T>& rows, std::span<double> margins,
                           std::span<std::uint8_t> voted) const {
  std::array<S, kSumsOnStack> few;
  std::vector<S> many;
  std::vector<std::uint8_t> own_voted;
  S* sums = few.data();
  const std::size_t together = layout_.deep.empty() ? kTogether : kDeepTogether;
  const std::size_t largest = std::min(rows.count, together) * targets();
  if (largest > few.size()) {
    many.resize(largest);
    sums = many.data();
  }
  const bool compares = layout_.aggregate == Aggregate::kMin || layout_.aggregate == Aggregate::kMax;
  if (voted.empty() && compares) own_voted.resize(largest);
  for (std::size_t begin = 0; begin < rows.count; begin += together) {
    const std::size_t count = std::min(together, rows.count - begin);
    std::uint8_t* flags = !voted.empty()       ? voted.data() + begin * targets()
                          : !own_voted.empty() ? own_voted.data()
                                               : nullptr;
    pass(rows, begin, count, {sums, flags, targets()});
    std::copy_n(sums, count * targets(), margins.data() + begin * targets());
  }
}

template class Walker<float, float>;
template class Walker<float, double>;
template class Walker<double, float>;
template class Walker<double, double>;

}  // namespace amas::engines::forest
