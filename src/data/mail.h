#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace amas::data {

/// The text of one mail, in UTF-8, white space collapsed to single spaces.
struct MailText {
  std::string subject;  ///< RFC 2047 decoded
  std::string body;  ///< all text parts in order, attachments left out: transfer-decoded, charset as declared
                     ///< (none: UTF-8 where it is that) else Latin-1, HTML to text
};

/// Reads one raw message (RFC 5322 with MIME). Lenient, as mail is: a broken part is read as far as it goes.
///
/// Errors: kInvalidArgument when empty or without a single header line; kResourceExhausted beyond
/// kMailBytesMax. Threads: any.
Result<MailText> parse_mail(std::string_view raw);

/// The text of an HTML document: without script, style, comments and tags; entities decoded; blocks separated
/// by white space, which is collapsed. Never fails. `html` is UTF-8.
std::string html_to_text(std::string_view html);

}  // namespace amas::data
