#include "features/term_counts.h"

#include <algorithm>
#include <array>
#include <bit>
#include <numeric>

namespace amas::features {
namespace {

constexpr std::size_t kSlotsMin = 256;
constexpr std::size_t kSlotsFirstMax = std::size_t{1} << 14;  // texts of more terms let it grow

}  // namespace

void TermCounts::begin(std::size_t terms) {
  entries_.clear();
  set_size(std::clamp(std::bit_ceil(2 * terms + 1), kSlotsMin, kSlotsFirstMax));
}

void TermCounts::sort(std::uint32_t end) {
  // A mail has hundreds of trigrams: sorting them by comparing took longer than finding them.
  constexpr std::size_t kFewTerms = 64;
  if (entries_.size() < kFewTerms) return static_cast<void>(std::ranges::sort(entries_, {}, &Entry::term));
  spare_.resize(entries_.size());
  for (int shift = 0; shift < 32 && end >> shift > 0; shift += 8) {
    std::array<std::uint32_t, 256> places{};
    for (const Entry& entry : entries_) ++places[(entry.term >> shift) & 0xFF];
    std::exclusive_scan(places.begin(), places.end(), places.begin(), 0u);
    for (const Entry& entry : entries_) spare_[places[(entry.term >> shift) & 0xFF]++] = entry;
    entries_.swap(spare_);
  }
}

void TermCounts::set_size(std::size_t slots) {
  if (slots_.size() < slots) slots_.resize(slots);
  std::fill_n(slots_.begin(), slots, 0u);
  mask_ = slots - 1;
  shift_ = 32 - std::countr_zero(slots);
}

void TermCounts::grow() {
  set_size(2 * (mask_ + 1));
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    std::size_t slot = home(entries_[i].term);
    while (slots_[slot] != 0) slot = (slot + 1) & mask_;
    slots_[slot] = static_cast<std::uint32_t>(i + 1);
  }
}

}  // namespace amas::features
