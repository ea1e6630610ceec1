#include "data/mail.h"

#include <fmt/format.h>
#include <gmime/gmime.h>

#include <memory>
#include <mutex>

#include "base/limits.h"
#include "base/text.h"
#include "data/charset.h"
#include "data/encoded_words.h"
#include "data/white_space.h"

namespace amas::data {
namespace {

struct Unref {
  void operator()(gpointer object) const { g_object_unref(object); }
};
template <class T>
using Owned = std::unique_ptr<T, Unref>;

// From here on GMime may be used from all threads: this registers all its types.
void initialise_once() {
  static std::once_flag once;
  std::call_once(once, g_mime_init);
}

/// An mbox keeps the envelope sender on a line before the message.
std::string_view without_envelope_line(std::string_view raw) {
  if (!raw.starts_with("From ") && !raw.starts_with(">From ")) return raw;
  const auto end = raw.find('\n');
  return end == std::string_view::npos ? std::string_view() : raw.substr(end + 1);
}

// Names may hold any printable character, but real ones do not, and files of other kinds lie between mails.
bool starts_with_header(std::string_view raw) {
  const auto end = raw.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.");
  if (end == 0 || end == std::string_view::npos) return false;
  const auto colon = raw.find_first_not_of(" \t", end);
  return colon != std::string_view::npos && raw[colon] == ':';
}

std::string decoded_content(GMimePart* part) {
  GMimeDataWrapper* content = g_mime_part_get_content(part);
  if (content == nullptr) return {};
  const Owned<GMimeStream> memory(g_mime_stream_mem_new());
  g_mime_data_wrapper_write_to_stream(content, memory.get());
  const GByteArray* bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(memory.get()));
  return {reinterpret_cast<const char*>(bytes->data), bytes->len};
}

/// Gathers the text parts of one message, in order.
class Body {
 public:
  void add(GMimeObject* object, std::size_t depth) {
    if (object == nullptr || depth > limits::kMailDepthMax || ++parts_ > limits::kMailPartsMax) return;
    if (GMIME_IS_MULTIPART(object)) return add_multipart(GMIME_MULTIPART(object), depth);
    if (GMIME_IS_MESSAGE_PART(object)) {
      GMimeMessage* inner = g_mime_message_part_get_message(GMIME_MESSAGE_PART(object));
      if (inner != nullptr) add(g_mime_message_get_mime_part(inner), depth + 1);
    } else if (GMIME_IS_PART(object)) {
      add_part(GMIME_PART(object));
    }
  }

  std::string take() && {
    if (text_.ends_with(' ')) text_.pop_back();
    return std::move(text_);
  }

 private:
  void add_multipart(GMimeMultipart* multipart, std::size_t depth) {
    const int count = g_mime_multipart_get_count(multipart);
    for (int i = 0; i < count && parts_ <= limits::kMailPartsMax; ++i)
      add(g_mime_multipart_get_part(multipart, i), depth + 1);
    // Where no boundary was found the whole content counts as prologue; a reader would still see it.
    const char* prologue = g_mime_multipart_get_prologue(multipart);
    if (count == 0 && prologue != nullptr) append(text_to_utf8(prologue, ""));
  }

  void add_part(GMimePart* part) {
    if (text_.size() >= limits::kTextBytesMax) return;
    GMimeContentType* type = g_mime_object_get_content_type(GMIME_OBJECT(part));
    if (type != nullptr && !g_mime_content_type_is_type(type, "text", "*")) return;
    if (type != nullptr && g_mime_content_type_is_type(type, "text", "rfc822-headers")) return;
    const char* disposition = g_mime_object_get_disposition(GMIME_OBJECT(part));
    if (disposition != nullptr && g_ascii_strcasecmp(disposition, "attachment") == 0) return;
    const char* charset = type == nullptr ? nullptr : g_mime_content_type_get_parameter(type, "charset");
    const std::string text = text_to_utf8(decoded_content(part), charset == nullptr ? "" : charset);
    const bool html = type != nullptr && g_mime_content_type_is_type(type, "text", "html");
    append(html ? html_to_text(text) : text);
  }

  void append(std::string_view text) {
    append_collapsed(text_,
                     cut_utf8(text, limits::kTextBytesMax - std::min(text_.size(), limits::kTextBytesMax)));
    if (!text_.empty() && text_.back() != ' ') text_ += ' ';
  }

  std::string text_;
  std::size_t parts_ = 0;
};

std::string subject_of(GMimeMessage* message) {
  GMimeHeaderList* headers = g_mime_object_get_header_list(GMIME_OBJECT(message));
  GMimeHeader* header = g_mime_header_list_get_header(headers, "Subject");
  const char* raw = header == nullptr ? nullptr : g_mime_header_get_raw_value(header);
  return raw == nullptr ? std::string() : collapsed(cut_utf8(decode_words(raw), limits::kTextBytesMax));
}

}  // namespace

Result<MailText> parse_mail(std::string_view raw) {
  if (raw.size() > limits::kMailBytesMax)
    return resource_exhausted(
        fmt::format("mail is larger than allowed: {} > {} bytes", raw.size(), limits::kMailBytesMax));
  raw = without_envelope_line(raw);
  if (trim(raw).empty()) return invalid_argument("mail is empty");
  if (!starts_with_header(raw))
    return invalid_argument("not a mail: its first line is no header line such as \"Subject: …\"");
  initialise_once();
  const Owned<GMimeStream> stream(g_mime_stream_mem_new_with_buffer(raw.data(), raw.size()));
  const Owned<GMimeParser> parser(g_mime_parser_new_with_stream(stream.get()));
  const Owned<GMimeMessage> message(g_mime_parser_construct_message(parser.get(), nullptr));
  if (!message) return invalid_argument("not a mail: its headers cannot be read");
  Body body;
  body.add(g_mime_message_get_mime_part(message.get()), 0);
  return MailText{subject_of(message.get()), std::move(body).take()};
}

}  // namespace amas::data
