#include "engines/sequence/convolution.h"

#include <algorithm>
#include <cmath>

#include "engines/sequence/head.h"

namespace amas::engines::sequence {
namespace {

constexpr int kGates = gates_of(Cell::kLstm);

int blocks_of(const Branch& branch) { return padded_units(branch.filters) / kBlock; }

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
  const int columns = columns_of(branch), filters = padded_units(branch.filters);
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

void fold_kernel(const Branch& branch, const Net& net, const Kernels& kernels, FoldedBranch& to) {
  const int columns = columns_of(branch);
  const AlignedBytes weights = kernel_columns(branch, net.embedding);
  const std::vector<float> zeros(static_cast<std::size_t>(columns));
  const PackedCell cell{.blocks = columns / (kGates * kBlock),
                        .input_groups = net.embedding,
                        .weights = weights.data(),
                        .input = net.table.data(),
                        .input_stride = static_cast<std::size_t>(net.embedding) * 4};
  kernels.fold(cell, zeros.data(), static_cast<std::size_t>(net.rows), to.packed.half, to.rows.data());
}

/// The embedding itself: each row is the bias of a product with nothing.
void copy_rows(const Branch& branch, const Net& net, const Kernels& kernels, FoldedBranch& to) {
  const int columns = columns_of(branch);
  std::vector<float> row(static_cast<std::size_t>(columns));
  const auto width = static_cast<std::size_t>(net.embedding);
  const PackedCell cell{.blocks = columns / (kGates * kBlock)};
  for (std::size_t at = 0; at < static_cast<std::size_t>(net.rows); ++at) {
    std::copy_n(net.table.data() + at * width, width, row.begin());
    kernels.fold(cell, row.data(), 1, to.packed.half, to.rows.data() + at * to.packed.row_stride);
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
    index.insert(index.end(), tokens.begin(), tokens.end());
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
  folded.bias = AlignedBytes(static_cast<std::size_t>(padded_units(branch.filters)) * 4);
  std::ranges::copy(branch.bias, reinterpret_cast<float*>(folded.bias.data()));
  folded.packed = {.pool = pool_of(branch),
                   .half = precision != Precision::kFloat32,
                   .blocks = blocks_of(branch),
                   .width = branch.width,
                   .rows = folded.rows.data(),
                   .row_stride = folded.rows.size() / (static_cast<std::size_t>(net.rows) + 1),
                   .bias = reinterpret_cast<const float*>(folded.bias.data())};
  if (branch.kernel.empty()) copy_rows(branch, net, kernels, folded);
  else fold_kernel(branch, net, kernels, folded);
  const bool finite = folded.packed.half ? all_finite<std::uint16_t>(folded.rows, 0x7c00)
                                         : all_finite<std::uint32_t>(folded.rows, 0x7f800000);
  if (!finite) return unimplemented("a convolution's products are too large for this precision");
  return folded;
}

void run_branch(const FoldedBranch& folded, const Kernels& kernels, std::span<const std::int32_t> tokens,
                float* result) {
  const Branch& branch = folded.branch;
  const auto index = index_of(folded, tokens);
  const int steps = static_cast<int>(index.size()) - kRowsAhead - branch.width + 1;
  std::vector<float> pooled(static_cast<std::size_t>(padded_units(branch.filters)));
  kernels.pool(folded.packed, index.data(), steps, pooled.data());
  for (int filter = 0; filter < branch.filters; ++filter) {
    float& value = pooled[static_cast<std::size_t>(filter)];
    if (branch.pooling == Pooling::kMean) value /= static_cast<float>(steps);
    else if (branch.activation != Activation::kNone)
      value = static_cast<float>(activated(branch.activation, static_cast<double>(value)));
    result[filter] = value;
  }
}

}  // namespace amas::engines::sequence
