#include "data/folder.h"

#include <algorithm>
#include <set>
#include <utility>

#include "data/cores.h"
#include "data/digest.h"
#include "data/error.h"
#include "data/file.h"
#include "data/folder_layout.h"
#include "data/image/decode.h"
#include "data/image/resize.h"

namespace ockham::data {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kPictureLimit = std::uint64_t{1} << 30;

Picture read_picture(const fs::path& path) {
  return decode_picture("folder: " + path.string(), read_file("folder", path, kPictureLimit));
}

class ImageFolder : public Dataset {
 public:
  ImageFolder(fs::path root, std::vector<std::string> class_names, PictureFiles files, LeftOut left_out, const Fit& fit)
      : Dataset({"folder",
                 std::move(class_names),
                 {3, fit.side, fit.side},
                 std::ssize(files.pictures),
                 std::move(left_out),
                 true}),
        root_(std::move(root)),
        fit_(fit),
        pictures_(std::move(files.pictures)) {}

  /// Reads the contents of kRead files at most: all of ImageNet would take many minutes. What makes other data of a
  /// folder, such as exchanged classes, changes most of its files.
  [[nodiscard]] std::string digest() const override {
    constexpr std::size_t kRead = 1000;
    const std::size_t stride = (pictures_.size() + kRead - 1) / kRead;
    Digest digest;
    for (std::size_t i = 0; i < pictures_.size(); ++i) {
      digest.add(pictures_[i].path + '\n' + std::to_string(pictures_[i].bytes) + '\n');
      if (i % stride == 0)
        digest.add(read_file("folder", root_ / pictures_[i].path, kPictureLimit));
    }
    return digest.hex();
  }

 private:
  [[nodiscard]] int label_at(std::int64_t index) const override {
    return pictures_[static_cast<std::size_t>(index)].label;
  }
  void read_at(std::int64_t index, std::span<std::uint8_t> pixels) const override {
    const Picture picture = read_picture(root_ / pictures_[static_cast<std::size_t>(index)].path);
    std::ranges::copy(fit_square(picture, fit_).pixels, pixels.begin());
  }
  void read_box_at(std::int64_t index, const std::function<Box(const ImageShape&)>& choose, std::int64_t side,
                   std::span<std::uint8_t> pixels) const override {
    const Picture picture = read_picture(root_ / pictures_[static_cast<std::size_t>(index)].path);
    std::ranges::copy(resize(crop(picture, choose(picture.shape)), side, side).pixels, pixels.begin());
  }

  fs::path root_;
  Fit fit_;
  std::vector<PictureFile> pictures_;
};

/// In [0, 1): the same for a path everywhere and always.
double hash_fraction(const std::string& path) {
  Digest digest;
  digest.add(path);
  return static_cast<double>(std::stoul(digest.hex().substr(0, 8), nullptr, 16)) / 4294967296.0;
}

/// Keeps the files of one split of a folder that has no others.
void keep_hashed(PictureFiles& files, Split split, double test_fraction) {
  for (std::vector<PictureFile>* all : {&files.pictures, &files.bad, &files.others})
    std::erase_if(*all, [&](const PictureFile& file) {
      return (hash_fraction(file.path) < test_fraction) != (split == Split::kTest);
    });
}

/// Where only one class is, folders in it are more likely the classes.
void check_depth(const fs::path& root, const std::vector<PictureFile>& pictures) {
  std::set<std::string> folders;
  for (const PictureFile& picture : pictures) {
    const std::size_t from = picture.path.find('/') + 1, to = picture.path.find('/', from);
    folders.insert(to == std::string::npos ? "" : picture.path.substr(from, to - from));
  }
  if (folders.size() > 1 && !folders.contains(""))
    throw DataError("folder: '" + root.string() + "' holds one class, whose pictures lie in " +
                    std::to_string(folders.size()) + " folders such as '" + *folders.begin() +
                    "'; if they are the classes, give the folder that holds them.");
}

/// @param remark what else to know, as the end of a sentence
void check_classes(const fs::path& root, const std::vector<std::string>& classes, const PictureFiles& files,
                   const char* part, const std::string& remark) {
  std::vector<std::int64_t> counts(classes.size());
  for (const PictureFile& picture : files.pictures)
    ++counts[static_cast<std::size_t>(picture.label)];
  std::vector<std::string> empty;
  for (std::size_t label = 0; label < classes.size(); ++label)
    if (counts[label] == 0)
      empty.push_back((root / classes[label]).string());
  if (!empty.empty())
    throw DataError("folder: no pictures for the " + std::string(part) + " images in " + first_names(empty) + ", " +
                    std::to_string(empty.size()) + " of " + std::to_string(classes.size()) +
                    " class folders; fill or remove them" + remark + ".");
}

/// Moves the pictures that cannot be decoded to the bad ones.
void decode_all(const fs::path& root, PictureFiles& files) {
  on_all_cores(std::ssize(files.pictures), [&](std::int64_t i) {
    PictureFile& picture = files.pictures[static_cast<std::size_t>(i)];
    try {
      read_picture(root / picture.path);
    } catch (const DataError& e) {
      picture.fault = e.what();
    }
  });
  const auto bad = std::stable_partition(files.pictures.begin(), files.pictures.end(),
                                         [](const PictureFile& picture) { return picture.fault.empty(); });
  std::move(bad, files.pictures.end(), std::back_inserter(files.bad));
  files.pictures.erase(bad, files.pictures.end());
}

[[noreturn]] void refuse_bad(const fs::path& root, const std::vector<PictureFile>& bad) {
  constexpr std::size_t kShown = 3;
  std::string message = "folder: " + std::to_string(bad.size()) + " bad pictures in '" + root.string() + "'";
  for (std::size_t i = 0; i < std::min(kShown, bad.size()); ++i)
    message += (i == 0 ? ": " : "; ") + bad[i].fault;
  throw DataError(message + (bad.size() > kShown ? "; and more" : "") +
                  ". Mend or remove them, or leave them out with --on-bad-image skip.");
}

const char* name_of(Split split) {
  return split == Split::kTrain ? "training" : split == Split::kValid ? "validation" : "test";
}

}  // namespace

DatasetPtr open_folder(const fs::path& dir, Split split, const FolderOptions& options) {
  FolderLayout layout = find_layout(dir);
  const bool is_hashed = !layout.valid && !layout.test, has_all = layout.valid && layout.test;
  if (split == Split::kValid && !has_all)
    return nullptr;
  const fs::path root = split == Split::kTrain || is_hashed      ? layout.train
                        : split == Split::kValid || !layout.test ? *layout.valid
                                                                 : *layout.test;
  PictureFiles files = find_pictures(root, layout.classes);
  if (options.broken == Broken::kFail && !files.bad.empty())
    refuse_bad(root, files.bad);
  if (layout.classes.size() == 1)
    check_depth(root, files.pictures);
  check_classes(root, layout.classes, files, name_of(split), "");
  if (is_hashed)
    keep_hashed(files, split, options.test_fraction);
  if (options.broken == Broken::kSkip)
    decode_all(root, files);
  const std::string remark = is_hashed ? "; without val/ or test/ they are split by a hash of the names" : "";
  if (!is_hashed || split == Split::kTrain)  // a small class may have no picture in a tenth
    check_classes(root, layout.classes, files, name_of(split), remark);
  if (files.pictures.empty())
    throw DataError("folder: no pictures for the " + std::string(name_of(split)) + " images in '" + root.string() +
                    "'" + remark + ".");
  LeftOut left_out;
  for (const PictureFile& file : files.others)
    left_out.files.push_back((root / file.path).string());
  for (PictureFile& file : files.bad)
    left_out.bad_images.push_back(std::move(file.fault));
  if (split == Split::kTrain)
    left_out.folders = std::move(layout.unread);
  return std::make_shared<ImageFolder>(root, std::move(layout.classes), std::move(files), std::move(left_out),
                                       options.fit);
}

}  // namespace ockham::data
