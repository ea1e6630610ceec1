#pragma once

#include <string>
#include <string_view>

namespace amas::data {

/// An unstructured header value as UTF-8: encoded words (RFC 2047, with the language of RFC 2231) decoded,
/// bytes of neighbours in one charset joined before, since programs cut characters in two; the rest read as
/// UTF-8 or Latin-1. Lenient: words are found inside other text too, and what is broken stays as it stands.
/// Threads: any.
std::string decode_words(std::string_view value);

}  // namespace amas::data
