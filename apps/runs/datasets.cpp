#include "apps/runs/datasets.h"

#include <stdexcept>

#include "data/archive.h"
#include "data/error.h"
#include "data/registry.h"
#include "engine/error.h"

namespace ockham::apps {
namespace {

/// What an option says, where 0 stands for all there is.
std::optional<std::int64_t> size_of(const Options& options, const char* name) {
  const std::int64_t size = options.count(name);
  return size == 0 ? std::nullopt : std::optional(size);
}

}  // namespace

data::DatasetPtr open_dataset(const Options& options, data::Split split) {
  const std::string& name = options.text("dataset");
  if (name != "shapes" && !options.is_set("data")) {
    const std::string official = data::describe_official_files(name);
    throw data::DataError("--dataset " + name + " needs --data DIR (or OCKHAM_DATA), the folder that holds its files." +
                          (official.empty() ? "" : " The official ones:\n" + official));
  }
  try {
    return data::open(name, options.text("data"), split, {.image_size = options.count("image-size")});
  } catch (const std::invalid_argument& e) {
    throw UsageError(e.what());
  }
}

data::Splits open_splits(const Options& options) {
  const data::SplitOptions sizes = {.train_size = size_of(options, "train-size"),
                                    .valid_size = options.count("valid-size"),
                                    .test_size = size_of(options, "test-size"),
                                    .seed = static_cast<std::uint64_t>(options.count("seed"))};
  const data::DatasetPtr train = open_dataset(options, data::Split::kTrain);
  const data::DatasetPtr test = open_dataset(options, data::Split::kTest);
  try {
    return data::split(train, test, sizes);
  } catch (const std::invalid_argument& e) {
    throw UsageError(e.what());
  }
}

}  // namespace ockham::apps
