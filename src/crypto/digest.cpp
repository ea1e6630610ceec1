#include "crypto/digest.h"

#include <openssl/evp.h>

#include <array>
#include <fstream>

#include "base/file.h"

namespace amas::crypto {
namespace {

using Context = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

Context start(const EVP_MD* algorithm) {
  Context context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  EVP_DigestInit_ex(context.get(), algorithm, nullptr);
  return context;
}

std::string finish_hex(const Context& context) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int length = 0;
  EVP_DigestFinal_ex(context.get(), digest.data(), &length);
  std::string hex;
  for (unsigned int i = 0; i < length; ++i) {
    hex += kDigits[digest[i] >> 4];
    hex += kDigits[digest[i] & 15];
  }
  return hex;
}

std::string digest_hex(const EVP_MD* algorithm, std::string_view bytes) {
  const Context context = start(algorithm);
  EVP_DigestUpdate(context.get(), bytes.data(), bytes.size());
  return finish_hex(context);
}

}  // namespace

std::string sha256_hex(std::string_view bytes) { return digest_hex(EVP_sha256(), bytes); }
std::string sha1_hex(std::string_view bytes) { return digest_hex(EVP_sha1(), bytes); }

Result<std::string> sha256_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return errno_error("cannot open file", path);
  const Context context = start(EVP_sha256());
  std::array<char, 1 << 16> piece;
  while (file.read(piece.data(), piece.size()), file.gcount() > 0)
    EVP_DigestUpdate(context.get(), piece.data(), static_cast<std::size_t>(file.gcount()));
  if (file.bad()) return errno_error("cannot read file", path);
  return finish_hex(context);
}

}  // namespace amas::crypto
