#include "engines/forest/ubjson.h"

#include <fmt/format.h>

namespace amas::engines::forest {
namespace {

/// Goes through a document without keeping it and stops where it becomes too deep or too large: a few bytes
/// can stand for billions of values.
class Meter : public nlohmann::json_sax<Json> {
 public:
  Meter(std::size_t depth_max, std::size_t values_max) : depth_max_(depth_max), values_max_(values_max) {}

  bool null() override { return value(); }
  bool boolean(bool) override { return value(); }
  bool number_integer(number_integer_t) override { return value(); }
  bool number_unsigned(number_unsigned_t) override { return value(); }
  bool number_float(number_float_t, const string_t&) override { return value(); }
  bool string(string_t&) override { return value(); }
  bool binary(binary_t&) override { return value(); }
  bool key(string_t&) override { return value(); }
  bool start_object(std::size_t elements) override { return open(elements); }
  bool start_array(std::size_t elements) override { return open(elements); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    error_ = invalid_argument(fmt::format("not valid UBJSON at byte {}", position));
    return false;
  }
  /// Why the document was left.
  const Error& error() const { return error_; }

 private:
  bool value() {
    if (++values_ <= values_max_) return true;
    error_ = resource_exhausted("UBJSON stands for more values than it has bytes");
    return false;
  }
  bool open(std::size_t elements) {
    constexpr auto kUnknown = static_cast<std::size_t>(-1);
    if (elements != kUnknown && elements > values_max_) {
      error_ = resource_exhausted("UBJSON stands for more values than it has bytes");
      return false;
    }
    if (++depth_ > depth_max_) {
      error_ = invalid_argument(fmt::format("UBJSON nests deeper than allowed: more than {}", depth_max_));
      return false;
    }
    return value();
  }
  bool close() {
    --depth_;
    return true;
  }

  std::size_t depth_max_, values_max_, depth_ = 0, values_ = 0;
  Error error_ = invalid_argument("not valid UBJSON");
};

}  // namespace

Result<Json> parse_ubjson(std::string_view bytes, const JsonLimits& limits) {
  if (bytes.size() > limits.bytes_max)
    return resource_exhausted(
        fmt::format("UBJSON is larger than allowed: {} > {} bytes", bytes.size(), limits.bytes_max));
  Meter meter(limits.depth_max, bytes.size());
  try {
    if (!Json::sax_parse(bytes, &meter, Json::input_format_t::ubjson)) return meter.error();
    return Json::from_ubjson(bytes);
  } catch (const Json::exception& error) {
    return invalid_argument(fmt::format("not valid UBJSON: {}", error.what()));
  }
}

}  // namespace amas::engines::forest
