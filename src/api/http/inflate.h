#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace amas::http {

/// Decompresses a gzip (RFC 1952, several members too) or zlib (RFC 1950) body; which one, its first bytes
/// tell.
///
/// Errors: kInvalidArgument when it is neither, damaged or cut off; kResourceExhausted as soon as the output
/// passes
///         `bytes_max`: memory never grows beyond it, however small the input is.
/// Threads: any.
Result<std::string> inflate_body(std::string_view compressed, std::size_t bytes_max);

}  // namespace amas::http
