// ockham-dataset: shows what a data folder holds, verifies it, or draws a sample of its images.
#include <algorithm>
#include <array>
#include <iostream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "apps/cli/output_path.h"
#include "apps/cli/text/format.h"
#include "apps/runs/folder/recorded_facts.h"
#include "apps/runs/inputs/datasets.h"
#include "apps/runs/program.h"
#include "apps/runs/recipe/recipe_settings.h"
#include "data/archive.h"
#include "data/subset.h"
#include "data/verify.h"
#include "engine/error.h"

namespace ockham::apps {
namespace {

enum class Augment { kOff, kCifar, kImageNet };

struct ShowSettings {
  std::string action = "info";
  std::string out = "sample.png";
  std::string split = "train";
  std::int64_t count = 64;
  std::int64_t columns = 8;
  std::int64_t seed = 0;
  Augment augment = Augment::kOff;
  bool overwrite = false;
  DatasetSettings data;
};

void describe(ShowSettings& s, SettingVisitor& v) {
  v.group("What to do");
  v.choice("action", s.action, {"info", "verify", "sample"},
           "info: contents and where the official files are; verify: read and check every image; sample: draw "
           "images into a PNG");
  v.word("action");
  v.text("out", s.out, "the file that sample writes", "FILE", output_file_complaint);
  v.word("out");
  v.choice("split", s.split, {"train", "valid", "test"}, "the part that sample draws from");
  v.count("count", s.count, "how many images sample draws", {.min = 1, .max = 10'000});
  v.count("columns", s.columns, "images in a row of the sample", {.min = 1, .max = 1'000});
  v.count("seed", s.seed, "which images sample draws; 0 takes the first ones");
  v.choice(
      "augment", s.augment, {{"off", Augment::kOff}, {"cifar", Augment::kCifar}, {"imagenet", Augment::kImageNet}},
      "what is done to the images of a sample: nothing, crop, mirror and cutout, or resized crop, mirror and colours");
  v.flag("overwrite", s.overwrite, "let sample replace an existing file");
  describe(s.data, v);
}

constexpr std::array kSplits{data::Split::kTrain, data::Split::kValid, data::Split::kTest};

constexpr const char* split_name(data::Split split) {
  return split == data::Split::kTrain ? "train" : split == data::Split::kValid ? "valid" : "test";
}

/// Images by class, one line each; long lists are cut, since --json has all.
void print_classes(const data::SplitReport& report) {
  constexpr std::size_t kShown = 20;
  for (std::size_t c = 0; c < std::min(kShown, report.class_names.size()); ++c)
    std::cout << "  " << report.class_names[c] << ": " << format_count(report.label_counts[c]) << '\n';
  if (report.class_names.size() > kShown)
    std::cout << "  ... and " << report.class_names.size() - kShown << " more classes\n";
}

nlohmann::ordered_json print_split(const data::SplitReport& report) {
  const data::ImageShape& shape = report.shape;
  std::cout << split_name(report.split) << ": " << format_count(report.images) << " images of " << shape.channels
            << " x " << shape.height << " x " << shape.width << ", " << report.class_names.size()
            << " classes\n  digest " << report.digest << '\n';
  if (report.normalisation)
    std::cout << "  " << text_of(*report.normalisation, shape.channels) << '\n';
  print_classes(report);
  for (const std::string& line : left_out_lines(report.left_out))
    std::cout << "  " << line << '\n';
  return {{"images", report.images},
          {"normalisation",
           report.normalisation ? facts_of(*report.normalisation, shape.channels) : nlohmann::ordered_json(nullptr)},
          {"shape", {shape.channels, shape.height, shape.width}},
          {"classes", report.class_names},
          {"label_counts", report.label_counts},
          {"digest", report.digest},
          {"left_out",
           {{"files", report.left_out.files},
            {"bad_images", report.left_out.bad_images},
            {"folders", report.left_out.folders}}}};
}

int info(Session& session, const ShowSettings& settings) {
  const std::string& name = settings.data.dataset;
  nlohmann::ordered_json summary = {{"dataset", name}, {"official", nlohmann::ordered_json::array()}};
  std::cout << name << '\n';
  for (const data::ArchiveFile& file : data::official_files(name)) {
    std::cout << "official file: " << file.url << "\n  " << format_count(file.bytes) << " bytes, MD5 " << file.md5
              << '\n';
    summary["official"].push_back({{"url", file.url}, {"bytes", file.bytes}, {"md5", file.md5}});
  }
  if (name == "shapes" || !settings.data.folder.empty()) {
    for (const data::Split split : kSplits)
      if (const data::DatasetPtr part = open_dataset(settings.data, split))
        summary[split_name(split)] = print_split(data::describe(*part, split));
  } else {
    std::cout << "give --data DIR to see what a folder holds\n";
  }
  session.publish(summary);
  return kDone;
}

/// Every message, not only the first ones: this is where people look for them.
void print_bad_images(const data::SplitReport& report) {
  for (const std::string& message : report.left_out.bad_images)
    std::cout << "bad: " << message << '\n';
}

data::VerifyReport verify_data(const DatasetSettings& settings) {
  require_folder(settings);
  try {
    return data::verify(settings.dataset, settings.folder, open_options(settings, data::Split::kTrain));
  } catch (const std::invalid_argument& e) {
    throw UsageError(e.what());
  }
}

int verify(Session& session, const ShowSettings& settings) {
  const data::VerifyReport report = verify_data(settings.data);
  nlohmann::ordered_json summary = {{"dataset", settings.data.dataset}};
  std::int64_t images = 0, bad = 0, files = 0;
  for (const data::SplitReport& split : report.splits) {
    summary[split_name(split.split)] = print_split(split);
    images += split.images;
    bad += std::ssize(split.left_out.bad_images);
    files += std::ssize(split.left_out.files);
  }
  for (const std::string& archive : report.archives)
    std::cout << archive << '\n';
  std::ranges::for_each(report.splits, print_bad_images);
  summary["archives"] = report.archives;
  summary["sound"] = report.is_sound();
  std::cout << (report.is_sound() ? "sound: all " + format_count(images) + " images can be read"
                                  : "NOT sound: " + format_count(bad) + " of " + format_count(images + bad) +
                                        " images are bad, see above");
  std::cout << (files > 0 ? "; " + format_count(files) + " files are no pictures of a class\n" : "\n");
  session.publish(summary);
  return report.is_sound() ? kDone : kBadData;
}

/// As training has it by default, or by the preset imagenet-mobile.
data::Transform transform_of(Augment augment, const data::Dataset& dataset) {
  RecipeSettings recipe;
  recipe.crop = augment == Augment::kImageNet ? Crop::kResized : Crop::kPadded;
  recipe.colour_jitter = augment == Augment::kImageNet ? 0.4 : 0.0;
  recipe.cutout = augment == Augment::kImageNet ? 0 : recipe.cutout;
  return augment == Augment::kOff ? data::Transform{} : transform_of(recipe, dataset, dataset.shape().height);
}

/// A line of class names for each row of the sheet; names may hold commas.
void print_labels(const data::Dataset& dataset, const std::vector<std::int64_t>& indices, std::int64_t columns) {
  for (std::size_t i = 0; i < indices.size(); ++i) {
    const bool begins = i % static_cast<std::size_t>(columns) == 0;
    std::cout << (begins ? i == 0 ? "  " : "\n  " : " | ")
              << dataset.class_names()[static_cast<std::size_t>(dataset.label(indices[i]))];
  }
  std::cout << '\n';
}

int sample(Session& session, const ShowSettings& settings) {
  const std::filesystem::path path = settings.out;
  if (std::filesystem::exists(path) && !settings.overwrite)
    throw UsageError(path.string() + " exists. Name another file, or replace it with --overwrite.");
  const data::Split split = *std::ranges::find(kSplits, settings.split, split_name);
  const data::DatasetPtr dataset = open_dataset(settings.data, split);
  if (!dataset)
    throw UsageError("--split valid: " + settings.data.dataset + " has no validation part of its own.");
  std::vector<std::int64_t> indices(static_cast<std::size_t>(dataset->size()));
  std::iota(indices.begin(), indices.end(), 0);
  if (settings.seed != 0)
    indices = data::permutation(dataset->size(), static_cast<std::uint64_t>(settings.seed), data::Purpose::kSplit);
  indices.resize(std::min(indices.size(), static_cast<std::size_t>(settings.count)));
  data::write_sample(dataset, indices, settings.columns, path, transform_of(settings.augment, *dataset),
                     static_cast<std::uint64_t>(settings.seed));
  std::cout << path.string() << ": " << indices.size() << " of the " << format_count(dataset->size()) << ' '
            << split_name(split) << " images of " << dataset->name() << '\n';
  print_labels(*dataset, indices, settings.columns);
  std::vector<int> labels;
  for (const std::int64_t index : indices)
    labels.push_back(dataset->label(index));
  session.publish({{"file", path.string()}, {"images", indices.size()}, {"indices", indices}, {"labels", labels}});
  return kDone;
}

int run(Session& session, const ShowSettings& settings) {
  const auto work = settings.action == "info" ? info : settings.action == "verify" ? verify : sample;
  return work(session, settings);
}

}  // namespace
}  // namespace ockham::apps

int main(int argc, char** argv) {
  using namespace ockham::apps;
  return run_main(
      argc, argv,
      app_of("dataset", "Shows what a data folder holds, verifies it, or draws a sample of its images.", run));
}
