#include "data/records.h"

#include <algorithm>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "data/error.h"
#include "data/file.h"

namespace ockham::data {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kFileLimit = std::uint64_t{1} << 30;
constexpr std::int64_t kMostClasses = 256, kMostLabelBytes = 2;

/// Records of files, appended one after the other.
class Reader {
 public:
  Reader(std::string who, const RecordFormat& format) : who_(std::move(who)), format_(format) {}

  void append(const fs::path& path) {
    const std::string file = path.filename().string();
    const std::vector<std::uint8_t> bytes = read_file(who_, path, kFileLimit);
    if (bytes.empty() || bytes.size() % format_.bytes() != 0)
      throw DataError(who_ + ": " + file + " has " + std::to_string(bytes.size()) + " bytes, not a multiple of the " +
                      "record size " + std::to_string(format_.bytes()) + " (" +
                      std::to_string(format_.label_limits.size()) + " for labels, " +
                      std::to_string(format_.shape.count()) +
                      " for pixels) with at least one record; is it of another form, or cut off? Fetch it again then.");
    const std::size_t count = bytes.size() / format_.bytes();
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint8_t* record = bytes.data() + i * format_.bytes();
      check_labels(file, i, record);
      const std::uint8_t* image = record + format_.label_limits.size();
      labels.push_back(image[-1]);
      pixels.insert(pixels.end(), image, image + format_.shape.count());
    }
  }

  std::vector<std::uint8_t> pixels, labels;

 private:
  void check_labels(const std::string& file, std::size_t record, const std::uint8_t* bytes) const {
    for (std::size_t i = 0; i < format_.label_limits.size(); ++i) {
      if (bytes[i] >= format_.label_limits[i])
        throw DataError(who_ + ": " + file + " has label " + std::to_string(bytes[i]) + " in record " +
                        std::to_string(record) + " (offset " + std::to_string(record * format_.bytes() + i) +
                        "); labels are 0 to " + std::to_string(format_.label_limits[i] - 1) +
                        ". Is it another data set, or damaged?");
    }
  }

  std::string who_;
  RecordFormat format_;
};

void check(const RecordOptions& o) {
  const ImageShape& shape = o.shape;
  if (shape.height < 1 || shape.height > 1024 || shape.width != shape.height ||
      (shape.channels != 1 && shape.channels != 3))
    throw std::invalid_argument("records: images of " + std::to_string(shape.channels) + "x" +
                                std::to_string(shape.height) + "x" + std::to_string(shape.width) +
                                " pixels; they do not tell their size: give the side of the stored squares (1 to " +
                                "1024) as image size, and 1 or 3 channels.");
  if (o.classes < 0 || o.classes > kMostClasses || o.label_bytes < 1 || o.label_bytes > kMostLabelBytes)
    throw std::invalid_argument(
        "records: " + std::to_string(o.classes) + " classes, " + std::to_string(o.label_bytes) +
        " label bytes; take up to 256 classes and 1 or 2 bytes, of which the last is the class.");
}

/// The last of the tab-separated fields of line number `label`, of which the first is then that number.
std::string class_name(const fs::path& path, const std::string& line, std::size_t label) {
  const std::size_t first = line.find('\t');
  if (first == std::string::npos)
    return line;
  if (line.substr(0, first) != std::to_string(label))
    throw DataError("records: " + path.string() + " begins its line for label " + std::to_string(label) + " with '" +
                    line.substr(0, std::min<std::size_t>(first, 20)) +
                    "'; lines with tabs begin with 0, 1, ... in order.");
  return line.substr(line.rfind('\t') + 1);
}

std::vector<std::string> class_names(const fs::path& dir, std::int64_t classes) {
  const fs::path path = dir / "classes.txt";
  if (!fs::exists(path)) {
    if (classes == 0)
      throw DataError("records: '" + dir.string() + "' holds no classes.txt that tells how many classes there are; " +
                      "write one, a name a line, or give their number.");
    return numbered_names(static_cast<int>(classes));
  }
  std::vector<std::string> names = read_lines("records", path);
  const auto count = std::ssize(names);
  if (count < 1 || count > kMostClasses || (classes != 0 && count != classes))
    throw DataError("records: " + path.string() + " names " + std::to_string(count) + " classes, expected " +
                    (classes != 0 ? std::to_string(classes) : "1 to 256") + ", one a line.");
  for (std::size_t label = 0; label < names.size(); ++label)
    names[label] = class_name(path, names[label], label);
  return names;
}

/// dir/PART*.bin, sorted by name.
std::vector<fs::path> files_of(const fs::path& dir, std::string_view part) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::directory_iterator it(dir, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (name.starts_with(part) && name.ends_with(".bin"))
      files.push_back(it->path());
  }
  if (error)
    throw DataError("records: '" + dir.string() + "' cannot be read: " + error.message() + ".");
  std::ranges::sort(files);
  return files;
}

}  // namespace

DatasetPtr read_records(const std::string& who, std::string name, const std::vector<fs::path>& files,
                        const RecordFormat& format, std::vector<std::string> class_names) {
  Reader reader(who, format);
  std::size_t bytes = 0;
  for (const fs::path& file : files) {
    std::error_code ignored;
    const uintmax_t size = fs::file_size(file, ignored);
    bytes += ignored ? 0 : static_cast<std::size_t>(std::min<uintmax_t>(size, kFileLimit));
  }
  reader.pixels.reserve(bytes);
  for (const fs::path& file : files)
    reader.append(file);
  return std::make_shared<MemoryDataset>(std::move(name), std::move(class_names), format.shape,
                                         std::move(reader.pixels), std::move(reader.labels));
}

std::vector<std::string> read_lines(const std::string& who, const fs::path& path) {
  const std::vector<std::uint8_t> bytes = read_file(who, path, 1 << 20);
  std::istringstream text(std::string(bytes.begin(), bytes.end()));
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) {
    std::erase(line, '\r');
    if (!line.empty())
      lines.push_back(std::move(line));
  }
  return lines;
}

DatasetPtr open_records(const fs::path& dir, Split split, const RecordOptions& options) {
  check(options);
  const std::vector<fs::path> valid = files_of(dir, "val"), test = files_of(dir, "test");
  if (split == Split::kValid && (valid.empty() || test.empty()))
    return nullptr;
  const std::vector<fs::path> files = split == Split::kTrain   ? files_of(dir, "train")
                                      : split == Split::kValid ? valid
                                      : test.empty()           ? valid
                                                               : test;
  if (files.empty())
    throw DataError("records: '" + dir.string() + "' holds no " +
                    (split == Split::kTrain ? "train*.bin, the training" : "test*.bin or val*.bin, the test") +
                    " images; name the files so.");
  std::vector<std::string> names = class_names(dir, options.classes);
  std::vector<int> limits(static_cast<std::size_t>(options.label_bytes), static_cast<int>(kMostClasses));
  limits.back() = static_cast<int>(names.size());
  return read_records("records", "records", files, {options.shape, std::move(limits)}, std::move(names));
}

}  // namespace ockham::data
