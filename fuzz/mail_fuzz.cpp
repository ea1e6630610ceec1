// Hostile mail: whatever the bytes, the text that comes out is UTF-8 without control characters and doubled
// spaces.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/limits.h"
#include "base/text.h"
#include "data/mail.h"

namespace {

void require_clean(std::string_view text) {
  if (text.size() > amas::limits::kTextBytesMax || !amas::is_utf8(text)) std::abort();
  if (text != amas::trim(text) || text.find("  ") != std::string_view::npos) std::abort();
  for (const char c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto mail = amas::data::parse_mail(bytes)) {
    require_clean(mail->subject);
    require_clean(mail->body);
  }
  require_clean(amas::data::html_to_text(bytes));
  return 0;
}
