#include "engines/sequence/sequence_engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "engines/sequence/convolution.h"
#include "engines/sequence/head.h"
#include "engines/sequence/recognise.h"
#include "engines/sequence/runner.h"
#include "model/onnx.h"

namespace amas::engines {
namespace {

using namespace sequence;

/// A folded table larger than this is kept apart and multiplied at every step.
constexpr std::size_t kFoldedBytesMax = std::size_t{128} << 20;

/// Tokens a row where the graph leaves their number open.
constexpr std::int64_t kLengthMax = std::int64_t{1} << 20;

/// Whether this processor runs these kernels.
bool runs(const Kernels& kernels) {
#if defined(__x86_64__)
  if (&kernels == &kAvx512Kernels)
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vnni");
  if (&kernels == &kAvx2Kernels) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
  return &kernels == &kPortableKernels;
}

/// The quickest that this processor runs, or those that $AMAS_KERNELS names, if it runs them.
const Kernels& kernels_of_processor() {
  static const Kernels& kernels = [&]() -> const Kernels& {
    const char* asked = std::getenv("AMAS_KERNELS");
    const Kernels* const all[] = {&kAvx512Kernels, &kAvx2Kernels, &kPortableKernels};
    for (const Kernels* one : all)
      if (runs(*one) && asked != nullptr && std::string_view(asked) == one->name) return *one;
    return **std::ranges::find_if(all, [](const Kernels* one) { return runs(*one); });
  }();
  return kernels;
}

Result<Precision> precision_of(std::string_view name) {
  if (name == "float32") return Precision::kFloat32;
  if (name == "int16") return Precision::kInt16;
  if (name == "int8") return Precision::kInt8;
  return invalid_argument(fmt::format("precision is unknown: {}; known: float32, int16, int8", name));
}

PackedNet pack(const Net& net, Precision precision, const Kernels& kernels) {
  PackedNet packed{.kernels = &kernels, .precision = precision, .length = net.length, .mask = net.mask};
  std::vector<int> below;
  for (const RecurrentLayer& layer : net.layers) {
    LayerInput input;
    if (packed.layers.empty()) {
      input.rows = net.table;
      const auto row = static_cast<std::size_t>(gates_of(layer.cell) * padded_units(layer.units)) *
                       (precision == Precision::kFloat32 ? 4 : 2);
      input.fold = static_cast<std::size_t>(net.rows) * row * layer.directions.size() <= kFoldedBytesMax;
    }
    input.parts = below;
    std::vector<PackedDirection> directions;
    for (const Direction& direction : layer.directions)
      directions.push_back(pack_direction(layer, direction, input, precision, kernels));
    below.assign(layer.directions.size(), layer.units);
    packed.layers.push_back(std::move(directions));
    packed.units.push_back(layer.units);
  }
  return packed;
}

/// Folds the branches of a net, where they fit in memory.
Result<std::vector<FoldedBranch>> fold_branches(const Net& net, Precision precision, const Kernels& kernels) {
  std::size_t bytes = 0;
  for (const Branch& branch : net.branches) bytes += folded_bytes(branch, net.rows, precision);
  if (bytes > kFoldedBytesMax)
    return unimplemented(fmt::format("convolutions folded into the embedding are too large: {} MB > {} MB",
                                     bytes >> 20, kFoldedBytesMax >> 20));
  std::vector<FoldedBranch> folded;
  for (const Branch& branch : net.branches) {
    AMAS_TRY(folded.emplace_back(), fold_branch(branch, net, precision, kernels));
  }
  return folded;
}

class SequenceModel final : public engine::LoadedModel {
 public:
  SequenceModel(Net net, std::vector<FoldedBranch> branches, Precision precision, const Kernels& kernels)
      : packed_(pack(net, precision, kernels)),
        pads_(packed_),
        branches_(std::move(branches)),
        head_(std::move(net.head)),
        vocabulary_(net.vocabulary),
        row_of_(std::move(net.row_of)),
        inputs_{{net.input, net.token_type, {-1, net.length > 0 ? net.length : -1}}},
        outputs_{{net.output, DType::kFloat32, net.flat ? Shape{-1} : Shape{-1, head_.back().columns}}} {}

  const std::vector<engine::TensorSpec>& inputs() const override { return inputs_; }
  const std::vector<engine::TensorSpec>& outputs() const override { return outputs_; }
  Result<std::vector<Tensor>> run(std::span<const TensorView> inputs) override;

 private:
  template <class T>
  Status copy_tokens(std::span<const T> from, std::span<std::int32_t> to, std::int64_t length) const;
  Status check_length(std::int64_t length) const;
  void run_branches(std::span<const std::int32_t> tokens, std::size_t length, std::span<float> pooled) const;

  const PackedNet packed_;
  const PadStates pads_;
  const std::vector<FoldedBranch> branches_;
  const std::vector<DenseLayer> head_;
  const int vocabulary_;
  const std::vector<std::int32_t> row_of_;
  const std::vector<engine::TensorSpec> inputs_, outputs_;
};

/// Checks the tokens; those below 0 count from the table's end, as ONNX has it.
template <class T>
Status SequenceModel::copy_tokens(std::span<const T> from, std::span<std::int32_t> to,
                                  std::int64_t length) const {
  // Where tokens are counted, one below 0 would count backwards.
  const auto size = static_cast<T>(vocabulary_), least = packed_.mask ? T{0} : -size;
  bool good = true;
  for (std::size_t i = 0; i < from.size(); ++i) {
    const T token = from[i];
    good &= token >= least && token < size;
    to[i] = static_cast<std::int32_t>(token);
  }
  if (good) {
    for (std::int32_t& token : to) token += token < 0 ? vocabulary_ : 0;
    if (!row_of_.empty())
      for (std::int32_t& token : to) token = row_of_[static_cast<std::size_t>(token)];
    return {};
  }
  const auto at = std::ranges::find_if(from, [&](T token) { return token < least || token >= size; });
  return invalid_argument(
      fmt::format("token is outside the vocabulary: row {}, step {}: {}; the model knows 0 … {}",
                  (at - from.begin()) / length, (at - from.begin()) % length, *at, vocabulary_ - 1));
}

/// That rows of a length that the graph leaves open can be run.
Status SequenceModel::check_length(std::int64_t length) const {
  std::int64_t least = 1;
  for (const FoldedBranch& one : branches_) least = std::max<std::int64_t>(least, one.branch.shortest());
  if (length < least)
    return invalid_argument(
        fmt::format("rows are too short: {} tokens; the model takes {} or more", length, least));
  if (length > kLengthMax)
    return invalid_argument(fmt::format("rows are too long: {} tokens; send at most {}", length, kLengthMax));
  return {};
}

/// The branches over all rows, side by side.
void SequenceModel::run_branches(std::span<const std::int32_t> tokens, std::size_t length,
                                 std::span<float> pooled) const {
  float* to = pooled.data();
  for (; !tokens.empty(); tokens = tokens.subspan(length))
    for (const FoldedBranch& one : branches_) {
      run_branch(one, *packed_.kernels, tokens.first(length), to);
      to += one.branch.last().filters;
    }
}

Result<std::vector<Tensor>> SequenceModel::run(std::span<const TensorView> inputs) {
  AMAS_CHECK(engine::check_inputs(inputs_, inputs));
  const TensorView& given = inputs[0];
  const auto rows = static_cast<std::size_t>(given.rows());
  const std::int64_t length = given.shape()[1];
  AMAS_CHECK(check_length(length));
  std::vector<std::int32_t> tokens(rows * static_cast<std::size_t>(length));
  if (given.dtype() == DType::kInt32)
    AMAS_CHECK(copy_tokens(given.data<std::int32_t>(), std::span(tokens), length));
  else AMAS_CHECK(copy_tokens(given.data<std::int64_t>(), std::span(tokens), length));
  const auto width = static_cast<std::size_t>(head_.front().rows),
             columns = static_cast<std::size_t>(head_.back().columns);
  std::vector<float> last(rows * width);
  if (branches_.empty()) run_layers(packed_, pads_, tokens, rows, last.data());
  else run_branches(tokens, static_cast<std::size_t>(length), last);
  std::vector<Tensor> results;
  Shape shape = outputs_[0].shape;
  shape[0] = given.rows();
  results.emplace_back(DType::kFloat32, shape);
  const auto scores = results[0].data<float>();
  for (std::size_t row = 0; row < rows; ++row)
    run_head(head_, std::span(last).subspan(row * width, width), scores.subspan(row * columns, columns));
  return results;
}

class SequenceEngine final : public engine::Engine {
 public:
  std::string_view name() const override { return "sequence"; }
  std::string version() const override { return AMAS_VERSION; }
  std::vector<std::string> precisions() const override {
    if (kernels_of_processor().has_int8) return {"float32", "int16", "int8"};
    return {"float32", "int16"};
  }
  std::string runs_as(const engine::LoadOptions& options) const override {
    if (options.precision.empty()) return "int16";
    return options.precision == "int8" && !kernels_of_processor().has_int8 ? "int16" : options.precision;
  }
  Result<std::unique_ptr<engine::LoadedModel>> load(std::string_view onnx,
                                                    const engine::LoadOptions& options) override {
    AMAS_TRY(const Precision precision, precision_of(runs_as(options)));
    AMAS_TRY(const auto model, model::parse_onnx(onnx));
    AMAS_TRY(Net net, recognise(model));
    const Kernels& kernels = kernels_of_processor();
    AMAS_TRY(auto branches, fold_branches(net, precision, kernels));
    return std::unique_ptr<engine::LoadedModel>(
        std::make_unique<SequenceModel>(std::move(net), std::move(branches), precision, kernels));
  }
};

}  // namespace

std::unique_ptr<engine::Engine> make_sequence_engine() { return std::make_unique<SequenceEngine>(); }

std::string_view sequence_kernels() { return kernels_of_processor().name; }

}  // namespace amas::engines
