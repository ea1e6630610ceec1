#include "features/string_index.h"

#include <cstring>
#include <limits>

namespace amas::features {
namespace {

constexpr std::uint64_t kMix0 = 0x9E3779B97F4A7C15;
constexpr std::uint64_t kMix1 = 0xC2B2AE3D27D4EB4F;

template <class T>
std::uint64_t load(const char* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

// A 64×64 → 128-bit product folded to 64 bits: every bit of both sides reaches the result.
std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

// Whether `size` bytes are equal. For n-grams of a few characters, calling memcmp costs more than comparing.
bool equal(const char* a, const char* b, std::size_t size) {
  const auto both = [&]<class T>(T) {
    return load<T>(a) == load<T>(b) && load<T>(a + size - sizeof(T)) == load<T>(b + size - sizeof(T));
  };
  if (size > 16) return std::memcmp(a, b, size) == 0;
  if (size >= 8) return both(std::uint64_t{});
  if (size >= 4) return both(std::uint32_t{});
  if (size >= 2) return both(std::uint16_t{});
  return size == 0 || *a == *b;
}

}  // namespace

std::uint64_t hash_long_string(std::string_view text) {
  const char* at = text.data();
  const std::size_t size = text.size();
  std::uint64_t seed = kMix0 ^ size;
  std::uint64_t first = 0, last = 0;
  if (size > 16) {
    std::size_t left = size;
    for (; left > 16; left -= 16, at += 16)
      seed = fold(load<std::uint64_t>(at) ^ kMix1, load<std::uint64_t>(at + 8) ^ seed);
    // The last 16 bytes may overlap those before: no byte is left out and none beyond the end is read.
    first = load<std::uint64_t>(at + left - 16);
    last = load<std::uint64_t>(at + left - 8);
  } else if (size >= 8) {
    first = load<std::uint64_t>(at);
    last = load<std::uint64_t>(at + size - 8);
  } else if (size >= 4) {
    first = load<std::uint32_t>(at);
    last = load<std::uint32_t>(at + size - 4);
  }
  return fold(fold(first ^ kMix1, last ^ seed), kMix0) | kLongStringBit;
}

void StringIndex::reserve(std::size_t count) {
  ends_.reserve(count);
  if (const std::size_t slots = count * 5 / 2 + 8; slots > slots_.size()) rehash(slots);
}

std::uint32_t StringIndex::insert(std::string_view key) {
  const std::uint64_t hash = hash_string(key);
  if (const std::uint32_t id = find(key, hash); id != kNone) return id;
  if (key.size() > std::numeric_limits<std::uint32_t>::max() - arena_.size() || size() == kNone) return kNone;
  if ((size() + 1) * 5 > slots_.size() * 2) rehash(slots_.size() * 2 + 8);
  const auto id = static_cast<std::uint32_t>(size());
  arena_ += key;
  ends_.push_back(static_cast<std::uint32_t>(arena_.size()));
  std::size_t slot = home(hash);
  while (slots_[slot].id != kNone)
    if (++slot == slots_.size()) slot = 0;
  slots_[slot] = {static_cast<std::uint32_t>(hash >> 32), id};
  return id;
}

bool StringIndex::is_equal(std::uint32_t id, std::string_view key) const {
  const std::string_view found = at(id);
  return found.size() == key.size() && equal(found.data(), key.data(), key.size());
}

void StringIndex::rehash(std::size_t slots) {
  slots_.assign(slots, Slot{});
  for (std::uint32_t id = 0; id < size(); ++id) {
    const std::uint64_t hash = hash_string(at(id));
    std::size_t slot = home(hash);
    while (slots_[slot].id != kNone)
      if (++slot == slots_.size()) slot = 0;
    slots_[slot] = {static_cast<std::uint32_t>(hash >> 32), id};
  }
}

}  // namespace amas::features
