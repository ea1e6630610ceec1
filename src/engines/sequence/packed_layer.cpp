#include "engines/sequence/packed_layer.h"

#include <sys/mman.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>

namespace amas::engines::sequence {
namespace {

constexpr std::size_t kAlignment = 64, kHugePage = std::size_t{2} << 20;
constexpr double kLog2e = 1.4426950408889634;

/// What a gate's pre-activation is multiplied by, so that 2^x is what the gate needs.
double gate_factor(Cell cell, int gate) {
  const bool tanh_follows = gate == gates_of(cell) - 1;
  return tanh_follows ? -2 * kLog2e : -kLog2e;
}

/// The weights of one unit's gate over all that its product reads, padding included.
using Column = std::vector<double>;

int values_in_group(Precision precision) { return 4 / state_bytes(precision); }

/// Packs and quantises one direction, column by column.
class Packer {
 public:
  Packer(const RecurrentLayer& layer, const Direction& direction, const LayerInput& input,
         Precision precision)
      : layer_(layer), direction_(direction), input_(input), precision_(precision) {
    units_ = padded_units(layer.units);
    if (input.rows.empty()) {
      for (const int part : input.parts) input_width_ += padded_units(part);
    } else if (!input.fold) {
      input_width_ = (layer.input + kBlock - 1) / kBlock * kBlock;
      for (const float value : input.rows)
        input_scale_ = std::max(input_scale_, std::abs(static_cast<double>(value)));
    }
    if (input_scale_ == 0) input_scale_ = 1;
  }

  PackedDirection pack(const Kernels& kernels);

 private:
  double kernel_at(int gate, int unit, int column) const {
    const auto row = static_cast<std::size_t>(gate * layer_.units + unit);
    return static_cast<double>(
        direction_.kernel[row * static_cast<std::size_t>(layer_.input) + static_cast<std::size_t>(column)]);
  }
  Column column_of(int gate, int unit) const;
  void add_input(int gate, int unit, std::vector<double>& values) const;
  void place(PackedDirection& packed, int gate, int unit, const Column& column);
  void place_value(char* weights, int gate, int unit, int at, double value) const;
  void write_rows(PackedDirection& packed, const Kernels& kernels);
  void write_input(PackedDirection& packed) const;
  PackedDirection folding_weights() const;
  std::size_t group_index(int gate, int unit, int group, int groups) const {
    return WeightsLayout{gates_of(layer_.cell), units_ / kBlock, groups}.at(gate, unit, group);
  }
  std::size_t at_gate(int gate, int unit) const {
    return static_cast<std::size_t>((unit / kBlock * gates_of(layer_.cell) + gate) * kBlock + unit % kBlock);
  }

  const RecurrentLayer& layer_;
  const Direction& direction_;
  const LayerInput& input_;
  const Precision precision_;
  int units_ = 0;            ///< padded
  int input_width_ = 0;      ///< of the product; 0 when folded
  double input_scale_ = 0;   ///< rows are divided by it, so that they lie in [-1, 1]
  std::vector<float> bias_;  ///< in base's layout
};

void Packer::add_input(int gate, int unit, std::vector<double>& values) const {
  if (!input_.rows.empty()) {
    for (int i = 0; i < layer_.input; ++i)
      values[static_cast<std::size_t>(i)] = kernel_at(gate, unit, i) * input_scale_;
    return;
  }
  int from = 0, to = 0;
  for (const int part : input_.parts) {
    for (int i = 0; i < part; ++i) values[static_cast<std::size_t>(to + i)] = kernel_at(gate, unit, from + i);
    from += part;
    to += padded_units(part);
  }
}

Column Packer::column_of(int gate, int unit) const {
  Column column(static_cast<std::size_t>(input_width_ + units_));
  if (unit >= layer_.units) return column;
  if (input_width_ > 0) add_input(gate, unit, column);
  const auto row =
      static_cast<std::size_t>(gate * layer_.units + unit) * static_cast<std::size_t>(layer_.units);
  for (int i = 0; i < layer_.units; ++i)
    column[static_cast<std::size_t>(input_width_ + i)] =
        static_cast<double>(direction_.recurrent[row + static_cast<std::size_t>(i)]);
  for (double& value : column) value *= gate_factor(layer_.cell, gate);
  return column;
}

void Packer::place_value(char* weights, int gate, int unit, int at, double value) const {
  const int per_group = values_in_group(precision_), groups = (input_width_ + units_) / per_group;
  const std::size_t group = group_index(gate, unit, at / per_group, groups);
  const auto which = static_cast<std::size_t>(at % per_group);
  if (precision_ == Precision::kFloat32) reinterpret_cast<float*>(weights)[group] = static_cast<float>(value);
  else if (precision_ == Precision::kInt16)
    reinterpret_cast<std::int16_t*>(weights)[group * 2 + which] =
        static_cast<std::int16_t>(std::lround(value));
  else
    reinterpret_cast<std::int8_t*>(weights)[group * 4 + which] = static_cast<std::int8_t>(std::lround(value));
}

void Packer::place(PackedDirection& packed, int gate, int unit, const Column& column) {
  const double steps = weights_a_unit(column, precision_);
  const bool kept_apart = layer_.cell == Cell::kGru && gate == 2;
  double input_sum = 0, state_sum = 0;
  for (int i = 0; i < input_width_ + units_; ++i) {
    const double value = column[static_cast<std::size_t>(i)] * steps;
    place_value(packed.weights.data(), gate, unit, i, value);
    (i < input_width_ ? input_sum : state_sum) += std::round(value);
  }
  const double unit_value = precision_ == Precision::kInt16  ? static_cast<double>(kInt16State)
                            : precision_ == Precision::kInt8 ? static_cast<double>(kInt8State)
                                                             : 1.0;
  const double scale = 1 / (steps * unit_value);
  reinterpret_cast<float*>(packed.scales.data())[at_gate(gate, unit)] = static_cast<float>(scale);
  double bias = 0, state_bias = 0;
  if (unit < layer_.units) {
    bias = static_cast<double>(direction_.bias[static_cast<std::size_t>(gate * layer_.units + unit)]);
    if (kept_apart) state_bias = static_cast<double>(direction_.state_bias[static_cast<std::size_t>(unit)]);
  }
  bias *= gate_factor(layer_.cell, gate);
  state_bias *= gate_factor(layer_.cell, gate);
  if (precision_ == Precision::kInt8) {
    bias -= kInt8Offset * (input_sum + (kept_apart ? 0 : state_sum)) * scale;
    state_bias -= kInt8Offset * state_sum * scale;
  }
  bias_[at_gate(gate, unit)] = static_cast<float>(bias);
  if (kept_apart) reinterpret_cast<float*>(packed.state_bias.data())[unit] = static_cast<float>(state_bias);
}

/// The kernel's share of the product alone, in float, as the fold takes it.
PackedDirection Packer::folding_weights() const {
  RecurrentLayer layer = layer_;
  PackedDirection packed;
  const int width = layer_.input, gates = gates_of(layer_.cell);
  packed.weights = AlignedBytes(static_cast<std::size_t>(units_ * width * gates) * 4);
  auto* weights = reinterpret_cast<float*>(packed.weights.data());
  for (int gate = 0; gate < gates; ++gate)
    for (int unit = 0; unit < layer_.units; ++unit)
      for (int i = 0; i < width; ++i)
        weights[group_index(gate, unit, i, width)] =
            static_cast<float>(kernel_at(gate, unit, i) * gate_factor(layer_.cell, gate));
  packed.cell = {.cell = layer_.cell,
                 .blocks = units_ / kBlock,
                 .input_groups = width,
                 .weights = weights,
                 .input = input_.rows.data(),
                 .input_stride = static_cast<std::size_t>(width) * 4};
  return packed;
}

void Packer::write_rows(PackedDirection& packed, const Kernels& kernels) {
  const bool half = precision_ != Precision::kFloat32, fold = input_.fold && !input_.rows.empty();
  const std::size_t row = bias_.size() * (half ? 2 : 4);
  const std::size_t count = fold ? input_.rows.size() / static_cast<std::size_t>(layer_.input) : 1;
  packed.base = AlignedBytes(row * count);
  const PackedDirection kernel = folding_weights();
  PackedCell cell = kernel.cell;
  if (!fold) cell.input_groups = 0;
  kernels.fold(cell, bias_.data(), count, half, packed.base.data());
  packed.cell.base = packed.base.data();
  packed.cell.base_stride = fold ? row : 0;
}

void Packer::write_input(PackedDirection& packed) const {
  packed.cell.input_stride = static_cast<std::size_t>(input_width_ * state_bytes(precision_));
  if (input_.rows.empty() || input_.fold) return;
  const auto width = static_cast<std::size_t>(layer_.input);
  const std::size_t count = input_.rows.size() / width;
  const std::size_t stride = packed.cell.input_stride;
  packed.input = AlignedBytes(stride * count);
  std::vector<float> scaled(static_cast<std::size_t>(input_width_));
  for (std::size_t row = 0; row < count; ++row) {
    for (std::size_t i = 0; i < width; ++i)
      scaled[i] = static_cast<float>(static_cast<double>(input_.rows[row * width + i]) / input_scale_);
    write_state(scaled, precision_, packed.input.data() + row * stride);
  }
  packed.cell.input = packed.input.data();
}

PackedDirection Packer::pack(const Kernels& kernels) {
  PackedDirection packed;
  const int gates = gates_of(layer_.cell), per_group = values_in_group(precision_);
  const auto columns = static_cast<std::size_t>(gates * units_);
  packed.reverse = direction_.reverse;
  packed.one_step = direction_.one_step;
  packed.weights =
      AlignedBytes(columns * static_cast<std::size_t>((input_width_ + units_) * state_bytes(precision_)));
  packed.scales = AlignedBytes(columns * 4);
  packed.state_bias = AlignedBytes(static_cast<std::size_t>(units_) * 4);
  bias_.assign(columns, 0);
  for (int gate = 0; gate < gates; ++gate)
    for (int unit = 0; unit < units_; ++unit) place(packed, gate, unit, column_of(gate, unit));
  packed.cell = {.cell = layer_.cell,
                 .precision = precision_,
                 .blocks = units_ / kBlock,
                 .input_groups = input_width_ / per_group,
                 .state_groups = units_ / per_group,
                 .weights = packed.weights.data(),
                 .scales = reinterpret_cast<const float*>(packed.scales.data()),
                 .state_bias = reinterpret_cast<const float*>(packed.state_bias.data())};
  write_rows(packed, kernels);
  write_input(packed);
  return packed;
}

}  // namespace

AlignedBytes::AlignedBytes(std::size_t size) : size_(size) {
  const std::size_t alignment = size >= kHugePage ? kHugePage : kAlignment;
  const std::size_t whole = std::max((size + alignment - 1) / alignment * alignment, alignment);
  bytes_.reset(static_cast<char*>(std::aligned_alloc(alignment, whole)));
  if (bytes_ == nullptr) throw std::bad_alloc();
  // Rows of a table are read all over it: with pages of 4 KB most would miss the table of pages, too. Where
  // huge ones are refused, small ones do.
  if (alignment == kHugePage) (void)::madvise(bytes_.get(), whole, MADV_HUGEPAGE);
  std::memset(bytes_.get(), 0, whole);
}

void AlignedBytes::Free::operator()(char* bytes) const { std::free(bytes); }

std::size_t WeightsLayout::at(int gate, int unit, int group) const {
  const int block = unit / kBlock, pair = block & ~1, in_pair = std::min(2, blocks - pair);
  return (static_cast<std::size_t>(pair * groups + group * in_pair + block - pair) *
              static_cast<std::size_t>(gates) +
          static_cast<std::size_t>(gate)) *
             kBlock +
         static_cast<std::size_t>(unit % kBlock);
}

std::size_t WeightsLayout::at_column(int column, int group) const {
  const int columns = gates * kBlock;  // of a block of units
  return at(column / kBlock % gates, column / columns * kBlock + column % kBlock, group);
}

double weights_a_unit(std::span<const double> column, Precision precision) {
  double largest = 0, sum = 0;
  for (const double value : column) {
    largest = std::max(largest, std::abs(value));
    sum += std::abs(value);
  }
  if (precision == Precision::kFloat32 || largest == 0) return 1;
  if (precision == Precision::kInt8) return 127 / largest;
  const double state = static_cast<double>(kInt16State);
  const double room = std::numeric_limits<std::int32_t>::max() - static_cast<double>(column.size()) * state;
  return std::min(32767 / largest, room / (state * sum));
}

void write_state(std::span<const float> values, Precision precision, char* to) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (precision == Precision::kFloat32) reinterpret_cast<float*>(to)[i] = values[i];
    else if (precision == Precision::kInt16)
      reinterpret_cast<std::int16_t*>(to)[i] = static_cast<std::int16_t>(std::lrint(values[i] * kInt16State));
    else
      reinterpret_cast<std::uint8_t*>(to)[i] =
          static_cast<std::uint8_t>(std::lrint(values[i] * kInt8State) + kInt8Offset);
  }
}

PackedDirection pack_direction(const RecurrentLayer& layer, const Direction& direction,
                               const LayerInput& input, Precision precision, const Kernels& kernels) {
  return Packer(layer, direction, input, precision).pack(kernels);
}

}  // namespace amas::engines::sequence
