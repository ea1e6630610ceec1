#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace amas::json {

/// Decodes %XX of a path segment; a percent sign that no two hex digits follow stands for itself. Source: RFC
/// 3986, 2.1.
std::string percent_decode(std::string_view segment);

/// The version that a path segment names; nothing when it is not a whole number from 1 up that fits 63 bits.
std::optional<std::int64_t> parse_version(std::string_view digits);

/// Takes `prefix` off the front of `path`, ignoring the case of ASCII letters. Returns whether it was there.
bool take_prefix(std::string_view& path, std::string_view prefix);

}  // namespace amas::json
