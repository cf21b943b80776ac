#include "data/digest.h"

#include <openssl/evp.h>

#include <array>
#include <stdexcept>

namespace ockham::data {
namespace {

void require(int ok) {
  if (ok != 1)
    throw std::runtime_error("digest: OpenSSL refused the operation; is the algorithm disabled on this system?");
}

}  // namespace

void Digest::Free::operator()(evp_md_ctx_st* context) const {
  EVP_MD_CTX_free(context);
}

Digest::Digest(Kind kind) : context_(EVP_MD_CTX_new()) {
  require(context_ != nullptr);
  require(EVP_DigestInit_ex(context_.get(), kind == Kind::kMd5 ? EVP_md5() : EVP_sha256(), nullptr));
}

void Digest::add(std::span<const std::uint8_t> bytes) {
  require(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()));
}

void Digest::add(std::string_view text) {
  require(EVP_DigestUpdate(context_.get(), text.data(), text.size()));
}

std::string Digest::hex() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned int length = 0;
  require(EVP_DigestFinal_ex(context_.get(), bytes.data(), &length));
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (unsigned int i = 0; i < length; ++i) {
    text += digits[bytes[i] >> 4];
    text += digits[bytes[i] & 15];
  }
  return text;
}

}  // namespace ockham::data
