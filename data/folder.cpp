#include "data/folder.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "data/digest.h"
#include "data/error.h"
#include "data/file.h"
#include "data/image/decode.h"

namespace ockham::data {
namespace {

namespace fs = std::filesystem;

struct Entry {
  std::string path;  // CLASS/FILE below the root
  int label;
};

class ImageFolder : public Dataset {
 public:
  ImageFolder(fs::path root, std::vector<std::string> class_names, std::vector<Entry> entries, int64_t image_size)
      : Dataset({"folder", std::move(class_names), {3, image_size, image_size}, std::ssize(entries)}),
        root_(std::move(root)),
        entries_(std::move(entries)) {}

  [[nodiscard]] std::string digest() const override {
    Digest digest;
    for (const Entry& entry : entries_) {
      digest.add(entry.path + '\n' + std::to_string(fs::file_size(root_ / entry.path)) + '\n');
    }
    return digest.hex();
  }

 private:
  [[nodiscard]] int label_at(int64_t index) const override { return entries_[static_cast<size_t>(index)].label; }
  void read_at(int64_t index, std::span<uint8_t> pixels) const override {
    constexpr uint64_t file_limit = uint64_t{1} << 30;
    const fs::path path = root_ / entries_[static_cast<size_t>(index)].path;
    const Picture picture = decode_picture("folder: " + path.string(), read_file("folder", path, file_limit));
    std::ranges::copy(fit_square(picture, shape().height).pixels, pixels.begin());
  }

  fs::path root_;
  std::vector<Entry> entries_;
};

/// Names in `folder` that are folders (or files), byte-wise sorted, without hidden ones.
std::vector<std::string> list(const fs::path& folder, bool folders) {
  std::vector<std::string> names;
  try {
    for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
      std::string name = entry.path().filename().string();
      if (!name.starts_with('.') && (folders ? entry.is_directory() : entry.is_regular_file())) {
        names.push_back(std::move(name));
      }
    }
  } catch (const fs::filesystem_error& e) {
    throw DataError("folder: '" + folder.string() + "' cannot be listed: " + e.code().message() + ".");
  }
  std::ranges::sort(names);
  return names;
}

std::vector<Entry> list_images(const fs::path& root, const std::vector<std::string>& class_names) {
  std::vector<Entry> entries;
  for (size_t label = 0; label < class_names.size(); ++label) {
    const fs::path folder = root / class_names[label];
    if (!fs::is_directory(folder)) {
      continue;  // val/ may lack a class
    }
    for (const std::string& file : list(folder, false)) {
      entries.push_back({class_names[label] + '/' + file, static_cast<int>(label)});
    }
  }
  return entries;
}

/// In [0, 1): the same for a path everywhere and always.
double hash_fraction(const std::string& path) {
  Digest digest;
  digest.add(path);
  return static_cast<double>(std::stoul(digest.hex().substr(0, 8), nullptr, 16)) / 4294967296.0;
}

void check_val(const fs::path& val, const std::vector<std::string>& train_classes) {
  const std::vector<std::string> classes = list(val, true);
  if (classes.empty()) {
    throw DataError("folder: " + val.string() + " holds " + std::to_string(list(val, false).size()) +
                    " files and no class folders, so nothing says which class a picture has. Sort the files into " +
                    "val/CLASS/ with the mapping file of the data set (ImageNet: ILSVRC2012_validation_ground_truth" +
                    ".txt or the XML annotations).");
  }
  for (const std::string& name : classes) {
    if (!std::ranges::binary_search(train_classes, name)) {
      throw DataError("folder: class folder '" + name + "' of " + val.string() + " is missing from train/, which has " +
                      std::to_string(train_classes.size()) + " classes; labels come from the names in train/.");
    }
  }
}

std::vector<std::optional<std::string>> decode_all(const Dataset& dataset) {
  std::vector<std::optional<std::string>> errors(static_cast<size_t>(dataset.size()));
  std::atomic<int64_t> next{0};
  const auto work = [&] {
    std::vector<uint8_t> pixels(static_cast<size_t>(dataset.shape().count()));
    for (int64_t i = next++; i < dataset.size(); i = next++) {
      try {
        dataset.read(i, pixels);
      } catch (const std::exception& e) {
        errors[static_cast<size_t>(i)] = e.what();
      }
    }
  };
  std::vector<std::jthread> threads(std::max(1u, std::thread::hardware_concurrency()));
  for (std::jthread& thread : threads) {
    thread = std::jthread(work);
  }
  threads.clear();
  return errors;
}

}  // namespace

DatasetPtr open_folder(const fs::path& dir, Split split, const FolderOptions& options) {
  if (!fs::is_directory(dir)) {
    throw DataError("folder: '" + dir.string() +
                    "' is not a folder. Give one that holds train/CLASS/ and val/CLASS/, " +
                    "or CLASS/ folders with pictures.");
  }
  const bool has_train = fs::is_directory(dir / "train"), has_val = fs::is_directory(dir / "val");
  const fs::path train = has_train ? dir / "train" : dir;
  if (has_val && !has_train) {
    throw DataError("folder: '" + dir.string() + "' holds val/ but no train/; labels come from the names in train/.");
  }
  std::vector<std::string> classes = list(train, true);
  if (classes.empty()) {
    throw DataError("folder: '" + train.string() + "' holds no class folders. Put the pictures of each class into a " +
                    "folder of its own there.");
  }
  if (has_val) {
    check_val(dir / "val", classes);
  }
  const bool is_test = split == Split::kTest;
  const fs::path root = has_val && is_test ? dir / "val" : train;
  std::vector<Entry> entries = list_images(root, classes);
  if (!has_val) {
    std::erase_if(entries, [&](const Entry& e) { return (hash_fraction(e.path) < options.test_fraction) != is_test; });
  }
  if (entries.empty()) {
    throw DataError("folder: no pictures for the " + std::string(is_test ? "test" : "training") + " split in '" +
                    root.string() + "'" + (has_val ? "." : "; without val/ it is split by a hash of the names."));
  }
  auto dataset = std::make_shared<ImageFolder>(root, classes, entries, options.image_size);
  if (options.broken == Broken::kFail) {
    return dataset;
  }
  const auto errors = decode_all(*dataset);
  std::vector<Entry> good;
  for (size_t i = 0; i < entries.size(); ++i) {
    if (!errors[i]) {
      good.push_back(std::move(entries[i]));
    }
  }
  return std::make_shared<ImageFolder>(root, std::move(classes), std::move(good), options.image_size);
}

std::vector<std::string> find_broken_images(const Dataset& dataset) {
  std::vector<std::string> messages;
  for (std::optional<std::string>& error : decode_all(dataset)) {
    if (error) {
      messages.push_back(std::move(*error));
    }
  }
  return messages;
}

}  // namespace ockham::data
