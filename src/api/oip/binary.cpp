#include "api/oip/binary.h"

#include <fmt/format.h>

#include <bit>
#include <cstring>

namespace amas::oip {
namespace {

static_assert(std::endian::native == std::endian::little, "the wire's order is the machine's");

constexpr std::size_t kLengthBytes = 4;

Result<Tensor> strings_from_binary(std::string_view bytes, Shape shape, std::string_view name,
                                   std::string_view model) {
  const std::size_t count = element_count(shape);
  std::vector<std::string> strings;
  while (!bytes.empty()) {
    std::uint32_t length = 0;
    if (bytes.size() < kLengthBytes)
      return invalid_argument(fmt::format(
          "incomplete string length for inference input '{}', expecting 4 bytes but only {} bytes available",
          name, bytes.size()));
    std::memcpy(&length, bytes.data(), kLengthBytes);
    bytes.remove_prefix(kLengthBytes);
    if (length > bytes.size())
      return invalid_argument(
          fmt::format("incomplete string data for inference input '{}', expecting string of length {} but "
                      "only {} bytes available",
                      name, length, bytes.size()));
    if (strings.size() == count)
      return invalid_argument(
          fmt::format("unexpected number of string elements {} for inference input '{}' for model "
                      "'{}', expecting {}",
                      count + 1, name, model, count));
    strings.emplace_back(bytes.substr(0, length));
    bytes.remove_prefix(length);
  }
  if (strings.size() != count)
    return invalid_argument(
        fmt::format("expected {} string elements for inference input '{}' for model '{}', got {}", count,
                    name, model, strings.size()));
  return Tensor::of_strings(std::move(shape), std::move(strings));
}

}  // namespace

Result<Tensor> tensor_from_binary(std::string_view bytes, DType dtype, Shape shape, std::string_view name,
                                  std::string_view model) {
  if (dtype == DType::kString) return strings_from_binary(bytes, std::move(shape), name, model);
  const std::size_t count = element_count(shape);
  // A product of sizes that overflows is the largest number, so it is refused here before anything is
  // reserved.
  if (bytes.size() % dtype_bytes(dtype) != 0 || bytes.size() / dtype_bytes(dtype) != count)
    return invalid_argument(fmt::format(
        "input byte size mismatch for input '{}' for model '{}'. Expected {}, got {}", name, model,
        static_cast<double>(count) * static_cast<double>(dtype_bytes(dtype)), bytes.size()));
  Tensor tensor(dtype, std::move(shape));
  if (!bytes.empty()) std::memcpy(tensor.bytes().data(), bytes.data(), bytes.size());
  // Any byte but 0 is true for Triton; a bool of ours is 0 or 1.
  if (dtype == DType::kBool)
    for (std::byte& truth : tensor.bytes()) truth = std::byte{truth != std::byte{0}};
  return tensor;
}

std::size_t append_binary(std::string& out, const Tensor& tensor) {
  const std::size_t before = out.size();
  if (tensor.dtype() != DType::kString) {
    const auto bytes = tensor.bytes();
    out.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  for (const std::string& text : tensor.strings()) {
    const auto length = static_cast<std::uint32_t>(text.size());
    out.append(reinterpret_cast<const char*>(&length), kLengthBytes);
    out += text;
  }
  return out.size() - before;
}

}  // namespace amas::oip
