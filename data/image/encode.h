#pragma once
// Pixels as the bytes of a picture file.
#include <cstdint>
#include <vector>

#include "data/image/picture.h"

namespace ockham::data {

/// A PNG of 8 bits a channel. @throws std::invalid_argument unless it has 1 or 3 channels and as many pixels as it says
[[nodiscard]] std::vector<std::uint8_t> encode_png(const Picture& picture);

}  // namespace ockham::data
