#include "data/normalisation.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "data/cores.h"
#include "data/view.h"

namespace ockham::data {
namespace {

constexpr std::int64_t kMostDecoded = 20'000;
constexpr Normalisation kImageNet{{0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}};

class Normalised : public View {
 public:
  Normalised(DatasetPtr base, const Normalisation& normalisation)
      : View(std::move(base), [&](Description& description) { description.normalisation = normalisation; }) {}
};

}  // namespace

Normalisation normalisation_of(std::string_view dataset) {
  if (dataset == "cifar10")
    return {{0.49139968f, 0.48215827f, 0.44653124f}, {0.24703233f, 0.24348505f, 0.26158768f}};
  if (dataset == "cifar100")
    return {{0.50707516f, 0.48654889f, 0.44091784f}, {0.26733429f, 0.25643846f, 0.27615047f}};
  if (dataset == "mnist")
    return {{0.1307f, 0, 0}, {0.3081f, 1, 1}};
  if (dataset == "shapes")
    return {{0.498f, 0.498f, 0.498f}, {0.195f, 0.195f, 0.195f}};
  if (is_measured(dataset))
    return kImageNet;
  throw std::invalid_argument("normalisation_of: no constants for '" + std::string(dataset) +
                              "'; known are shapes, cifar10, cifar100, mnist, folder, records.");
}

bool is_measured(std::string_view dataset) {
  return dataset == "folder" || dataset == "records";
}

Normalisation measure(const Dataset& dataset) {
  const ImageShape& shape = dataset.shape();
  const auto channels = static_cast<std::size_t>(std::min<std::int64_t>(shape.channels, 3));
  const std::int64_t images = dataset.is_decoded() ? std::min(dataset.size(), kMostDecoded) : dataset.size(),
                     plane = shape.height * shape.width;
  std::array<std::atomic<std::uint64_t>, 3> sums{}, squares{};
  on_all_cores(images, [&](std::int64_t i) {
    std::vector<std::uint8_t> pixels(static_cast<std::size_t>(shape.count()));
    dataset.read(i * dataset.size() / images, pixels);
    for (std::size_t c = 0; c < channels; ++c) {
      std::uint64_t sum = 0, square = 0;
      for (const std::uint8_t pixel :
           std::span(pixels).subspan(c * static_cast<std::size_t>(plane), static_cast<std::size_t>(plane))) {
        sum += pixel;
        square += std::uint64_t{pixel} * pixel;
      }
      sums[c] += sum;
      squares[c] += square;
    }
  });
  const double count = static_cast<double>(images) * static_cast<double>(plane);
  Normalisation result;
  for (std::size_t c = 0; c < channels; ++c) {
    const double mean = static_cast<double>(sums[c]) / count;
    const double variance = static_cast<double>(squares[c]) / count - mean * mean;
    result.mean[c] = static_cast<float>(mean / 255);
    const auto deviation = static_cast<float>(std::sqrt(std::max(variance, 0.0)) / 255);
    result.std[c] = deviation > 1e-4f ? deviation : 1.0f;
  }
  return result;
}

DatasetPtr with_normalisation(DatasetPtr base, const Normalisation& normalisation) {
  return std::make_shared<Normalised>(std::move(base), normalisation);
}

}  // namespace ockham::data
