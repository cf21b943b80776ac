#include "data/image/encode.h"

#include <stdexcept>
#include <string>

#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#define STBI_WRITE_NO_STDIO
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#include <stb_image_write.h>
#pragma GCC diagnostic pop

namespace ockham::data {
namespace {

void append(void* context, void* data, int size) {
  auto& png = *static_cast<std::vector<std::uint8_t>*>(context);
  const auto* bytes = static_cast<const std::uint8_t*>(data);
  png.insert(png.end(), bytes, bytes + size);
}

}  // namespace

std::vector<std::uint8_t> encode_png(const Picture& picture) {
  const ImageShape& shape = picture.shape;
  if ((shape.channels != 1 && shape.channels != 3) || shape.count() != std::ssize(picture.pixels))
    throw std::invalid_argument("encode_png: " + std::to_string(picture.pixels.size()) + " bytes are no picture of " +
                                std::to_string(shape.channels) + " x " + std::to_string(shape.height) + " x " +
                                std::to_string(shape.width) + " with 1 or 3 channels.");
  const std::int64_t plane = shape.height * shape.width;
  std::vector<std::uint8_t> pixels(picture.pixels.size());  // channels of a pixel side by side, as stb wants them
  for (std::int64_t i = 0; i < shape.count(); ++i)
    pixels[static_cast<std::size_t>(i % plane * shape.channels + i / plane)] =
        picture.pixels[static_cast<std::size_t>(i)];
  std::vector<std::uint8_t> png;
  stbi_write_png_to_func(append, &png, static_cast<int>(shape.width), static_cast<int>(shape.height),
                         static_cast<int>(shape.channels), pixels.data(), 0);
  return png;
}

}  // namespace ockham::data
