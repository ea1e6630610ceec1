#include "api/http/inflate.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <new>

namespace amas::http {
namespace {

constexpr int kGzipOrZlib = 15 + 32;  // the largest window; + 32 lets zlib tell the two formats apart
constexpr std::size_t kFirstBytes = 16u << 10;

class Inflater {
 public:
  Inflater() {
    if (::inflateInit2(&stream_, kGzipOrZlib) != Z_OK) throw std::bad_alloc();
  }
  ~Inflater() { ::inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  z_stream& stream() { return stream_; }

 private:
  z_stream stream_{};
};

}  // namespace

Result<std::string> inflate_body(std::string_view compressed, std::size_t bytes_max) {
  const auto too_large = [&] {
    return resource_exhausted(fmt::format(
        "body is too large after decompression: more than {} bytes; send less at once", bytes_max));
  };
  Inflater inflater;
  z_stream& stream = inflater.stream();
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(compressed.data()));  // zlib only reads it
  stream.avail_in = static_cast<uInt>(compressed.size());
  std::string body;
  std::size_t used = 0;
  while (true) {
    // One byte more than allowed, so that a body of exactly the limit can still be told from a longer one.
    if (used == body.size()) body.resize(std::min(bytes_max + 1, std::max(kFirstBytes, 2 * used)));
    stream.next_out = reinterpret_cast<Bytef*>(body.data() + used);
    stream.avail_out = static_cast<uInt>(body.size() - used);
    const int status = ::inflate(&stream, Z_NO_FLUSH);
    used = body.size() - stream.avail_out;
    if (used > bytes_max) return too_large();
    if (status == Z_STREAM_END) {
      if (stream.avail_in == 0) break;
      if (::inflateReset(&stream) != Z_OK) return invalid_argument("body is not valid gzip or zlib: damaged");
    } else if (status == Z_BUF_ERROR || (status == Z_OK && stream.avail_in == 0 && stream.avail_out > 0)) {
      return invalid_argument("body is not valid gzip or zlib: it is cut off; send it whole");
    } else if (status != Z_OK) {
      return invalid_argument("body is not valid gzip or zlib: damaged; check Content-Encoding");
    }
  }
  body.resize(used);
  return body;
}

}  // namespace amas::http
