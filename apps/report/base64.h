#pragma once
// Bytes as text (RFC 4648, section 4), for pictures within a page.
#include <cstdint>
#include <span>
#include <string>

namespace ockham::apps {

std::string base64(std::span<const std::uint8_t> bytes);

}  // namespace ockham::apps
