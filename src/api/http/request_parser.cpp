#include "api/http/request_parser.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>
#include <functional>

namespace amas::http {
namespace {

std::string_view plain(RequestParser::StringView text) { return {text.data(), text.size()}; }

bool same_name(std::string_view a, std::string_view b) {
  return boost::beast::iequals({a.data(), a.size()}, {b.data(), b.size()});
}

using HttpError = boost::beast::http::error;

}  // namespace

std::size_t find_head_end(std::string_view bytes, std::size_t& searched) {
  for (std::size_t at = bytes.find('\n', searched); at != std::string_view::npos;
       at = bytes.find('\n', at + 1)) {
    searched = at;
    std::size_t next = at + 1;
    if (next < bytes.size() && bytes[next] == '\r') ++next;
    if (next >= bytes.size()) return std::string_view::npos;
    if (bytes[next] == '\n') return next + 1;
  }
  searched = bytes.size();
  return std::string_view::npos;
}

std::pair<int, std::string_view> refusal_of(const RequestParser::ErrorCode& error, std::string_view head) {
  if (error == HttpError::body_limit) return {413, "body is too large; send fewer rows at once"};
  if (error == HttpError::header_limit)
    return {431, "request head is too large; send fewer or shorter headers"};
  if (error == HttpError::bad_version && head.substr(0, head.find('\n')).ends_with('\r'))
    return {505, "not HTTP/1.0 or HTTP/1.1; speak one of them"};
  if (error == HttpError::bad_method) return {400, "malformed request: bad method"};
  if (error == HttpError::bad_target) return {400, "malformed request: bad target"};
  if (error == HttpError::bad_field) return {400, "malformed request: bad header name"};
  if (error == HttpError::bad_value) return {400, "malformed request: bad header value"};
  if (error == HttpError::bad_content_length || error == HttpError::multiple_content_length)
    return {400, "malformed request: bad Content-Length, or one beside Transfer-Encoding"};
  if (error == HttpError::bad_transfer_encoding)
    return {400, "malformed request: bad Transfer-Encoding, or one beside Content-Length"};
  if (error == HttpError::bad_chunk || error == HttpError::bad_chunk_extension)
    return {400, "malformed request: bad chunk"};
  return {400, "malformed request: not HTTP/1.1"};
}

RequestParser::ErrorCode RequestParser::parse_head(std::string_view head, std::size_t body_bytes_max) {
  head_ = head;
  header_limit(static_cast<std::uint32_t>(std::min<std::size_t>(head.size() + 1, 1u << 30)));
  body_limit(body_bytes_max);
  ErrorCode error;
  put(boost::asio::const_buffer(head.data(), head.size()), error);
  if (!error && !is_header_done()) error = boost::beast::http::error::partial_message;
  return error;
}

std::size_t RequestParser::parse_chunks(std::string_view bytes, Buffer& body, ErrorCode& error) {
  body_ = &body;
  eager(true);
  const std::size_t used = put(boost::asio::const_buffer(bytes.data(), bytes.size()), error);
  if (error == boost::beast::http::error::need_more) error = {};
  return used;
}

std::string_view RequestParser::field(std::string_view name) const {
  for (const auto& [known, value] : fields_)
    if (same_name(known, name)) return value;
  return {};
}

std::size_t RequestParser::field_count(std::string_view name) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(fields_, [&](const auto& field) { return same_name(field.first, name); }));
}

void RequestParser::on_request_impl(boost::beast::http::verb, StringView method, StringView target,
                                    int version, ErrorCode&) {
  method_ = plain(method);
  target_ = plain(target);
  version_ = version;
}

void RequestParser::on_field_impl(boost::beast::http::field, StringView name, StringView value,
                                  ErrorCode& error) {
  if (head_is_done_) return;  // a trailer: RFC 9110, 6.5.1 lets us leave it away
  // Beast unfolds a value that goes on in the next line into a buffer of its own. RFC 9112, 5.2 lets us
  // refuse those.
  const auto* const begin = head_.data();
  if (!value.empty() &&
      (std::less<>{}(value.data(), begin) || !std::less<>{}(value.data(), begin + head_.size()))) {
    error = boost::beast::http::error::bad_value;
    return;
  }
  fields_.emplace_back(plain(name), plain(value));
}

std::size_t RequestParser::on_chunk_body_impl(std::uint64_t, StringView body, ErrorCode&) {
  body_->commit(
      boost::asio::buffer_copy(body_->prepare(body.size()), boost::asio::buffer(body.data(), body.size())));
  return body.size();
}

}  // namespace amas::http
