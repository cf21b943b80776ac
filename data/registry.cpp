#include "data/registry.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

#include "data/cifar.h"
#include "data/image/picture.h"
#include "data/mnist.h"
#include "data/shapes.h"

namespace ockham::data {
namespace {

DatasetPtr resized(DatasetPtr dataset, std::int64_t image_size) {
  return image_size == 0 ? dataset : with_image_size(std::move(dataset), image_size);
}

}  // namespace

DatasetPtr open(std::string_view name, const std::filesystem::path& dir, Split split, const OpenOptions& options) {
  const std::int64_t side = options.image_size;
  if (side != 0 && (side < 8 || side > 1024))
    throw std::invalid_argument("dataset: image size " + std::to_string(side) + "; take 8 to 1024.");
  if (split == Split::kValid && name != "folder" && std::ranges::count(kDatasetNames, name) > 0)
    return nullptr;
  if (name == "shapes")
    return open_shapes(split, {.image_size = side == 0 ? 32 : side});
  if (name == "cifar10")
    return resized(open_cifar10(dir, split), side);
  if (name == "cifar100")
    return resized(open_cifar100(dir, split), side);
  if (name == "mnist")
    return resized(open_mnist(dir, split), side);
  if (name == "folder")
    return open_folder(dir, split, {.image_size = side == 0 ? 224 : side, .broken = options.broken});
  std::string known;
  for (std::string_view each : kDatasetNames)
    known += (known.empty() ? "" : ", ") + std::string(each);
  throw std::invalid_argument("dataset: '" + std::string(name) + "' is unknown; known are " + known + ".");
}

}  // namespace ockham::data
