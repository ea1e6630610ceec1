#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace amas::crypto {

/// SHA-256 in lower-case hexadecimal (64 characters). FIPS 180-4.
std::string sha256_hex(std::string_view bytes);

/// SHA-1 in lower-case hexadecimal (40 characters). Only for split rules that others state in it, never for
/// safety.
std::string sha1_hex(std::string_view bytes);

/// SHA-256 of a file's content, read in pieces.
///
/// Errors: those of reading the file.
Result<std::string> sha256_file(const std::filesystem::path& path);

}  // namespace amas::crypto
