#include "apps/runs/inputs/datasets.h"

#include <algorithm>
#include <stdexcept>

#include "data/archive.h"
#include "data/error.h"
#include "data/image/picture.h"
#include "data/registry.h"
#include "engine/error.h"

namespace ockham::apps {
namespace {

/// Where 0 stands for all there is.
std::optional<std::int64_t> limit_of(std::int64_t size) {
  return size == 0 ? std::nullopt : std::optional(size);
}

}  // namespace

void require_folder(const DatasetSettings& settings) {
  const std::string& name = settings.dataset;
  if (name != "shapes" && settings.folder.empty()) {
    const std::string official = data::describe_official_files(name);
    throw data::DataError("--dataset " + name + " needs --data DIR (or OCKHAM_DATA), the folder that holds its files." +
                          (official.empty() ? "" : " The official ones:\n" + official));
  }
}

data::DatasetPtr open_dataset(const DatasetSettings& settings, data::Split split) {
  require_folder(settings);
  if (settings.eval_resize > 0 && settings.eval_resize < settings.image_size)
    throw UsageError(concat("--eval-resize ", settings.eval_resize, ": the middle of --image-size ",
                            settings.image_size, " is cut from it; make it larger."));
  if (settings.eval_resize > 0 && settings.image_size == 0)
    throw UsageError(concat("--eval-resize ", settings.eval_resize, ": give the --image-size that is cut from it."));
  const bool is_cut = settings.eval_resize > 0 && split != data::Split::kTrain;
  try {
    const data::DatasetPtr images =
        data::open(settings.dataset, settings.folder, split,
                   {.image_size = is_cut ? settings.eval_resize : settings.image_size,
                    .broken = settings.on_bad_image == "skip" ? data::Broken::kSkip : data::Broken::kFail});
    return is_cut && images ? data::with_central_square(images, settings.image_size) : images;
  } catch (const std::invalid_argument& e) {
    throw UsageError(e.what());
  }
}

data::Splits open_splits(const DataSettings& settings, std::uint64_t seed) {
  const data::SplitOptions sizes = {.train_size = limit_of(settings.train_size),
                                    .valid_size = settings.valid_size,
                                    .test_size = limit_of(settings.test_size),
                                    .seed = seed};
  const data::DatasetPtr train = open_dataset(settings.images, data::Split::kTrain);
  const data::DatasetPtr valid = open_dataset(settings.images, data::Split::kValid);
  const data::DatasetPtr test = open_dataset(settings.images, data::Split::kTest);
  try {
    return data::split(train, test, sizes, valid);
  } catch (const std::invalid_argument& e) {
    throw UsageError(e.what());
  }
}

std::vector<std::string> left_out_lines(const data::LeftOut& left_out) {
  constexpr std::size_t kShown = 3;
  std::vector<std::string> lines;
  const auto add = [&](const std::vector<std::string>& names, const char* one, const char* many) {
    if (names.empty())
      return;
    std::string line = "left out " + std::to_string(names.size()) + ' ' + (names.size() == 1 ? one : many);
    for (std::size_t i = 0; i < std::min(kShown, names.size()); ++i)
      line += (i == 0 ? ": " : "; ") + names[i];
    lines.push_back(names.size() > kShown ? line + "; and more" : line);
  };
  add(left_out.files, "file that is no picture of a class", "files that are no pictures of a class");
  add(left_out.bad_images, "bad picture", "bad pictures");
  add(left_out.folders, "folder that is no part", "folders that are no parts");
  return lines;
}

void log_left_out(const data::Splits& splits, Log& log) {
  for (const std::string& line : left_out_lines(splits.left_out))
    log.line(line);
}

void require_whole_batch(std::int64_t batch_size, std::int64_t images) {
  if (batch_size > images)
    throw UsageError(concat("--batch-size ", batch_size, ": there are only ", images,
                            " training images; lower it, or raise --train-size."));
}

}  // namespace ockham::apps
