#include "engines/sequence/runner.h"

#include <algorithm>
#include <cstring>
#include <numeric>

namespace amas::engines::sequence {
namespace {

/// Rows whose states between layers are kept at once.
constexpr std::size_t kRowsTogether = 32;
/// Steps of them, where rows are long.
constexpr std::size_t kStepsTogether = kRowsTogether * 512;
/// Steps over padding that are tabulated at most.
constexpr int kPadStatesMax = 1'024;
/// Weights up to this size stay in the first cache: more lanes gain nothing.
constexpr std::size_t kOneLaneBytes = 40'000;

std::size_t state_size(const PackedCell& cell) { return static_cast<std::size_t>(cell.state_groups) * 4; }
std::size_t units_of(const PackedCell& cell) { return static_cast<std::size_t>(cell.blocks) * kBlock; }

void write_zero_state(Precision precision, char* to, std::size_t bytes) {
  std::memset(to, precision == Precision::kInt8 ? kInt8Offset : 0, bytes);
}

/// What of a row is read: steps [begin, end).
struct Part {
  int begin = 0, end = 0;
};

/// One direction of a layer over some rows.
struct Task {
  const PackedDirection* direction = nullptr;
  std::size_t layer = 0;
  std::size_t length = 0;  ///< tokens a row
  const std::int32_t* index =
      nullptr;  ///< [rows, length] tokens, or [length] positions where index_stride is 0
  std::size_t index_stride = 0;
  const char* input =
      nullptr;  ///< states of the layer below, [rows, length, input_stride]; null for the first layer
  char* sequence =
      nullptr;  ///< where this direction's states go, [rows, length, sequence_stride]; null: nowhere
  std::size_t sequence_stride = 0;
  float* last = nullptr;  ///< [rows, last_stride]
  std::size_t last_stride = 0;
  int units = 0;
};

/// Takes rows through the kernel. A lane that ends takes the next row at once, so that lengths cost nothing;
/// what comes of a row depends neither on its lane nor on its neighbours.
class Lanes {
 public:
  Lanes(const PackedNet& net, const PadStates& pads, const Task& task)
      : net_(net),
        pads_(pads),
        task_(task),
        cell_(task.direction->cell),
        scratch_(kLanesMax * slot_bytes()),
        together_(cell_.blocks * (cell_.input_groups + cell_.state_groups) * gates_of(cell_.cell) * kBlock *
                              4 <=
                          static_cast<int>(kOneLaneBytes)
                      ? 1
                      : kLanesMax) {}

  void run(std::span<const Part> parts) {
    std::size_t next = 0;
    int busy = 0;
    while (true) {
      while (busy < together_ && next < parts.size()) {
        begin(busy, next, parts[next]);
        // A row without steps is done at once.
        if (left_[busy] == 0) finish(busy);
        else ++busy;
        ++next;
      }
      if (busy == 0) return;
      const int lanes = busy >= 4 ? 4 : busy >= 2 ? 2 : 1;
      const int steps = *std::min_element(left_, left_ + lanes);
      net_.kernels->run(cell_, lane_, lanes, steps);
      for (int i = lanes - 1; i >= 0; --i) {
        left_[i] -= steps;
        if (left_[i] > 0) continue;
        finish(i);
        --busy;
        std::swap(lane_[i], lane_[busy]);
        std::swap(left_[i], left_[busy]);
        std::swap(row_[i], row_[busy]);
        std::swap(slot_[i], slot_[busy]);
      }
    }
  }

 private:
  std::size_t slot_bytes() const {
    return (2 * state_size(cell_) + 2 * units_of(cell_) * sizeof(float) + 63) / 64 * 64;
  }

  void begin(int at, std::size_t row, Part part) {
    const PackedDirection& direction = *task_.direction;
    const int first = direction.reverse ? part.end - 1 : part.begin;
    char* slot = scratch_.data() + static_cast<std::size_t>(slot_[at]) * slot_bytes();
    Lane& lane = lane_[at];
    lane = {};
    lane.direction = direction.reverse ? -1 : 1;
    lane.index = task_.index + row * task_.index_stride + first;
    const std::size_t length = task_.length;
    if (task_.input != nullptr) lane.input = task_.input + row * length * cell_.input_stride;
    lane.state = slot;
    lane.spare = slot + state_size(cell_);
    lane.memory = reinterpret_cast<float*>(slot + 2 * state_size(cell_));
    lane.last = lane.memory + units_of(cell_);
    if (task_.sequence != nullptr) {
      lane.sequence = task_.sequence +
                      (row * length + static_cast<std::size_t>(std::max(first, 0))) * task_.sequence_stride;
      lane.sequence_stride = lane.direction * static_cast<std::ptrdiff_t>(task_.sequence_stride);
    }
    row_[at] = row;
    left_[at] = part.end - part.begin;
    if (part.begin > 0 && !direction.reverse) return pads_.start(net_, task_.layer, part.begin, lane);
    write_zero_state(net_.precision, slot, state_size(cell_));
    std::memset(static_cast<void*>(lane.memory), 0, 2 * units_of(cell_) * sizeof(float));
  }

  void finish(int at) const {
    std::memcpy(task_.last + row_[at] * task_.last_stride, lane_[at].last,
                static_cast<std::size_t>(task_.units) * sizeof(float));
  }

  const PackedNet& net_;
  const PadStates& pads_;
  const Task& task_;
  const PackedCell& cell_;
  const AlignedBytes scratch_;
  const int together_;
  Lane lane_[kLanesMax];
  int left_[kLanesMax] = {};
  std::size_t row_[kLanesMax] = {};
  int slot_[kLanesMax] = {0, 1, 2, 3};
};

Part part_of(const PackedNet& net, const PadStates& pads, std::span<const std::int32_t> row) {
  if (net.mask)
    return {0, static_cast<int>(std::count_if(row.begin(), row.end(), [](std::int32_t t) { return t > 0; }))};
  const auto zeros =
      std::find_if(row.begin(), row.end(), [](std::int32_t token) { return token != 0; }) - row.begin();
  return {pads.skipped(static_cast<int>(zeros)), static_cast<int>(row.size())};
}

/// Runs all layers over at most kRowsTogether rows.
void run_some(const PackedNet& net, const PadStates& pads, std::span<const std::int32_t> tokens,
              std::size_t rows, float* last) {
  const std::size_t length = tokens.size() / rows;
  Part parts[kRowsTogether];
  for (std::size_t row = 0; row < rows; ++row)
    parts[row] = part_of(net, pads, tokens.subspan(row * length, length));
  // The one step of a direction in reverse of which no more is wanted.
  const int end = static_cast<int>(length);
  const std::vector<Part> ends(rows, Part{end - 1, end});
  std::vector<std::int32_t> positions(net.layers.size() > 1 ? length : 0);
  std::iota(positions.begin(), positions.end(), 0);
  AlignedBytes below;
  for (std::size_t layer = 0; layer < net.layers.size(); ++layer) {
    const auto& directions = net.layers[layer];
    const bool top = layer + 1 == net.layers.size();
    std::size_t width = 0;
    for (const auto& direction : directions) width += state_size(direction.cell);
    AlignedBytes states(top ? 0 : rows * length * width);
    const int units = net.units[layer];
    std::vector<float> unused(top ? 0 : rows * static_cast<std::size_t>(units));
    Task task{.layer = layer,
              .length = length,
              .index = tokens.data(),
              .index_stride = length,
              .sequence_stride = width,
              .units = units};
    if (layer > 0) {
      task.index = positions.data();
      task.index_stride = 0;
      task.input = below.data();
    }
    std::size_t offset = 0;
    for (std::size_t i = 0; i < directions.size(); ++i) {
      task.direction = &directions[i];
      task.sequence = top ? nullptr : states.data() + offset;
      task.last_stride = static_cast<std::size_t>(units) * (top ? directions.size() : 1);
      task.last = top ? last + i * static_cast<std::size_t>(units) : unused.data();
      offset += state_size(directions[i].cell);
      Lanes(net, pads, task).run(directions[i].one_step ? std::span(ends) : std::span(parts, rows));
    }
    below = std::move(states);
  }
}

bool only_forward(const PackedNet& net) {
  return std::ranges::all_of(net.layers,
                             [](const auto& layer) { return layer.size() == 1 && !layer[0].reverse; });
}

}  // namespace

PadStates::PadStates(const PackedNet& net) {
  if (net.mask || !only_forward(net)) return;
  steps_ = net.length > 0 ? std::min(net.length, kPadStatesMax) : kPadStatesMax;
  const auto length = static_cast<std::size_t>(steps_);
  const std::vector<std::int32_t> zeros(length);
  std::vector<std::int32_t> positions(length);
  std::iota(positions.begin(), positions.end(), 0);
  for (std::size_t i = 0; i < net.layers.size(); ++i) {
    const PackedCell& cell = net.layers[i][0].cell;
    const std::size_t state = state_size(cell), floats = units_of(cell) * sizeof(float);
    Layer layer{AlignedBytes((length + 1) * state), AlignedBytes((length + 1) * floats),
                AlignedBytes((length + 1) * floats)};
    write_zero_state(net.precision, layer.state.data(), state);
    for (std::size_t step = 0; step < length; ++step) {
      Lane lane;
      lane.index = i == 0 ? zeros.data() : positions.data() + step;
      // Its input are the states of the layer below after one step, two, …: those behind the first.
      if (i > 0) lane.input = layers_[i - 1].state.data() + state_size(net.layers[i - 1][0].cell);
      lane.state = layer.state.data() + step * state;
      lane.spare = layer.state.data() + (step + 1) * state;
      lane.memory = reinterpret_cast<float*>(layer.memory.data() + (step + 1) * floats);
      std::memcpy(lane.memory, layer.memory.data() + step * floats, floats);
      lane.last = reinterpret_cast<float*>(layer.last.data() + (step + 1) * floats);
      net.kernels->run(cell, &lane, 1, 1);
    }
    layers_.push_back(std::move(layer));
  }
}

void PadStates::start(const PackedNet& net, std::size_t layer, int steps, Lane& lane) const {
  const PackedCell& cell = net.layers[layer][0].cell;
  const auto at = static_cast<std::size_t>(steps);
  const std::size_t state = state_size(cell), floats = units_of(cell) * sizeof(float);
  std::memcpy(lane.state, layers_[layer].state.data() + at * state, state);
  std::memcpy(lane.memory, layers_[layer].memory.data() + at * floats, floats);
  std::memcpy(lane.last, layers_[layer].last.data() + at * floats, floats);
}

std::size_t PadStates::bytes() const {
  std::size_t sum = 0;
  for (const Layer& layer : layers_) sum += layer.state.size() + layer.memory.size() + layer.last.size();
  return sum;
}

void run_layers(const PackedNet& net, const PadStates& pads, std::span<const std::int32_t> tokens,
                std::size_t rows, float* last) {
  const std::size_t length = tokens.size() / rows;
  const std::size_t together = std::clamp<std::size_t>(kStepsTogether / length, 1, kRowsTogether);
  const std::size_t width = static_cast<std::size_t>(net.units.back()) * net.layers.back().size();
  for (std::size_t row = 0; row < rows; row += together) {
    const std::size_t some = std::min(together, rows - row);
    run_some(net, pads, tokens.subspan(row * length, some * length), some, last + row * width);
  }
}

}  // namespace amas::engines::sequence
