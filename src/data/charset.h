#pragma once

#include <string>
#include <string_view>

namespace amas::data {

/// The bytes of a text in `charset` as UTF-8. National charsets are read as the supersets that are sent under
/// their names (gb2312 as GB 18030, ks_c_5601-1987 as Windows-949 …). Without a charset: as UTF-8 when they
/// are that. Where the charset is unknown or any byte does not belong to it, all bytes are read as Latin-1,
/// which never fails. Latin-1 is read as its superset too: 0x80 to 0x9F are Windows-1252's characters where
/// that has one.
///
/// `charset`: as a mail declares it, in any case; may be empty.
/// Threads: any.
std::string text_to_utf8(std::string_view bytes, std::string_view charset);

/// UTF-8 text with U+0080 to U+009F read as the bytes of Windows-1252, which is what HTML means by &#150; and
/// the like.
std::string c1_to_windows1252(std::string_view text);

}  // namespace amas::data
