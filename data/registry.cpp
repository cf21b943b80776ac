#include "data/registry.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

#include "data/cifar.h"
#include "data/image/picture.h"
#include "data/mnist.h"
#include "data/records.h"
#include "data/shapes.h"

namespace ockham::data {
namespace {

constexpr std::int64_t kLeastSide = 8, kMostSide = 1024;

/// Where no image size is asked for, it is `own`. @throws std::invalid_argument
Fit fit_of(const OpenOptions& options, std::int64_t own) {
  const std::int64_t side = options.image_size == 0 ? own : options.image_size;
  const Fit fit{side, options.shorter_side == 0 ? side : options.shorter_side};
  if (options.image_size != 0 && (fit.side < kLeastSide || fit.side > kMostSide))
    throw std::invalid_argument("dataset: image size " + std::to_string(fit.side) + "; take 8 to 1024.");
  if (fit.shorter < fit.side || fit.shorter > std::max(fit.side, kMostSide))
    throw std::invalid_argument("dataset: images of " + std::to_string(fit.side) +
                                " pixels cannot be cut from pictures whose shorter side is " +
                                std::to_string(fit.shorter) + "; take that many to 1024.");
  return fit;
}

DatasetPtr fitted(DatasetPtr dataset, const OpenOptions& options) {
  const Fit fit = fit_of(options, dataset->shape().height);
  return options.image_size == 0 && options.shorter_side == 0 ? dataset : with_fit(std::move(dataset), fit);
}

}  // namespace

DatasetPtr open(std::string_view name, const std::filesystem::path& dir, Split split, const OpenOptions& options) {
  if (split == Split::kValid && name != "folder" && name != "records" && std::ranges::count(kDatasetNames, name) > 0)
    return nullptr;
  if (name == "shapes")
    return with_fit(open_shapes(split, {.image_size = fit_of(options, 32).shorter}), fit_of(options, 32));
  if (name == "cifar10")
    return fitted(open_cifar10(dir, split), options);
  if (name == "cifar100")
    return fitted(open_cifar100(dir, split), options);
  if (name == "mnist")
    return fitted(open_mnist(dir, split), options);
  if (name == "folder")
    return open_folder(dir, split, {.fit = fit_of(options, 224), .broken = options.broken});
  if (name == "records") {
    const RecordOptions records{.shape = {options.channels, options.image_size, options.image_size},
                                .classes = options.classes,
                                .label_bytes = options.label_bytes};
    const DatasetPtr dataset = open_records(dir, split, records);
    return dataset ? fitted(dataset, options) : nullptr;
  }
  std::string known;
  for (std::string_view each : kDatasetNames)
    known += (known.empty() ? "" : ", ") + std::string(each);
  throw std::invalid_argument("dataset: '" + std::string(name) + "' is unknown; known are " + known + ".");
}

}  // namespace ockham::data
