#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace amas::json {

/// Base64 with padding. Source: RFC 4648, section 4.
std::string to_base64(std::string_view bytes);

/// The bytes that base64 text stands for; padding may be missing, as TensorFlow Serving allows. Nothing when
/// a character is not of the alphabet, or the length is impossible.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace amas::json
