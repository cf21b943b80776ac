#include "data/cifar.h"

#include <algorithm>
#include <sstream>
#include <utility>

#include "data/archive.h"
#include "data/error.h"
#include "data/file.h"

namespace ockham::data {
namespace {

constexpr ImageShape kShape{3, 32, 32};
constexpr std::size_t kPixels = 3072;
constexpr std::uint64_t kFileLimit = std::uint64_t{1} << 30;  // the biggest official file has 153,700,000 bytes

struct Format {
  std::vector<int> label_limits;  // one for each label byte of a record; the last label is the class
  [[nodiscard]] std::size_t record() const { return label_limits.size() + kPixels; }
};

struct Records {
  std::vector<std::uint8_t> pixels;
  std::vector<std::uint8_t> labels;
};

void check_labels(const std::string& file, const Format& format, std::size_t record, const std::uint8_t* bytes) {
  for (std::size_t i = 0; i < format.label_limits.size(); ++i) {
    if (bytes[i] >= format.label_limits[i])
      throw DataError("cifar: " + file + " has label " + std::to_string(bytes[i]) + " in record " +
                      std::to_string(record) + " (offset " + std::to_string(record * format.record() + i) +
                      "); labels are 0 to " + std::to_string(format.label_limits[i] - 1) +
                      ". Is it another data set, or damaged?");
  }
}

void append_file(const std::filesystem::path& path, const Format& format, Records& records) {
  const std::string file = path.filename().string();
  const std::vector<std::uint8_t> bytes = read_file("cifar", path, kFileLimit);
  if (bytes.empty() || bytes.size() % format.record() != 0)
    throw DataError("cifar: " + file + " has " + std::to_string(bytes.size()) + " bytes, not a multiple of the " +
                    "record size " + std::to_string(format.record()) +
                    " with at least one record; the download may be cut off, fetch it again.");
  const std::size_t count = bytes.size() / format.record();
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint8_t* record = bytes.data() + i * format.record();
    check_labels(file, format, i, record);
    const std::uint8_t* pixels = record + format.label_limits.size();
    records.labels.push_back(pixels[-1]);
    records.pixels.insert(records.pixels.end(), pixels, pixels + kPixels);
  }
}

std::vector<std::string> read_names(const std::filesystem::path& path, int count) {
  if (!std::filesystem::exists(path))
    return numbered_names(count);
  const std::vector<std::uint8_t> bytes = read_file("cifar", path, 1 << 20);
  std::istringstream lines(std::string(bytes.begin(), bytes.end()));
  std::vector<std::string> names;
  for (std::string line; std::getline(lines, line);) {
    std::erase(line, '\r');
    if (!line.empty())
      names.push_back(std::move(line));
  }
  if (std::ssize(names) != count)
    throw DataError("cifar: " + path.filename().string() + " has " + std::to_string(names.size()) +
                    " class names, expected " + std::to_string(count) + ", one a line.");
  return names;
}

DatasetPtr open_records(std::string name, const std::filesystem::path& folder, const std::vector<std::string>& files,
                        const Format& format, const std::string& names_file) {
  Records records;
  std::size_t bytes = 0;
  for (const std::string& file : files) {
    std::error_code ignored;
    const uintmax_t size = std::filesystem::file_size(folder / file, ignored);
    bytes += ignored ? 0 : static_cast<std::size_t>(std::min<uintmax_t>(size, kFileLimit));
  }
  records.pixels.reserve(bytes);
  for (const std::string& file : files)
    append_file(folder / file, format, records);
  std::vector<std::string> names = read_names(folder / names_file, format.label_limits.back());
  return std::make_shared<MemoryDataset>(std::move(name), std::move(names), kShape, std::move(records.pixels),
                                         std::move(records.labels));
}

}  // namespace

DatasetPtr open_cifar10(const std::filesystem::path& dir, Split split) {
  const auto folder = find_folder("cifar10", dir, {"cifar-10-batches-bin"}, {"data_batch_1.bin", "test_batch.bin"});
  const std::vector<std::string> train{"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
                                       "data_batch_5.bin"};
  const std::vector<std::string> test{"test_batch.bin"};
  return open_records("cifar10", folder, split == Split::kTrain ? train : test, {{10}}, "batches.meta.txt");
}

DatasetPtr open_cifar100(const std::filesystem::path& dir, Split split) {
  const auto folder = find_folder("cifar100", dir, {"cifar-100-binary"}, {"train.bin", "test.bin"});
  return open_records("cifar100", folder, {split == Split::kTrain ? "train.bin" : "test.bin"}, {{20, 100}},
                      "fine_label_names.txt");
}

}  // namespace ockham::data
