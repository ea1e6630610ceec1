#pragma once

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <string_view>
#include <utility>
#include <vector>

namespace amas::http {

/// Where the head of the next request ends in `bytes` (just behind its empty line), looking from `searched`
/// on, which is moved forward; std::string_view::npos while it has not come whole. A bare LF ends a line too,
/// so that a request written that way is refused at once and not waited for.
std::size_t find_head_end(std::string_view bytes, std::size_t& searched);

/// Beast's parser, made to keep the head as views into bytes that we hold and to hand chunked bodies over.
/// Takes the whole head in one put(), which also makes Beast's limit hold for all of it.
class RequestParser final : public boost::beast::http::basic_parser<true> {
 public:
  /// What Beast calls them.
  using ErrorCode = boost::beast::error_code;
  /// The same.
  using StringView = boost::beast::string_view;
  /// Grows without zeroing.
  using Buffer = boost::beast::flat_buffer;
  /// Names and values in the order of the head.
  using Fields = std::vector<std::pair<std::string_view, std::string_view>>;

  /// `fields`: where names and values are kept; one vector for many requests saves its allocation.
  explicit RequestParser(Fields& fields) : fields_(fields) { fields_.clear(); }

  /// Parses a whole head, which stays where it is until this object has gone.
  ErrorCode parse_head(std::string_view head, std::size_t body_bytes_max);

  /// Parses some of a chunked body into `body`. Returns how many of the bytes were used; the others are to be
  /// given again with more behind them.
  std::size_t parse_chunks(std::string_view bytes, Buffer& body, ErrorCode& error);

  /// The value of a field, whatever the case of its name; "" when it is missing, the first when it stands
  /// twice.
  std::string_view field(std::string_view name) const;
  /// How often a field stands in the head.
  std::size_t field_count(std::string_view name) const;

  /// Such as "POST".
  std::string_view method() const { return method_; }
  /// As it came, with its query.
  std::string_view target() const { return target_; }
  /// HTTP/1.0, and not 1.1.
  bool is_http_1_0() const { return version_ == 10; }

 private:
  void on_request_impl(boost::beast::http::verb, StringView method, StringView target, int version,
                       ErrorCode&) override;
  void on_response_impl(int, StringView, int, ErrorCode&) override {}
  void on_field_impl(boost::beast::http::field, StringView name, StringView value, ErrorCode& error) override;
  void on_header_impl(ErrorCode&) override { head_is_done_ = true; }
  void on_body_init_impl(boost::optional<std::uint64_t> const&, ErrorCode&) override {}
  std::size_t on_body_impl(StringView body, ErrorCode&) override { return body.size(); }
  void on_chunk_header_impl(std::uint64_t, StringView, ErrorCode&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, StringView body, ErrorCode&) override;
  void on_finish_impl(ErrorCode&) override {}

  std::string_view head_;
  std::string_view method_;
  std::string_view target_;
  int version_ = 0;
  bool head_is_done_ = false;
  Fields& fields_;
  Buffer* body_ = nullptr;
};

/// The status and the words for bytes that are not HTTP, from what the parser says of them. `head`: what it
/// read.
std::pair<int, std::string_view> refusal_of(const RequestParser::ErrorCode& error, std::string_view head);

}  // namespace amas::http
