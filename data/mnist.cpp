#include "data/mnist.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include "data/archive.h"
#include "data/error.h"

namespace ockham::data {
namespace {

constexpr std::uint64_t kDataLimit = std::uint64_t{1} << 30;
constexpr std::uint32_t kSideLimit = 1024;

/// Reads a plain or gzip file from front to back (zlib tells them apart).
class IdxFile {
 public:
  explicit IdxFile(const std::filesystem::path& path) : name_("mnist: " + path.filename().string()) {
    if (!std::filesystem::is_regular_file(path))
      throw DataError("mnist: " + path.string() + " does not exist or is not a regular file.");
    errno = 0;
    file_ = gzopen(path.c_str(), "rb");
    if (file_ == nullptr)
      throw DataError("mnist: " + path.string() + " cannot be opened: " + std::generic_category().message(errno) + ".");
  }
  ~IdxFile() { gzclose(file_); }
  IdxFile(const IdxFile&) = delete;
  IdxFile& operator=(const IdxFile&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }

  /// Up to `count` bytes; fewer at the end of the file.
  std::vector<std::uint8_t> read(std::uint64_t count) {
    constexpr std::uint64_t kChunk = 1 << 20;  // memory grows with what the file gives, not with what it promises
    std::vector<std::uint8_t> bytes;
    while (bytes.size() < count) {
      const std::size_t old = bytes.size();
      const auto wanted = static_cast<unsigned>(std::min(kChunk, count - old));
      bytes.resize(old + wanted);
      const int got = gzread(file_, bytes.data() + old, wanted);
      bytes.resize(old + static_cast<std::size_t>(std::max(got, 0)));
      fail_on_error();
      if (got <= 0)
        break;
    }
    return bytes;
  }

  std::uint32_t read_u32() {
    const std::vector<std::uint8_t> b = read(4);
    if (b.size() < 4)
      throw DataError(name_ + " ends within its header; the download may be cut off, fetch it again.");
    return std::uint32_t{b[0]} << 24 | std::uint32_t{b[1]} << 16 | std::uint32_t{b[2]} << 8 | b[3];
  }

  void expect_magic(std::uint32_t magic) {
    const std::uint32_t found = read_u32();
    if (found != magic)
      throw DataError(name_ + " starts with the number " + std::to_string(found) + ", expected " +
                      std::to_string(magic) + " (2051 for images, 2049 for labels); it is not such an IDX file.");
  }

  /// Exactly `count` bytes and then the end of the file.
  std::vector<std::uint8_t> read_rest(std::uint64_t count) {
    std::vector<std::uint8_t> bytes = read(count);
    if (bytes.size() < count)
      throw DataError(name_ + " holds " + std::to_string(bytes.size()) + " data bytes, its header announces " +
                      std::to_string(count) + "; the download may be cut off, fetch it again.");
    if (!read(1).empty())
      throw DataError(name_ + " goes on after the " + std::to_string(count) +
                      " data bytes that its header announces; it is damaged or not such a file.");
    return bytes;
  }

 private:
  void fail_on_error() const {
    int code = Z_OK;
    const char* message = gzerror(file_, &code);
    if (code == Z_BUF_ERROR)
      throw DataError(name_ + " ends within its compressed data; the download may be cut off, fetch it again.");
    if (code != Z_OK && code != Z_STREAM_END)
      throw DataError(name_ + " cannot be decompressed: " + message + ".");
  }

  std::string name_;
  gzFile file_ = nullptr;
};

struct Images {
  ImageShape shape;
  std::uint32_t count;
  std::vector<std::uint8_t> pixels;
};

Images read_images(const std::filesystem::path& path) {
  IdxFile file(path);
  file.expect_magic(2051);
  const std::uint32_t count = file.read_u32(), rows = file.read_u32(), columns = file.read_u32();
  const std::string sizes =
      std::to_string(count) + " images of " + std::to_string(rows) + "x" + std::to_string(columns) + " pixels";
  if (count == 0 || rows == 0 || columns == 0 || rows > kSideLimit || columns > kSideLimit ||
      std::uint64_t{count} * rows * columns > kDataLimit)
    throw DataError(file.name() + " announces " + sizes + "; accepted are 1 to 1024 pixels a side and 1 byte to 1 GiB" +
                    " in all. It is damaged or not such a file.");
  return {{1, rows, columns}, count, file.read_rest(std::uint64_t{count} * rows * columns)};
}

std::vector<std::uint8_t> read_labels(const std::filesystem::path& path, std::uint32_t images) {
  IdxFile file(path);
  file.expect_magic(2049);
  const std::uint32_t count = file.read_u32();
  if (count != images)
    throw DataError(file.name() + " announces " + std::to_string(count) + " labels for " + std::to_string(images) +
                    " images; the two files do not belong together.");
  std::vector<std::uint8_t> labels = file.read_rest(count);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] > 9)
      throw DataError(file.name() + " has label " + std::to_string(labels[i]) + " for image " + std::to_string(i) +
                      " (offset " + std::to_string(8 + i) + "); labels are 0 to 9.");
  }
  return labels;
}

std::filesystem::path plain_or_gz(const std::filesystem::path& folder, const std::string& name) {
  return std::filesystem::exists(folder / name) ? folder / name : folder / (name + ".gz");
}

}  // namespace

DatasetPtr open_mnist(const std::filesystem::path& dir, Split split) {
  const std::string images_name = split == Split::kTrain ? "train-images-idx3-ubyte" : "t10k-images-idx3-ubyte";
  const std::string labels_name = split == Split::kTrain ? "train-labels-idx1-ubyte" : "t10k-labels-idx1-ubyte";
  const auto folder = find_folder("mnist", dir, {"mnist", "MNIST/raw"}, {images_name, images_name + ".gz"});
  Images images = read_images(plain_or_gz(folder, images_name));
  std::vector<std::uint8_t> labels = read_labels(plain_or_gz(folder, labels_name), images.count);
  return std::make_shared<MemoryDataset>("mnist", numbered_names(10), images.shape, std::move(images.pixels),
                                         std::move(labels));
}

}  // namespace ockham::data
