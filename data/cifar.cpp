#include "data/cifar.h"

#include <utility>

#include "data/archive.h"
#include "data/error.h"
#include "data/records.h"

namespace ockham::data {
namespace {

std::vector<std::string> read_names(const std::filesystem::path& path, int count) {
  if (!std::filesystem::exists(path))
    return numbered_names(count);
  std::vector<std::string> names = read_lines("cifar", path);
  if (std::ssize(names) != count)
    throw DataError("cifar: " + path.filename().string() + " has " + std::to_string(names.size()) +
                    " class names, expected " + std::to_string(count) + ", one a line.");
  return names;
}

DatasetPtr open_files(std::string name, const std::filesystem::path& folder, const std::vector<std::string>& names,
                      std::vector<int> label_limits, const std::string& names_file) {
  std::vector<std::filesystem::path> files;
  for (const std::string& file : names)
    files.push_back(folder / file);
  std::vector<std::string> class_names = read_names(folder / names_file, label_limits.back());
  return read_records("cifar", std::move(name), files, {{3, 32, 32}, std::move(label_limits)}, std::move(class_names));
}

}  // namespace

DatasetPtr open_cifar10(const std::filesystem::path& dir, Split split) {
  const auto folder = find_folder("cifar10", dir, {"cifar-10-batches-bin"}, {"data_batch_1.bin", "test_batch.bin"});
  const std::vector<std::string> train{"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
                                       "data_batch_5.bin"};
  const std::vector<std::string> test{"test_batch.bin"};
  return open_files("cifar10", folder, split == Split::kTrain ? train : test, {10}, "batches.meta.txt");
}

DatasetPtr open_cifar100(const std::filesystem::path& dir, Split split) {
  const auto folder = find_folder("cifar100", dir, {"cifar-100-binary"}, {"train.bin", "test.bin"});
  return open_files("cifar100", folder, {split == Split::kTrain ? "train.bin" : "test.bin"}, {20, 100},
                    "fine_label_names.txt");
}

}  // namespace ockham::data
