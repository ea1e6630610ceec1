#include "engines/sequence/convolution_node.h"

#include <fmt/format.h>

#include <algorithm>

#include "engines/sequence/mask_node.h"
#include "model/onnx_graph.h"

namespace amas::engines::sequence {
namespace {

constexpr std::int64_t kFiltersMax = 4'096, kWidthMax = 256;

using Integers = std::vector<std::int64_t>;

/// An attribute that lists `count` integers; `fallback` for each where it is left out.
Result<Integers> listed(const NodeView& view, std::string_view name, std::size_t count,
                        std::int64_t fallback) {
  const auto* found = model::find_attribute(view.node, name);
  if (found == nullptr) return Integers(count, fallback);
  Integers values(found->ints().begin(), found->ints().end());
  if (values.size() != count) return view.other(fmt::format("its {}", name));
  return values;
}

bool all_are(const Integers& values, std::int64_t value) {
  return std::ranges::all_of(values, [&](std::int64_t one) { return one == value; });
}

std::string padding_of(const NodeView& view) {
  const auto* found = model::find_attribute(view.node, "auto_pad");
  return found == nullptr || found->s().empty() ? "NOTSET" : found->s();
}

/// The axes behind N and the channels; nothing when they stand elsewhere.
std::string spatial_axes(const Value& value, char channels) {
  if (value.axes.size() < 3 || value.axes[0] != 'N' || value.axes[1] != channels) return {};
  return value.axes.substr(2);
}

/// Sets the zeros around a row.
Status read_padding(const NodeView& view, const std::string& spatial, Convolution& made) {
  AMAS_TRY(const auto pads, listed(view, "pads", 2 * spatial.size(), 0));
  const std::string automatic = padding_of(view);
  if (automatic == "NOTSET") {
    for (std::size_t i = 0; i < pads.size(); ++i) {
      const bool along = spatial[i % spatial.size()] == 'T';
      if (pads[i] < 0 || pads[i] > (along ? kWidthMax : 0)) return view.other("its pads");
      if (along) (i < spatial.size() ? made.front : made.behind) = static_cast<int>(pads[i]);
    }
    return {};
  }
  if (!all_are(pads, 0)) return view.other("it has pads and auto_pad");
  if (automatic == "VALID") return {};
  if (spatial.find('C') != std::string::npos || (automatic != "SAME_UPPER" && automatic != "SAME_LOWER"))
    return view.other("its auto_pad");
  const int less = (made.width - 1) / 2, more = made.width - 1 - less;
  made.front = automatic == "SAME_UPPER" ? less : more;
  made.behind = automatic == "SAME_UPPER" ? more : less;
  return {};
}

Status check_convolution(const NodeView& view, std::size_t count, const Integers& sizes) {
  for (const auto& attribute : view.node.attribute()) {
    static constexpr std::string_view kKnown[] = {"kernel_shape", "strides", "dilations",
                                                  "group",        "pads",    "auto_pad"};
    if (std::ranges::find(kKnown, attribute.name()) == std::end(kKnown))
      return view.other(fmt::format("its {}", attribute.name()));
  }
  AMAS_TRY(const auto strides, listed(view, "strides", count, 1));
  AMAS_TRY(const auto dilations, listed(view, "dilations", count, 1));
  if (!all_are(strides, 1)) return view.other("its strides");
  if (!all_are(dilations, 1)) return view.other("its dilations");
  if (model::int_attribute(view.node, "group", 1) != 1) return view.other("its group");
  if (model::find_attribute(view.node, "kernel_shape") != nullptr) {
    AMAS_TRY(const auto shape, listed(view, "kernel_shape", count, 0));
    if (shape != sizes) return view.other("its kernel_shape");
  }
  return {};
}

/// From [filters, channels, …] to [width, filters, channels]. `steps_last`: T moves quicker than C.
std::vector<float> kernel_by_taps(const std::vector<float>& from, const Convolution& shape, int of_a_step,
                                  bool steps_last) {
  const auto width = static_cast<std::size_t>(shape.width), filters = static_cast<std::size_t>(shape.filters),
             channels = static_cast<std::size_t>(of_a_step);
  std::vector<float> kernel(from.size());
  for (std::size_t filter = 0; filter < filters; ++filter)
    for (std::size_t tap = 0; tap < width; ++tap)
      for (std::size_t i = 0; i < channels; ++i)
        kernel[(tap * filters + filter) * channels + i] =
            from[steps_last ? (filter * channels + i) * width + tap : (filter * width + tap) * channels + i];
  return kernel;
}

}  // namespace

Result<ConvolutionNode> read_convolution(const NodeView& view, const Value& input, int number) {
  const bool image = input.axes == "N1TC" || input.axes == "N1CT";
  const std::string spatial = spatial_axes(input, image ? '1' : 'C');
  const bool above = input.kind == Kind::kConvolved && input.branches.size() == 1;
  if ((input.kind != Kind::kEmbedded && !above) || std::ranges::count(spatial, 'T') != 1 ||
      spatial.size() > 2)
    return view.other(fmt::format("its input, of the axes {}", input.axes));
  AMAS_TRY(const auto weights, view.floats(1));
  const auto& dims = view.constant(1)->dims();
  if (dims.size() != static_cast<int>(spatial.size()) + 2 || dims[0] < 1 || dims[0] > kFiltersMax ||
      dims[1] != (image ? 1 : input.width))
    return view.other("the shape of its weights");
  Convolution made{.filters = static_cast<int>(dims[0])};
  for (std::size_t i = 0; i < spatial.size(); ++i) {
    const std::int64_t size = dims[static_cast<int>(i) + 2];
    if (spatial[i] == 'T' ? size < 1 || size > kWidthMax : size != (spatial[i] == 'C' ? input.width : 1))
      return view.other("the shape of its weights");
    if (spatial[i] == 'T') made.width = static_cast<int>(size);
  }
  AMAS_CHECK(check_convolution(view, spatial.size(), Integers(dims.begin() + 2, dims.end())));
  AMAS_CHECK(read_padding(view, spatial, made));
  if (!input.open && made.steps(input.length) < 1) return view.other("a row is shorter than its kernel");
  made.kernel = kernel_by_taps(weights, made, input.width, spatial != "TC");
  made.bias.assign(static_cast<std::size_t>(made.filters), 0);
  if (view.has(2)) {
    AMAS_TRY(made.bias, view.floats(2));
    if (made.bias.size() != static_cast<std::size_t>(made.filters)) return view.other("its bias");
  }
  Value value{.kind = Kind::kConvolved, .axes = input.axes, .branches = {{.convolution = number}}};
  value.width = made.filters;
  value.open = input.open;
  value.length = made.steps(input.length);
  if (image) {
    value.axes[value.axes.find('C')] = '1';
    value.axes[1] = 'C';
  }
  return ConvolutionNode{std::move(made), std::move(value)};
}

namespace {

/// That a pooling window is as long as T, and stands alone.
Status check_window(const NodeView& view, const Value& value, const std::string& spatial) {
  AMAS_TRY(const auto shape, listed(view, "kernel_shape", spatial.size(), 0));
  AMAS_TRY(const auto pads, listed(view, "pads", 2 * spatial.size(), 0));
  AMAS_TRY(const auto dilations, listed(view, "dilations", spatial.size(), 1));
  if (value.open) return view.other("it pools parts of the steps");
  for (std::size_t i = 0; i < spatial.size(); ++i)
    if (shape[i] != (spatial[i] == 'T' ? value.length : 1)) return view.other("it pools parts of the steps");
  const std::string automatic = padding_of(view);
  if (!all_are(pads, 0) || (automatic != "NOTSET" && automatic != "VALID")) return view.other("its pads");
  if (!all_are(dilations, 1)) return view.other("its dilations");
  for (const std::string_view name : {"ceil_mode", "storage_order"})
    if (model::int_attribute(view.node, name, 0) != 0) return view.other(fmt::format("its {}", name));
  return {};
}

}  // namespace

Result<Value> read_pooling(const NodeView& view, Value value) {
  const std::string& op = view.node.op_type();
  if (value.kind != Kind::kEmbedded && value.kind != Kind::kConvolved) return view.other("its input");
  if (op.starts_with("Reduce")) {
    AMAS_TRY(value.axes, reduced_axes(view, value));
  } else {
    const std::string spatial = spatial_axes(value, 'C');
    if (std::ranges::count(spatial, 'T') != 1 || std::ranges::count(spatial, '1') + 1 != std::ssize(spatial))
      return view.other(fmt::format("its input, of the axes {}", value.axes));
    if (!op.starts_with("Global")) AMAS_CHECK(check_window(view, value, spatial));
    value.axes[value.axes.find('T')] = '1';
  }
  const Pooling pooling = op.find("Max") != std::string::npos ? Pooling::kMax : Pooling::kMean;
  if (value.kind == Kind::kEmbedded) value.branches = {BranchPart{}};
  for (BranchPart& part : value.branches) {
    part.pooling = pooling;
    if (pooling == Pooling::kMean && part.activation == Activation::kSigmoid)
      return view.other("a mean of sigmoids");
  }
  value.kind = Kind::kPooled;
  value.length = 0;
  return value;
}

}  // namespace amas::engines::sequence
