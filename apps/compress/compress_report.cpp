#include "apps/compress/compress_report.h"

#include <algorithm>
#include <cmath>

#include "apps/report/base64.h"
#include "data/image/encode.h"

namespace ockham::apps {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::int64_t kMostFilters = 64;
constexpr std::int64_t kFilterSide = 40;  // pixels at least, so that a kernel is seen
constexpr double kMiddle = 127.5;

Json picture_json(const data::Picture& picture, const std::string& caption) {
  return {{"caption", caption}, {"png", base64(data::encode_png(picture))}};
}

std::size_t place(std::int64_t channel, std::int64_t row, std::int64_t column, std::int64_t height,
                  std::int64_t width) {
  return static_cast<std::size_t>((channel * height + row) * width + column);
}

/// A kernel [C, M, K], grey where it is zero, each of its weights a square.
data::Picture picture_of(const double* kernel, std::int64_t channels, std::int64_t height, std::int64_t width) {
  const std::int64_t scale = std::max<std::int64_t>(1, kFilterSide / std::max(height, width));
  double largest = 0.0;
  for (std::int64_t i = 0; i < channels * height * width; ++i)
    largest = std::max(largest, std::abs(kernel[i]));
  const std::int64_t H = height * scale, W = width * scale;
  data::Picture picture{.shape = {.channels = channels, .height = H, .width = W},
                        .pixels = std::vector<std::uint8_t>(static_cast<std::size_t>(channels * H * W))};
  for (std::int64_t c = 0; c < channels; ++c) {
    for (std::int64_t row = 0; row < H; ++row) {
      for (std::int64_t column = 0; column < W; ++column) {
        const double w = kernel[place(c, row / scale, column / scale, height, width)];
        const double shade = kMiddle * (1.0 + (largest > 0.0 ? w / largest : 0.0));
        picture.pixels[place(c, row, column, H, W)] = static_cast<std::uint8_t>(shade);
      }
    }
  }
  return picture;
}

Json filters_json(const nas::Masks& masks, const Tensor& weight) {
  Json pictures = Json::array();
  const std::int64_t size = weight.numel() / weight.size(0);
  for (std::int64_t n = 0; n < weight.size(0) && std::ssize(pictures) < kMostFilters; ++n) {
    const double* kernel = weight.data<double>() + n * size;
    if (std::any_of(kernel, kernel + size, [](double w) { return w != 0.0; }))
      pictures.push_back(picture_json(picture_of(kernel, weight.size(1), weight.size(2), weight.size(3)),
                                      concat(masks.parameters()[0]->name, "[", n, "]")));
  }
  return pictures;
}

/// White where any neuron reads the pixel.
Json input_map_json(const Tensor& weight, const Shape& image) {
  const std::int64_t height = image[1], width = image[2];
  std::vector<double> is_read(static_cast<std::size_t>(height * width));
  for (std::int64_t i = 0; i < weight.numel(); ++i) {
    if (weight.data<double>()[i] != 0.0)
      is_read[static_cast<std::size_t>(i % weight.size(1) % (height * width))] = 1.0;
  }
  const auto read = std::ranges::count(is_read, 1.0);
  return Json::array({picture_json(picture_of(is_read.data(), 1, height, width),
                                   concat(read, " of ", height * width, " pixels are read, the light ones"))});
}

}  // namespace

Json layers_json(const nas::Masks& masks, const std::vector<Parameter*>& small,
                 const std::vector<nas::BitWidth>& widths) {
  Json layers = Json::array();
  for (std::size_t p = 0; p < masks.parameters().size(); ++p) {
    const Parameter& dense = *masks.parameters()[p];
    const auto width = std::ranges::find(widths, p, &nas::BitWidth::parameter);
    layers.push_back({{"name", dense.name},
                      {"dense", dense.value.shape().sizes()},
                      {"small", small.at(p)->value.shape().sizes()},
                      {"weights", dense.value.numel()},
                      {"kept", masks.kept_entries(p)},
                      {"bits", width == widths.end() ? Json(nullptr) : Json(width->bits)}});
  }
  return layers;
}

Json pictures_json(const nas::Masks& masks, const Shape& image) {
  const Tensor weight = masks.parameters().at(0)->value.to(Device{}).to(DType::kFloat64).contiguous();
  if (weight.rank() == 4 && (weight.size(1) == 1 || weight.size(1) == 3))
    return filters_json(masks, weight);
  if (weight.rank() == 2 && weight.size(1) == image[0] * image[1] * image[2])
    return input_map_json(weight, image);
  return Json::array();
}

}  // namespace ockham::apps
