#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace amas::data {

/// The text of one mail, in UTF-8, white space collapsed to single spaces.
struct MailText {
  std::string subject;  ///< RFC 2047 decoded
  /// All text parts in order, without attachments and copies of other mails' headers; those of a mail within
  /// too. Transfer-decoded, from the charset as data/charset.h reads it, HTML to text. At most
  /// limits::kTextBytesMax; parts beyond limits::kMailPartsMax and kMailDepthMax are left out.
  std::string body;
};

/// Reads one raw message (RFC 5322 with MIME). Lenient, as mail is: a broken part is read as far as it goes.
///
/// The first line may be an mbox's "From …".
/// Errors: kInvalidArgument when empty or when the first line is no header; kResourceExhausted beyond
///         limits::kMailBytesMax.
/// Threads: any.
Result<MailText> parse_mail(std::string_view raw);

/// The text of an HTML document: without script, style, comments and tags; entities decoded; blocks separated
/// by white space, which is collapsed. Never fails; reads up to limits::kTextBytesMax. `html` is UTF-8.
std::string html_to_text(std::string_view html);

}  // namespace amas::data
