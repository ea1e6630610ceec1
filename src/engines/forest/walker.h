#pragma once

#include "engines/forest/column_blocks.h"
#include "engines/forest/processor.h"
#include "engines/forest/walk.h"

namespace amas::engines::forest {

/// The sums of some rows while trees pass.
template <class S>
struct Sums {
  S* sums = nullptr;              // [rows, targets]
  std::uint8_t* voted = nullptr;  // [rows, targets]; null when nobody asks
  std::size_t targets = 1;
  /// Those of one row and the rows behind it.
  Sums from(std::size_t row) const {
    return {sums + row * targets, voted == nullptr ? nullptr : voted + row * targets, targets};
  }
};

/// The rows of one pass, in each form that some unit of trees reads.
template <class T>
struct PassRows {
  std::size_t count = 0;
  WalkRows<T> plain{};                   ///< as they came, for deep trees
  WalkRows<T> shallow{};                 ///< missing values rewritten if there are any, for complete trees
  const ColumnBlocks* blocks = nullptr;  ///< null where complete trees are walked row by row
};

/// Trees passing over rows; see Compiled.
template <class T, class S>
class Walker final : public Compiled<T> {
 public:
  Walker(Layout<T, S> layout, Paths paths);
  void margins(const Rows<T>& rows, std::span<double> margins, std::span<std::uint8_t> voted) const override;
  std::size_t memory_bytes() const override { return layout_.memory_bytes(); }

 private:
  std::size_t targets() const { return static_cast<std::size_t>(layout_.targets); }
  bool plain_sum() const { return layout_.one_vote && layout_.targets == 1; }
  bool needs_rewriting(const Rows<T>& rows, std::size_t begin, std::size_t count) const;
  void rewrite(const Rows<T>& rows, std::size_t begin, std::size_t count, std::vector<T>& scratch) const;
  void pass(const Rows<T>& rows, std::size_t begin, std::size_t count, const Sums<S>& out) const;
  template <class R>
  void walk_units(const PassRows<T>& rows, const Sums<S>& out) const;
  template <class R>
  void walk_rows(const Unit& unit, const PassRows<T>& rows, const Sums<S>& out) const;
  template <class R>
  void walk_row(const PassRows<T>& rows, const Sums<S>& out) const;
  template <class R>
  void ends_of_row(const Unit& unit, const PassRows<T>& rows, std::size_t row, Ends& ends) const;
  bool fits_block(const Unit& unit) const { return unit.depth >= 1 && unit.depth <= kBlockDepthMax; }
  void walk_blocks(const Unit& unit, const PassRows<T>& rows, const Sums<S>& out) const;
  void add(const Unit& unit, std::size_t tree, std::uint32_t end, const Sums<S>& out) const;
  S value_of(const Unit& unit, std::size_t tree, std::uint32_t end) const {
    return unit.depth >= 0 ? layout_.leaves[unit.leaves_at + (tree << unit.depth) + end]
                           : layout_.deep_leaves[end];
  }
  void start(std::size_t count, const Sums<S>& out) const;
  void finish(std::size_t count, const Sums<S>& out) const;

  Layout<T, S> layout_;
  const BlockWalks* block_walks_ = nullptr;  ///< null where this processor or these trees have none
  bool rows_beside_blocks_ = false;          ///< complete trees too deep for blocks
};

}  // namespace amas::engines::forest
