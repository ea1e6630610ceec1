#include "engines/sequence/convolution.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "engines/sequence/head.h"

namespace amas::engines::sequence {
namespace {

/// In fixed point more taps would leave too few bits to each.
constexpr int kFixedTapsMax = 8;
constexpr int kGates = gates_of(Cell::kLstm);
/// Steps whose values are kept at once.
constexpr int kStretch = 256;
/// Values beyond this are no longer far from the largest float.
constexpr double kLargest = 1e30;

/// How the sums of the first convolution are pooled. Where others stand above it each of its steps is taken
/// by itself, as the largest of one.
Pooling first_pooling(const Branch& branch) { return branch.above.empty() ? branch.pooling : Pooling::kMax; }

/// Blocks come in pairs where two share a vector.
int blocks_of(const Branch& branch) {
  const int blocks = padded_units(branch.first.filters) / kBlock;
  return first_pooling(branch) == Pooling::kMax ? (blocks + 1) / 2 * 2 : blocks;
}

/// Columns of a row of the table: whole blocks of all gates, as the fold writes them.
int columns_of(const Branch& branch) {
  constexpr int kWhole = kGates * kBlock;
  return (branch.first.width * blocks_of(branch) * kBlock + kWhole - 1) / kWhole * kWhole;
}

/// Sigmoid keeps order, and comes after the largest was taken.
Pool pool_of(Pooling pooling, Activation activation) {
  if (pooling == Pooling::kMax) return Pool::kMax;
  return activation == Activation::kRelu   ? Pool::kReluSum
         : activation == Activation::kTanh ? Pool::kTanhSum
                                           : Pool::kSum;
}

/// The kernel as the fold takes it: column after column, as gates of a cell.
AlignedBytes kernel_columns(const Branch& branch, int embedding) {
  const Convolution& first = branch.first;
  const int columns = columns_of(branch), filters = blocks_of(branch) * kBlock;
  AlignedBytes bytes(static_cast<std::size_t>(columns) * static_cast<std::size_t>(embedding) * 4);
  auto* weights = reinterpret_cast<float*>(bytes.data());
  const WeightsLayout layout{kGates, columns / (kGates * kBlock), embedding};
  const float* from = first.kernel.data();
  for (int tap = 0; tap < first.width; ++tap)
    for (int filter = 0; filter < first.filters; ++filter)
      for (int i = 0; i < embedding; ++i) weights[layout.at_column(tap * filters + filter, i)] = *from++;
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
             taps = static_cast<std::size_t>(to.branch.first.width);
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

/// How many tokens a pooled step comes from.
int reach_of(const Branch& branch) {
  int reach = branch.first.width;
  for (const Convolution& one : branch.above) reach += one.width - 1;
  return reach;
}

/// The row as the kernel reads it, with zeros around it, and with enough of them behind to fetch ahead.
std::vector<std::int32_t> index_of(const FoldedBranch& folded, std::span<const std::int32_t> tokens) {
  const Branch& branch = folded.branch;
  const auto around = [](int steps) { return static_cast<std::size_t>(steps); };
  std::vector<std::int32_t> index;
  index.reserve(tokens.size() + around(branch.first.front + branch.first.behind + kRowsAhead));
  index.assign(around(branch.first.front), folded.zero_row);
  if (branch.pooling == Pooling::kMax) {
    // Where more tokens are the same than a step comes from, further ones only give the same step again.
    const int reach = reach_of(branch);
    int same = 0;
    for (const std::int32_t token : tokens) {
      same = !index.empty() && index.back() == token ? same + 1 : 1;
      if (same <= reach) index.push_back(token);
    }
  } else {
    std::ranges::copy_if(tokens, std::back_inserter(index),
                         [&](std::int32_t token) { return branch.pooling == Pooling::kMean || token > 0; });
  }
  index.insert(index.end(), around(branch.first.behind + kRowsAhead), folded.zero_row);
  return index;
}

/// That no value of any step can leave the range of floats, nor come near its end.
Status check_range(const Branch& branch, const Net& net) {
  double most = 0;
  for (const float value : net.table) most = std::max(most, std::abs(static_cast<double>(value)));
  const auto pass = [&](const Convolution& one, std::size_t channels) {
    const auto filters = static_cast<std::size_t>(one.filters), width = static_cast<std::size_t>(one.width);
    double largest = 0;
    for (std::size_t filter = 0; filter < filters; ++filter) {
      double sum = 0;
      for (std::size_t tap = 0; tap < width; ++tap)
        for (std::size_t i = 0; i < channels; ++i)
          sum += std::abs(static_cast<double>(one.kernel[(tap * filters + filter) * channels + i]));
      largest = std::max(largest, sum * most + std::abs(static_cast<double>(one.bias[filter])));
    }
    const bool bounded = one.activation == Activation::kTanh || one.activation == Activation::kSigmoid;
    const bool in_range = largest < kLargest;
    most = bounded ? 1 : largest;
    return in_range;
  };
  bool in_range = pass(branch.first, static_cast<std::size_t>(net.embedding));
  const Convolution* below = &branch.first;
  for (const Convolution& one : branch.above) {
    in_range = in_range && pass(one, static_cast<std::size_t>(below->filters));
    below = &one;
  }
  if (!in_range) return unimplemented("a convolution's products are too large for this precision");
  return {};
}

/// Packs the convolutions over the first.
Result<std::vector<UpperConvolution>> pack_above(const Branch& branch, Precision precision) {
  std::vector<UpperConvolution> above;
  int filters = branch.first.filters, columns = blocks_of(branch) * kBlock;
  for (const Convolution& one : branch.above) {
    AMAS_TRY(above.emplace_back(), pack_convolution(one, filters, columns, precision));
    filters = one.filters;
    columns = columns_of(above.back());
  }
  return above;
}

/// The sums of the topmost convolution, over `count` steps of the first.
Steps run_above(const FoldedBranch& folded, const Kernels& kernels, const std::int32_t* index, int count,
                Ends ends) {
  const Branch& branch = folded.branch;
  Steps steps = zero_steps(count, folded.packed.blocks * kBlock, &branch.above[0], ends);
  for (int step = 0; step < count; ++step)
    kernels.pool(folded.packed, index + step, 1, steps.begin() + step * steps.width);
  Activation below = branch.first.activation;
  for (std::size_t i = 0; i < folded.above.size(); ++i) {
    const Convolution* next = i + 1 < branch.above.size() ? &branch.above[i + 1] : nullptr;
    steps = run_convolution(folded.above[i], kernels, below, std::move(steps), next, ends);
    below = branch.above[i].activation;
  }
  return steps;
}

/// Pools steps that were computed. Returns whole blocks of values.
std::vector<float> pool_steps(const Branch& branch, const Kernels& kernels, const Steps& steps) {
  const std::vector<float> no_bias(static_cast<std::size_t>(steps.width));
  std::vector<float> pooled(no_bias.size());
  std::vector<std::int32_t> index(static_cast<std::size_t>(steps.count + kRowsAhead), 0);
  std::iota(index.begin(), index.begin() + steps.count, 0);
  const PackedBranch rows{.pool = pool_of(branch.pooling, branch.last().activation),
                          .blocks = steps.width / kBlock,
                          .width = 1,
                          .rows = steps.begin(),
                          .row_stride = static_cast<std::size_t>(steps.width) * sizeof(float),
                          .bias = no_bias.data()};
  kernels.pool(rows, index.data(), steps.count, pooled.data());
  return pooled;
}

/// Pools the topmost of several convolutions, stretch by stretch of a long row, so that the memory it takes
/// stays the same. Returns how many steps there were.
int pool_above(const FoldedBranch& folded, const Kernels& kernels, std::span<const std::int32_t> index,
               int count, std::vector<float>& pooled) {
  const Branch& branch = folded.branch;
  const int shared =
      reach_of(branch) - branch.first.width;  // steps that a stretch has in common with the next
  int sum = 0;
  for (int at = 0; at < count;) {
    const bool last = count - at <= 2 * kStretch + shared;
    const int some = last ? count - at : kStretch + shared;
    const Steps top = run_above(folded, kernels, index.data() + at, some, {at == 0, last});
    const auto values = pool_steps(branch, kernels, top);
    if (at == 0) pooled = values;
    else
      for (std::size_t i = 0; i < values.size(); ++i)
        pooled[i] = branch.pooling == Pooling::kMax ? std::max(pooled[i], values[i]) : pooled[i] + values[i];
    sum += top.count;
    at += last ? some : kStretch;
  }
  return sum;
}

}  // namespace

std::size_t folded_bytes(const Branch& branch, int rows, Precision precision) {
  const std::size_t size = precision == Precision::kFloat32 ? 4 : 2;
  std::size_t bytes =
      (static_cast<std::size_t>(rows) + 1) * static_cast<std::size_t>(columns_of(branch)) * size;
  for (const Convolution& one : branch.above) bytes += one.kernel.size() * size;
  return bytes;
}

Result<FoldedBranch> fold_branch(const Branch& branch, const Net& net, Precision precision,
                                 const Kernels& kernels) {
  if (!branch.above.empty()) AMAS_CHECK(check_range(branch, net));
  FoldedBranch folded;
  folded.branch = branch;
  folded.branch.first.kernel = {};
  for (Convolution& one : folded.branch.above) one.kernel = {};
  folded.zero_row = net.rows;
  const std::size_t single_row = static_cast<std::size_t>(columns_of(branch)) * 4,
                    rows_bytes = (static_cast<std::size_t>(net.rows) + 1) * single_row;
  const bool single = precision == Precision::kFloat32,
             fixed = !single && first_pooling(branch) == Pooling::kMax && branch.first.width <= kFixedTapsMax,
             half = !single && !fixed;
  folded.rows = AlignedBytes(single ? rows_bytes : rows_bytes / 2);
  folded.bias = AlignedBytes(static_cast<std::size_t>(blocks_of(branch)) * kBlock * 4);
  std::ranges::copy(branch.first.bias, reinterpret_cast<float*>(folded.bias.data()));
  folded.scales = AlignedBytes(folded.bias.size());
  folded.packed = {.pool = pool_of(first_pooling(branch), branch.first.activation),
                   .type = single  ? RowType::kFloat32
                           : fixed ? RowType::kInt16
                                   : RowType::kHalf,
                   .blocks = blocks_of(branch),
                   .width = branch.first.width,
                   .rows = folded.rows.data(),
                   .row_stride = single ? single_row : single_row / 2,
                   .scales = reinterpret_cast<const float*>(folded.scales.data()),
                   .bias = reinterpret_cast<const float*>(folded.bias.data())};
  const AlignedBytes wide(fixed ? rows_bytes : 0);
  const AlignedBytes& rows = fixed ? wide : folded.rows;
  if (branch.first.kernel.empty()) copy_rows(branch, net, kernels, half, rows.data());
  else fold_kernel(branch, net, kernels, half, rows.data());
  const bool finite =
      half ? all_finite<std::uint16_t>(rows, 0x7c00) : all_finite<std::uint32_t>(rows, 0x7f800000);
  if (!finite) return unimplemented("a convolution's products are too large for this precision");
  if (fixed) to_fixed_point(wide, folded);
  AMAS_TRY(folded.above, pack_above(branch, precision));
  return folded;
}

void run_branch(const FoldedBranch& folded, const Kernels& kernels, std::span<const std::int32_t> tokens,
                float* result) {
  const Branch& branch = folded.branch;
  const auto index = index_of(folded, tokens);
  int steps = static_cast<int>(index.size()) - kRowsAhead - branch.first.width + 1;
  std::vector<float> pooled(static_cast<std::size_t>(folded.packed.blocks) * kBlock);
  if (branch.above.empty()) kernels.pool(folded.packed, index.data(), steps, pooled.data());
  else steps = pool_above(folded, kernels, index, steps, pooled);
  const Convolution& last = branch.last();
  for (int filter = 0; filter < last.filters; ++filter) {
    float& value = pooled[static_cast<std::size_t>(filter)];
    if (branch.pooling != Pooling::kMax) value /= std::max(static_cast<float>(steps), branch.least);
    else if (last.activation != Activation::kNone)
      value = static_cast<float>(activated(last.activation, static_cast<double>(value)));
    result[filter] = value;
  }
}

}  // namespace amas::engines::sequence
