#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace amas::features {

/// How often each term stands in one text. Its table is as large as the text wants and not as the vocabulary
/// is, so that counting stays in the nearest cache. Reused from text to text.
class TermCounts {
 public:
  /// A term and how often it stands in the text.
  struct Entry {
    std::uint32_t term;
    std::uint32_t count;
  };

  /// Begins a text of about this many terms.
  void begin(std::size_t terms);
  /// Counts a term.
  void add(std::uint32_t term) {
    std::size_t slot = home(term);
    for (; slots_[slot] != 0; slot = (slot + 1) & mask_) {
      Entry& entry = entries_[slots_[slot] - 1];
      if (entry.term == term) return static_cast<void>(++entry.count);
    }
    entries_.push_back({term, 1});
    slots_[slot] = static_cast<std::uint32_t>(entries_.size());
    if (entries_.size() * 2 > mask_) grow();
  }
  /// Puts the entries into the rising order of their terms, all below `end`. Counting has ended with it.
  void sort(std::uint32_t end);
  /// Each term once; before sort() in the order in which they came first.
  std::span<const Entry> entries() const { return entries_; }
  /// The memory that it holds.
  std::size_t bytes() const {
    return (entries_.capacity() + spare_.capacity()) * sizeof(Entry) + slots_.capacity() * sizeof slots_[0];
  }

 private:
  std::size_t home(std::uint32_t term) const { return (term * 0x9E3779B1u) >> shift_; }
  void set_size(std::size_t slots);
  void grow();

  std::vector<Entry> entries_;
  std::vector<Entry> spare_;  ///< for sorting
  std::vector<std::uint32_t>
      slots_;             ///< 1 + the place of an entry, 0: none; linear probing, half full at most
  std::size_t mask_ = 0;  ///< slots in use - 1
  int shift_ = 0;
};

}  // namespace amas::features
