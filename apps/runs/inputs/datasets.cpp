#include "apps/runs/inputs/datasets.h"

#include <algorithm>
#include <iomanip>
#include <span>
#include <sstream>
#include <stdexcept>

#include "data/archive.h"
#include "data/error.h"
#include "data/normalisation.h"
#include "engine/error.h"

namespace ockham::apps {
namespace {

/// Where 0 stands for all there is.
std::optional<std::int64_t> limit_of(std::int64_t size) {
  return size == 0 ? std::nullopt : std::optional(size);
}

void normalise(data::Splits& splits, const data::Normalisation& normalisation) {
  for (data::DatasetPtr* part : {&splits.train, &splits.valid, &splits.test})
    if (*part)
      *part = data::with_normalisation(*part, normalisation);
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

data::OpenOptions open_options(const DatasetSettings& settings, data::Split split) {
  return {.image_size = settings.image_size,
          .shorter_side = split == data::Split::kTrain ? 0 : settings.eval_resize,
          .broken = settings.on_bad_image == "skip" ? data::Broken::kSkip : data::Broken::kFail,
          .channels = settings.image_channels,
          .classes = settings.classes,
          .label_bytes = settings.label_bytes};
}

data::DatasetPtr open_dataset(const DatasetSettings& settings, data::Split split) {
  require_folder(settings);
  if (settings.eval_resize > 0 && settings.eval_resize < settings.image_size)
    throw UsageError(concat("--eval-resize ", settings.eval_resize, ": the middle of --image-size ",
                            settings.image_size, " is cut from it; make it larger."));
  if (settings.eval_resize > 0 && settings.image_size == 0)
    throw UsageError(concat("--eval-resize ", settings.eval_resize, ": give the --image-size that is cut from it."));
  try {
    return data::open(settings.dataset, settings.folder, split, open_options(settings, split));
  } catch (const std::invalid_argument& e) {
    throw UsageError(e.what());
  }
}

data::Splits open_splits(const DataSettings& settings, std::uint64_t seed,
                         const std::optional<data::Normalisation>& recorded) {
  const data::SplitOptions sizes = {.train_size = limit_of(settings.train_size),
                                    .valid_size = settings.valid_size,
                                    .test_size = limit_of(settings.test_size),
                                    .seed = seed};
  const data::DatasetPtr train = open_dataset(settings.images, data::Split::kTrain);
  const data::DatasetPtr valid = open_dataset(settings.images, data::Split::kValid);
  const data::DatasetPtr test = open_dataset(settings.images, data::Split::kTest);
  try {
    data::Splits splits = data::split(train, test, sizes, valid);
    const bool is_measured = data::is_measured(settings.images.dataset);
    if (recorded)
      normalise(splits, *recorded);
    else if (settings.normalisation == NormaliseBy::kImageNet)
      normalise(splits, data::normalisation_of("folder"));
    else if (settings.normalisation == NormaliseBy::kNone)
      normalise(splits, {.mean = {0.0f, 0.0f, 0.0f}, .std = {1.0f, 1.0f, 1.0f}});
    else if (is_measured)
      normalise(splits, data::measure(*splits.train));
    return splits;
  } catch (const std::invalid_argument& e) {
    throw UsageError(e.what());
  }
}

std::string text_of(const data::Normalisation& normalisation, std::int64_t channels) {
  std::ostringstream text;
  text << std::setprecision(4);
  for (const auto& [word, values] : {std::pair{"mean", normalisation.mean}, {", deviation", normalisation.std}}) {
    text << word;
    for (const float value : std::span(values).first(static_cast<std::size_t>(channels)))
      text << ' ' << value;
  }
  return text.str();
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

void log_data(const data::Splits& splits, Log& log) {
  for (const std::string& line : left_out_lines(splits.left_out))
    log.line(line);
  for (const data::DatasetPtr& part : {splits.train, splits.valid, splits.test}) {
    if (part && data::is_measured(part->name()))
      return log.line(concat("images are normalised by ", text_of(part->normalisation(), part->shape().channels)));
  }
}

void require_whole_batch(std::int64_t batch_size, std::int64_t images) {
  if (batch_size > images)
    throw UsageError(concat("--batch-size ", batch_size, ": there are only ", images,
                            " training images; lower it, or raise --train-size."));
}

}  // namespace ockham::apps
