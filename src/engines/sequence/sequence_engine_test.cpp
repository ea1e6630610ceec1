#include "engines/sequence/sequence_engine.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include "model/onnx.h"

namespace amas::engines {
namespace {

/// Bytes that were asked for and not given back; 0 where another allocator counts them.
std::size_t held_bytes() {
  const auto info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
}

model::TextLstm net(std::int64_t vocabulary, std::int64_t width) {
  const auto values = [](std::int64_t count) {
    return std::vector<float>(static_cast<std::size_t>(count), 0.01F);
  };
  return {.vocabulary = vocabulary,
          .embedding = width,
          .units = width,
          .dense = 1,
          .length = 128,
          .mask = false,
          .table = values(vocabulary * width),
          .kernel = values(4 * width * width),
          .recurrent = values(4 * width * width),
          .bias = values(4 * width),
          .dense_kernel = values(width),
          .dense_bias = values(1)};
}

/// What is folded takes the vocabulary · 4 gates · units · 2 bytes (4 in float32), rounded up to a huge page;
/// weights, states over padding and the rest a few hundred KB. The graph and the table are given back.
TEST(SequenceEngine, holds_the_folded_table_and_little_more) {
  const std::string onnx = model::export_text_lstm(net(10'000, 64));
  constexpr std::size_t kMegabyte = std::size_t{1} << 20;
  for (const auto& [precision, most] :
       {std::pair{"float32", 13 * kMegabyte}, {"int16", 7 * kMegabyte}, {"int8", 7 * kMegabyte}}) {
    const std::size_t before = held_bytes();
    const auto loaded = make_sequence_engine()->load(onnx, {.precision = precision}).value();
    if (held_bytes() == before) GTEST_SKIP() << "this allocator does not count";
    EXPECT_LE(held_bytes() - before, most) << precision;
  }
}

/// A table that would become too large is kept as it is, and multiplied step by step.
TEST(SequenceEngine, does_not_fold_what_would_become_too_large) {
  constexpr std::int64_t kVocabulary = 40'000, kUnits = 256;  // folded: 82 MB in int16, 164 MB in float32
  model::TextLstm wide = net(kVocabulary, 16);
  wide.units = kUnits;
  wide.kernel.assign(4 * kUnits * 16, 0.01F);
  wide.recurrent.assign(4 * kUnits * kUnits, 0.001F);
  wide.bias.assign(4 * kUnits, 0);
  wide.dense_kernel.assign(kUnits, 0.01F);
  const std::string onnx = model::export_text_lstm(wide);
  const std::size_t before = held_bytes();
  const auto loaded = make_sequence_engine()->load(onnx, {.precision = "float32"}).value();
  if (held_bytes() == before) GTEST_SKIP() << "this allocator does not count";
  EXPECT_LE(held_bytes() - before, std::size_t{20} << 20);
}

}  // namespace
}  // namespace amas::engines
