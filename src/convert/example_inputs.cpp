#include "convert/example_inputs.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <random>

#include "base/limits.h"

namespace amas::convert {
namespace {

using engine::TensorSpec;

constexpr std::array<double, 4> kScales{1, 0.1, 10, 1};
constexpr std::array kOpenSizes{16, 8, 4, 2, 1, 32, 64, 128, 224, 256};
constexpr std::array kIntegersEnds{10, 100, 1'000, 5'000, 10'000, 20'000, 30'000, 100'000};
constexpr std::array<const char*, 8> kWords{"alpha", "the", "", "Straße", "a b c", "42", "winner", "lunch?"};

// Draws values; the standard's distributions may differ between libraries, so they are not used.
class Draw {
 public:
  explicit Draw(std::uint64_t seed) : random_(seed) {}
  // About normal, of deviation 1.
  double number() {
    double sum = 0;
    for (int i = 0; i < 4; ++i) sum += static_cast<double>(random_() >> 11) / 9007199254740992.0;
    return (sum - 2) * 1.7320508075688772;
  }
  std::int64_t below(std::int64_t end) {
    return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(std::max<std::int64_t>(end, 1)));
  }

 private:
  std::mt19937_64 random_;
};

Shape shape_for(const TensorSpec& spec, std::int64_t rows, const ExampleKind& kind) {
  Shape shape = spec.shape;
  for (std::size_t i = 0; i < shape.size(); ++i)
    if (shape[i] < 0) shape[i] = i == 0 ? rows : kind.open_size;
  return shape;
}

// A float16 of size 1/8 to 1, as bits.
std::uint16_t half_bits(Draw& draw) {
  return static_cast<std::uint16_t>(draw.below(2) << 15 | (12 + draw.below(3)) << 10 | draw.below(1 << 10));
}

template <class T>
void fill(Tensor& tensor, const ExampleKind& kind, Draw& draw) {
  const std::size_t row = tensor.size() / static_cast<std::size_t>(std::max<std::int64_t>(tensor.rows(), 1));
  auto values = tensor.data<T>();
  for (std::size_t i = 0; i < values.size(); ++i) {
    if constexpr (std::is_same_v<T, bool>) values[i] = draw.below(2) == 1;
    else if constexpr (std::is_floating_point_v<T>)
      values[i] = static_cast<T>(draw.number() * kScales[i / std::max<std::size_t>(row, 1) % kScales.size()]);
    else
      values[i] = static_cast<T>(
          draw.below(std::min<std::int64_t>(kind.integers_end, std::numeric_limits<T>::max())));
  }
}

Tensor make_input(const TensorSpec& spec, const Shape& shape, const ExampleKind& kind, Draw& draw) {
  Tensor tensor(spec.dtype, shape);
  if (spec.dtype == DType::kString) {
    for (std::string& text : tensor.strings()) text = kWords[static_cast<std::size_t>(draw.below(8))];
  } else if (spec.dtype == DType::kFloat16) {
    for (std::uint16_t& bits : tensor.data<std::uint16_t>()) bits = half_bits(draw);
  } else {
    with_element_type(spec.dtype, [&]<class T>() { fill<T>(tensor, kind, draw); });
  }
  return tensor;
}

bool has_integers(const std::vector<TensorSpec>& specs) {
  return std::ranges::any_of(specs, [](const TensorSpec& spec) {
    return spec.dtype >= DType::kUint8 && spec.dtype <= DType::kInt64;
  });
}

bool has_open_sizes(const std::vector<TensorSpec>& specs) {
  return std::ranges::any_of(specs, [](const TensorSpec& spec) {
    return std::any_of(spec.shape.begin() + (spec.shape.empty() ? 0 : 1), spec.shape.end(),
                       [](std::int64_t size) { return size < 0; });
  });
}

Status try_kind(engine::LoadedModel& graph, const ExampleKind& kind) {
  std::size_t bytes = 0;
  for (const TensorSpec& spec : graph.inputs()) {
    const std::size_t count = element_count(shape_for(spec, 1, kind));
    if (count > limits::kBatchBytesMax) return resource_exhausted("one row fills too much memory");
    bytes += count * std::max<std::size_t>(dtype_bytes(spec.dtype), 1);
  }
  if (bytes > limits::kBatchBytesMax) return resource_exhausted("one row fills too much memory");
  const auto inputs = example_inputs(graph.inputs(), 1, kind, 1);
  const std::vector<TensorView> views(inputs.begin(), inputs.end());
  const auto outputs = graph.run(views);
  return outputs ? Status() : Status(outputs.error());
}

}  // namespace

std::vector<Tensor> example_inputs(const std::vector<TensorSpec>& specs, std::int64_t rows,
                                   const ExampleKind& kind, std::uint64_t seed) {
  Draw draw(seed);
  std::vector<Tensor> inputs;
  for (const TensorSpec& spec : specs)
    inputs.push_back(make_input(spec, shape_for(spec, rows, kind), kind, draw));
  return inputs;
}

Result<ExampleKind> find_example_kind(engine::LoadedModel& graph) {
  Status last;
  ExampleKind found;
  for (const int size : kOpenSizes) {
    found.open_size = size;
    last = try_kind(graph, found);
    if (last || !has_open_sizes(graph.inputs())) break;
  }
  if (!last)
    return failed_precondition(fmt::format(
        "the model runs on none of the inputs that were made up for it: {}", last.error().message));
  if (!has_integers(graph.inputs())) return found;
  // From here on small whole numbers are known to work; larger ones reach more of a table.
  for (const int end : kIntegersEnds) {
    ExampleKind larger = found;
    larger.integers_end = end;
    if (!try_kind(graph, larger)) break;
    found = larger;
  }
  return found;
}

}  // namespace amas::convert
