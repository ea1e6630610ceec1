#include "engines/sequence/convolution.h"

#include <algorithm>
#include <cmath>

#include "engines/sequence/head.h"

namespace amas::engines::sequence {
namespace {

/// In fixed point more taps would leave too few bits to each.
constexpr int kFixedTapsMax = 8;
constexpr int kGates = gates_of(Cell::kLstm);

/// Blocks come in pairs where two share a vector.
int blocks_of(const Branch& branch) {
  const int blocks = padded_units(branch.filters) / kBlock;
  return branch.pooling == Pooling::kMax ? (blocks + 1) / 2 * 2 : blocks;
}

/// Columns of a row of the table: whole blocks of all gates, as the fold writes them.
int columns_of(const Branch& branch) {
  constexpr int kWhole = kGates * kBlock;
  return (branch.width * blocks_of(branch) * kBlock + kWhole - 1) / kWhole * kWhole;
}

Pool pool_of(const Branch& branch) {
  if (branch.pooling == Pooling::kMax) return Pool::kMax;
  return branch.activation == Activation::kRelu   ? Pool::kReluSum
         : branch.activation == Activation::kTanh ? Pool::kTanhSum
                                                  : Pool::kSum;
}

/// The kernel as the fold takes it: column after column, as gates of a cell.
AlignedBytes kernel_columns(const Branch& branch, int embedding) {
  const int columns = columns_of(branch), filters = blocks_of(branch) * kBlock;
  AlignedBytes bytes(static_cast<std::size_t>(columns) * static_cast<std::size_t>(embedding) * 4);
  auto* weights = reinterpret_cast<float*>(bytes.data());
  const WeightsLayout layout{kGates, columns / (kGates * kBlock), embedding};
  const float* from = branch.kernel.data();
  for (int tap = 0; tap < branch.width; ++tap)
    for (int filter = 0; filter < branch.filters; ++filter)
      for (int i = 0; i < embedding; ++i) {
        const int column = tap * filters + filter;
        const int gate = column / kBlock % kGates;
        const int unit = column / (kGates * kBlock) * kBlock + column % kBlock;
        weights[layout.at(gate, unit, i)] = *from++;
      }
  return bytes;
}

/// Folds into rows of float or half.
void fold_kernel(const Branch& branch, const Net& net, const Kernels& kernels, bool half, char* rows) {
  const int columns = columns_of(branch);
  const AlignedBytes weights = kernel_columns(branch, net.embedding);
  const std::vector<float> zeros(static_cast<std::size_t>(columns));
  const PackedCell cell{.blocks = columns / (kGates * kBlock),
                        .input_groups = net.embedding,
                        .weights = weights.data(),
                        .input = net.table.data(),
                        .input_stride = static_cast<std::size_t>(net.embedding) * 4};
  kernels.fold(cell, zeros.data(), static_cast<std::size_t>(net.rows), half, rows);
}

/// The embedding itself: each row is the bias of a product with nothing.
void copy_rows(const Branch& branch, const Net& net, const Kernels& kernels, bool half, char* rows) {
  const int columns = columns_of(branch);
  std::vector<float> row(static_cast<std::size_t>(columns));
  const auto width = static_cast<std::size_t>(net.embedding);
  const PackedCell cell{.blocks = columns / (kGates * kBlock)};
  for (std::size_t at = 0; at < static_cast<std::size_t>(net.rows); ++at) {
    std::copy_n(net.table.data() + at * width, width, row.begin());
    kernels.fold(cell, row.data(), 1, half, rows + at * row.size() * (half ? 2 : 4));
  }
}

/// Whether no element is infinite or no number.
template <class T>
bool all_finite(const AlignedBytes& bytes, T exponent) {
  const std::span<const T> values(reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T));
  bool finite = true;
  for (const T value : values) finite &= (value & exponent) != exponent;
  return finite;
}

/// Writes rows of float in fixed point, one scale a filter, so that the largest sum of its taps just fits.
void to_fixed_point(const AlignedBytes& from, FoldedBranch& to) {
  const auto columns = static_cast<std::size_t>(columns_of(to.branch)),
             filters = static_cast<std::size_t>(to.packed.blocks) * kBlock,
             taps = static_cast<std::size_t>(to.branch.width);
  const auto* values = reinterpret_cast<const float*>(from.data());
  const std::size_t rows = from.size() / 4 / columns;
  std::vector<float> largest(columns), factor(columns);
  for (std::size_t row = 0; row < rows; ++row)
    for (std::size_t i = 0; i < columns; ++i)
      largest[i] = std::max(largest[i], std::abs(values[row * columns + i]));
  auto* scales = reinterpret_cast<float*>(to.scales.data());
  for (std::size_t filter = 0; filter < filters; ++filter) {
    double sum = 0;
    for (std::size_t tap = 0; tap < taps; ++tap) sum += static_cast<double>(largest[tap * filters + filter]);
    // Each tap may round up by a half; one more for the roundings here.
    const double most = INT16_MAX - static_cast<double>(taps) / 2 - 1;
    const double steps = sum > 1e-30 ? most / sum : 1;
    scales[filter] = static_cast<float>(1 / steps);
    for (std::size_t tap = 0; tap < taps; ++tap) factor[tap * filters + filter] = static_cast<float>(steps);
  }
  auto* fixed = reinterpret_cast<std::int16_t*>(to.rows.data());
  for (std::size_t row = 0; row < rows; ++row)
    for (std::size_t i = 0; i < columns; ++i)
      fixed[row * columns + i] = static_cast<std::int16_t>(std::lrint(values[row * columns + i] * factor[i]));
}

/// The row as the kernel reads it, with zeros around it, and with enough of them behind to fetch ahead.
std::vector<std::int32_t> index_of(const FoldedBranch& folded, std::span<const std::int32_t> tokens) {
  const Branch& branch = folded.branch;
  std::vector<std::int32_t> index;
  index.reserve(tokens.size() + static_cast<std::size_t>(branch.front + branch.behind + kRowsAhead));
  index.assign(static_cast<std::size_t>(branch.front), folded.zero_row);
  if (branch.pooling == Pooling::kMax) {
    // Where more than `width` tokens are the same, further ones only give the same sum again.
    int same = 0;
    for (const std::int32_t token : tokens) {
      same = !index.empty() && index.back() == token ? same + 1 : 1;
      if (same <= branch.width) index.push_back(token);
    }
  } else {
    std::ranges::copy_if(tokens, std::back_inserter(index),
                         [&](std::int32_t token) { return branch.pooling == Pooling::kMean || token > 0; });
  }
  index.insert(index.end(), static_cast<std::size_t>(branch.behind + kRowsAhead), folded.zero_row);
  return index;
}

}  // namespace

std::size_t folded_bytes(const Branch& branch, int rows, Precision precision) {
  const std::size_t row =
      static_cast<std::size_t>(columns_of(branch)) * (precision == Precision::kFloat32 ? 4 : 2);
  return (static_cast<std::size_t>(rows) + 1) * row;
}

Result<FoldedBranch> fold_branch(const Branch& branch, const Net& net, Precision precision,
                                 const Kernels& kernels) {
  FoldedBranch folded;
  folded.branch = branch;
  folded.branch.kernel = {};
  folded.zero_row = net.rows;
  folded.rows = AlignedBytes(folded_bytes(branch, net.rows, precision));
  folded.bias = AlignedBytes(static_cast<std::size_t>(blocks_of(branch)) * kBlock * 4);
  std::ranges::copy(branch.bias, reinterpret_cast<float*>(folded.bias.data()));
  folded.scales = AlignedBytes(folded.bias.size());
  const bool single = precision == Precision::kFloat32,
             fixed = !single && branch.pooling == Pooling::kMax && branch.width <= kFixedTapsMax;
  folded.packed = {.pool = pool_of(branch),
                   .type = single  ? RowType::kFloat32
                           : fixed ? RowType::kInt16
                                   : RowType::kHalf,
                   .blocks = blocks_of(branch),
                   .width = branch.width,
                   .rows = folded.rows.data(),
                   .row_stride = folded.rows.size() / (static_cast<std::size_t>(net.rows) + 1),
                   .scales = reinterpret_cast<const float*>(folded.scales.data()),
                   .bias = reinterpret_cast<const float*>(folded.bias.data())};
  const AlignedBytes wide(fixed ? folded_bytes(branch, net.rows, Precision::kFloat32) : 0);
  const AlignedBytes& rows = fixed ? wide : folded.rows;
  const bool half = folded.packed.type == RowType::kHalf;
  if (branch.kernel.empty()) copy_rows(branch, net, kernels, half, rows.data());
  else fold_kernel(branch, net, kernels, half, rows.data());
  const bool finite =
      half ? all_finite<std::uint16_t>(rows, 0x7c00) : all_finite<std::uint32_t>(rows, 0x7f800000);
  if (!finite) return unimplemented("a convolution's products are too large for this precision");
  if (fixed) to_fixed_point(wide, folded);
  return folded;
}

void run_branch(const FoldedBranch& folded, const Kernels& kernels, std::span<const std::int32_t> tokens,
                float* result) {
  const Branch& branch = folded.branch;
  const auto index = index_of(folded, tokens);
  const int steps = static_cast<int>(index.size()) - kRowsAhead - branch.width + 1;
  std::vector<float> pooled(static_cast<std::size_t>(folded.packed.blocks) * kBlock);
  kernels.pool(folded.packed, index.data(), steps, pooled.data());
  for (int filter = 0; filter < branch.filters; ++filter) {
    float& value = pooled[static_cast<std::size_t>(filter)];
    if (branch.pooling != Pooling::kMax) value /= std::max(static_cast<float>(steps), branch.least);
    else if (branch.activation != Activation::kNone)
      value = static_cast<float>(activated(branch.activation, static_cast<double>(value)));
    result[filter] = value;
  }
}

}  // namespace amas::engines::sequence
