#pragma once

#include <string>
#include <string_view>

namespace amas::data {

/// Appends `text` to `out` with every run of white space as one space, and none at the start of `out` or
/// doubled with the end of `out`. White space is Unicode's White_Space and every ASCII control character, so
/// that no control character ever stands in a text. `text` is UTF-8.
void append_collapsed(std::string& out, std::string_view text);

/// `text` collapsed, without white space at either end.
std::string collapsed(std::string_view text);

}  // namespace amas::data
