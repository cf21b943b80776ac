#pragma once
#include <filesystem>

#include "data/dataset.h"

namespace ockham::data {

/// What to do with files that cannot be decoded.
enum class Broken {
  kFail,  ///< reading such an image throws DataError; opening stays cheap (nothing is decoded)
  kSkip,  ///< opening decodes every file once, on all cores, and leaves the broken ones out
};

struct FolderOptions {
  int64_t image_size = 224;  ///< the shorter side is resized to this, then the central square cut
  Broken broken = Broken::kFail;
  /// Part of the images that goes to the test split where there is no `val/`.
  double test_fraction = 0.1;
};

/// A folder with one folder of pictures a class, decoded on every read (about 1 to 5 ms for an ImageNet picture):
///   dir/train/CLASS/*, dir/val/CLASS/*    the ImageNet layout; kTest is val/
///   dir/train/CLASS/* or dir/CLASS/*      split by a hash of CLASS/FILE, so that a file keeps its split when others
///                                         come or go
/// A label is the rank of the class name in byte-wise order; files are sorted likewise. Hidden files are left out.
/// @throws DataError if a folder is missing or empty, val/ is flat or has classes that train/ lacks
DatasetPtr open_folder(const std::filesystem::path& dir, Split split, const FolderOptions& options = {});

/// Decodes every image of a folder data set on all cores; returns one message a broken file, in file order.
[[nodiscard]] std::vector<std::string> find_broken_images(const Dataset& dataset);

}  // namespace ockham::data
