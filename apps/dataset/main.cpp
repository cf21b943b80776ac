// ockham-dataset: shows what a data folder holds, verifies it, or draws a sample of its images.
#include <iostream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "apps/cli/format.h"
#include "apps/runs/common_options.h"
#include "apps/runs/datasets.h"
#include "apps/runs/program.h"
#include "data/archive.h"
#include "data/subset.h"
#include "data/verify.h"
#include "engine/error.h"

namespace ockham::apps {
namespace {

void declare(OptionTable& table) {
  table.group("What to do");
  table.choice("action", {"info", "verify", "sample"}, "info",
               "info: contents and where the official files are; verify: read and check every image; sample: draw "
               "images into a PNG");
  table.text("image", "sample.png", "the file that sample writes", "FILE");
  table.positional("action");
  table.positional("image");
  table.choice("split", {"train", "test"}, "train", "the part that sample draws from");
  table.count("count", 64, "how many images sample draws", {.min = 1, .max = 10'000});
  table.count("columns", 8, "images in a row of the sample", {.min = 1, .max = 1'000});
  table.count("seed", 0, "which images sample draws; 0 takes the first ones");
  table.flag("overwrite", "let sample replace an existing file");
  add_dataset_options(table);
}

constexpr const char* split_name(data::Split split) {
  return split == data::Split::kTrain ? "train" : "test";
}

/// Images by class, one line each; long lists are cut, since --json has all.
void print_classes(const data::SplitReport& report) {
  constexpr std::size_t kShown = 20;
  for (std::size_t c = 0; c < std::min(kShown, report.class_names.size()); ++c) {
    std::cout << "  " << report.class_names[c] << ": " << format_count(report.label_counts[c]) << '\n';
  }
  if (report.class_names.size() > kShown) {
    std::cout << "  ... and " << report.class_names.size() - kShown << " more classes\n";
  }
}

nlohmann::ordered_json print_split(const data::SplitReport& report) {
  const data::ImageShape& shape = report.shape;
  std::cout << split_name(report.split) << ": " << format_count(report.images) << " images of " << shape.channels
            << " x " << shape.height << " x " << shape.width << ", " << report.class_names.size()
            << " classes\n  digest " << report.digest << '\n';
  print_classes(report);
  for (const std::string& broken : report.broken) {
    std::cout << "  broken: " << broken << '\n';
  }
  return {{"images", report.images},       {"shape", {shape.channels, shape.height, shape.width}},
          {"classes", report.class_names}, {"label_counts", report.label_counts},
          {"digest", report.digest},       {"broken", report.broken}};
}

data::SplitReport look_at(const Options& options, data::Split split) {
  const data::DatasetPtr dataset = open_dataset(options, split);
  return {.split = split,
          .images = dataset->size(),
          .shape = dataset->shape(),
          .class_names = dataset->class_names(),
          .label_counts = data::label_counts(*dataset),
          .digest = dataset->digest(),
          .broken = {}};
}

int info(Session& session) {
  const std::string& name = session.options().text("dataset");
  nlohmann::ordered_json summary = {{"dataset", name}, {"official", nlohmann::ordered_json::array()}};
  std::cout << name << '\n';
  for (const data::ArchiveFile& file : data::official_files(name)) {
    std::cout << "official file: " << file.url << "\n  " << format_count(file.bytes) << " bytes, MD5 " << file.md5
              << '\n';
    summary["official"].push_back({{"url", file.url}, {"bytes", file.bytes}, {"md5", file.md5}});
  }
  if (name == "shapes" || session.options().is_set("data")) {
    for (const data::Split split : {data::Split::kTrain, data::Split::kTest}) {
      summary[split_name(split)] = print_split(look_at(session.options(), split));
    }
  } else {
    std::cout << "give --data DIR to see what a folder holds\n";
  }
  session.publish(summary);
  return kDone;
}

int verify(Session& session) {
  const std::string& name = session.options().text("dataset");
  open_dataset(session.options(), data::Split::kTrain);  // names what is missing before the long part
  const data::VerifyReport report = data::verify(name, session.options().text("data"));
  nlohmann::ordered_json summary = {{"dataset", name}};
  std::size_t broken = 0;
  for (const data::SplitReport& split : report.splits) {
    summary[split_name(split.split)] = print_split(split);
    broken += split.broken.size();
  }
  for (const std::string& archive : report.archives) {
    std::cout << archive << '\n';
  }
  summary["archives"] = report.archives;
  summary["sound"] = broken == 0;
  std::cout << (broken == 0 ? "sound: every image can be read" : "NOT sound: see the broken images above") << '\n';
  session.publish(summary);
  return broken == 0 ? kDone : kBadData;
}

int sample(Session& session) {
  const Options& options = session.options();
  const std::filesystem::path path = options.text("image");
  if (std::filesystem::exists(path) && !options.flag("overwrite")) {
    throw UsageError(path.string() + " exists. Name another file, or replace it with --overwrite.");
  }
  const data::Split split = options.text("split") == "train" ? data::Split::kTrain : data::Split::kTest;
  const data::DatasetPtr dataset = open_dataset(options, split);
  const auto seed = static_cast<std::uint64_t>(options.count("seed"));
  std::vector<std::int64_t> indices(static_cast<std::size_t>(dataset->size()));
  std::iota(indices.begin(), indices.end(), 0);
  if (seed != 0) {
    indices = data::permutation(dataset->size(), seed, data::Purpose::kSplit);
  }
  indices.resize(std::min(indices.size(), static_cast<std::size_t>(options.count("count"))));
  data::write_sample(*dataset, indices, options.count("columns"), path);
  std::cout << path.string() << ": " << indices.size() << " of the " << format_count(dataset->size()) << ' '
            << split_name(split) << " images of " << dataset->name() << '\n';
  session.publish({{"file", path.string()}, {"images", indices.size()}});
  return kDone;
}

int run(Session& session) {
  const std::string& action = session.options().text("action");
  return action == "info" ? info(session) : action == "verify" ? verify(session) : sample(session);
}

}  // namespace
}  // namespace ockham::apps

int main(int argc, char** argv) {
  using namespace ockham::apps;
  return run_main(argc, argv,
                  {.name = "dataset",
                   .purpose = "Shows what a data folder holds, verifies it, or draws a sample of its images.",
                   .declare = declare,
                   .run = run});
}
