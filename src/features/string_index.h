#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace amas::features {

/// Set in the hash of every string but those of 1 to 3 bytes.
inline constexpr std::uint64_t kLongStringBit = std::uint64_t{1} << 58;

/// hash_string() of a string that is empty or has more than 3 bytes.
std::uint64_t hash_long_string(std::string_view text);

/// A hash of a string's bytes, for StringIndex. The upper half of that of 1 to 3 bytes, such as three
/// letters, is these bytes and their number: it belongs to no other string. Not stored anywhere: it may
/// change between versions.
inline std::uint64_t hash_string(std::string_view text) {
  const std::size_t size = text.size();
  if (size - 1 >= 3) return hash_long_string(text);
  const auto byte = [&](std::size_t at) { return std::uint64_t{static_cast<std::uint8_t>(text[at])}; };
  const std::uint64_t whole = size << 24 | byte(0) << 16 | byte(size / 2) << 8 | byte(size - 1);
  return whole << 32 | (whole * 0x9E3779B97F4A7C15) >> 32;
}

/// A set of strings; each has an id, its place in the order of insertion. All bytes lie in one arena and the
/// hash table holds 8 bytes a slot, so a vocabulary of 200,000 n-grams takes about 7 MB and no allocation per
/// string. Threads: reading is safe from several at once while nobody inserts.
class StringIndex {
 public:
  /// The id that no string has.
  static constexpr std::uint32_t kNone = 0xFFFFFFFF;

  /// Makes room for this many strings, so that inserting them moves nothing.
  void reserve(std::size_t count);
  /// Gives back memory that only further insertions would need.
  void shrink() { arena_.shrink_to_fit(); }
  /// Adds a string; returns its id, or the id that it already had, or kNone when 4 GiB or 2^32 - 1 strings
  /// are full.
  std::uint32_t insert(std::string_view key);
  /// The id of a string; kNone when it is not in the set.
  std::uint32_t find(std::string_view key) const { return find(key, hash_string(key)); }
  /// The same, where hash_string(key) is known.
  std::uint32_t find(std::string_view key, std::uint64_t hash) const {
    if (slots_.empty()) return kNone;
    const auto tag = static_cast<std::uint32_t>(hash >> 32);
    const bool tag_is_key = (hash & kLongStringBit) == 0;
    for (const Slot* slot = &slots_[home(hash)]; slot->id != kNone;) {
      if (slot->tag == tag && (tag_is_key || is_equal(slot->id, key))) return slot->id;
      if (++slot == slots_.data() + slots_.size()) slot = slots_.data();
    }
    return kNone;
  }
  /// Asks the processor to fetch what find() with this hash will read first.
  void prefetch(std::uint64_t hash) const {
    if (!slots_.empty()) __builtin_prefetch(&slots_[home(hash)]);
  }
  /// The string with this id; borrowed until the next insertion.
  std::string_view at(std::uint32_t id) const {
    const std::uint32_t begin = id == 0 ? 0 : ends_[id - 1];
    return {arena_.data() + begin, ends_[id] - begin};
  }
  /// How many strings there are.
  std::size_t size() const { return ends_.size(); }

 private:
  struct Slot {
    /// Upper half of the hash: nearly always tells two strings apart without reading them.
    std::uint32_t tag = 0;
    std::uint32_t id = kNone;
  };

  std::size_t home(std::uint64_t hash) const {
    return static_cast<std::size_t>(((hash & 0xFFFFFFFF) * slots_.size()) >> 32);
  }
  bool is_equal(std::uint32_t id, std::string_view key) const;
  void rehash(std::size_t slots);

  std::string arena_;
  std::vector<std::uint32_t> ends_;  ///< where string i ends in the arena
  std::vector<Slot> slots_;          ///< linear probing, at most 40 % full
};

}  // namespace amas::features
