#pragma once
#include <filesystem>

#include "data/image/picture.h"

namespace ockham::data {

/// What to do with pictures that cannot be decoded, links that lead nowhere and files that only their names make
/// pictures.
enum class Broken {
  kFail,  ///< opening throws DataError for what first bytes tell, reading such an image for the rest; nothing is
          ///< decoded
  kSkip,  ///< opening decodes every file once, on all cores, and leaves the broken ones out (Dataset::left_out)
};

struct FolderOptions {
  Fit fit{.side = 224};
  Broken broken = Broken::kFail;
  /// Part of the images that goes to the test split where there is neither a validation nor a test folder.
  double test_fraction = 0.1;
};

/// A folder with one folder of pictures a class, decoded on every read (about 1 to 5 ms for an ImageNet picture):
///   dir/train/CLASS/*, dir/val/CLASS/*     the ImageNet layout; val/ (valid/, validation/) or test/ is kTest
///   dir/train/CLASS/*, dir/val/CLASS/*, dir/test/CLASS/*     val/ is kValid, test/ is kTest
///   dir/train/CLASS/* or dir/CLASS/*       split by a hash of CLASS/FILE, so that a file keeps its split when others
///                                          come or go
/// in any case of train, val and test. Pictures may lie deeper (Tiny ImageNet: CLASS/images/*). A picture is what its
/// first bytes say is one; litter of systems is passed over (folder_layout.h). A label is the rank of the class name in
/// byte-wise order; files are sorted likewise. Opening reads the first bytes of every file on all cores.
/// @return null for kValid where there is none
/// @throws DataError that names the paths: a folder is missing, not understood (folder_layout.h) or a class without
///         pictures; kFail: bad images
DatasetPtr open_folder(const std::filesystem::path& dir, Split split, const FolderOptions& options = {});

}  // namespace ockham::data
