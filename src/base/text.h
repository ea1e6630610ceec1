#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace amas {

/// The candidate nearest to `word` by edit distance, for "did you mean"; nothing when all are far (more than
/// a third of the word's length, at least 2).
std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& candidates);

/// Whether the bytes are well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms).
bool is_utf8(std::string_view text);

/// How many bytes at the beginning are well-formed UTF-8: all of them, or those before the first sequence
/// that is ill-formed or cut off.
std::size_t utf8_prefix(std::string_view text);

/// The bytes with every ill-formed sequence replaced by U+FFFD.
std::string to_valid_utf8(std::string_view text);

/// Cuts at `bytes_max` without cutting a UTF-8 sequence.
std::string_view cut_utf8(std::string_view text, std::size_t bytes_max);

/// Text of unknown origin as it can stand on a terminal in one line: control characters, marks that change
/// the direction or the line, and bytes that are not UTF-8 are written as \n, \t, \x1b or \u202e, a backslash
/// as it is.
std::string printable(std::string_view text);

/// Without white space (ASCII) at both ends.
std::string_view trim(std::string_view text);

/// A size for people, in decimal units: "999 B", "1.5 kB", "12.3 MB", "2.0 GB".
std::string format_bytes(double bytes);

/// Splits at a character; "a,,b" has three parts.
std::vector<std::string_view> split_at(std::string_view text, char separator);

}  // namespace amas
