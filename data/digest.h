#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace ockham::data {

/// A message digest fed piece by piece (OpenSSL): MD5 to compare with published sums, SHA-256 for everything else.
class Digest {
 public:
  enum class Kind { kMd5, kSha256 };
  explicit Digest(Kind kind = Kind::kSha256);

  void add(std::span<const std::uint8_t> bytes);
  void add(std::string_view text);
  /// The digest of everything added, in lower-case hexadecimal. Ends the digest: call once.
  [[nodiscard]] std::string hex();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

}  // namespace ockham::data
