#pragma once
// What lies where in a folder of pictures: its parts, their classes, and the files that are pictures. Nothing is
// decoded.
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace ockham::data {

/// The folders of the parts. With neither `valid` nor `test`, all pictures lie in `train`, which may be the folder
/// itself.
struct FolderLayout {
  std::filesystem::path train;
  std::optional<std::filesystem::path> valid, test;
  std::vector<std::string> classes = {};  ///< names of the class folders, byte-wise sorted; the same in every part
  std::vector<std::string> unread = {};   ///< paths of the folders beside train/ that are no part
};

/// Finds the parts `train` and `val`, `valid` or `validation`, and `test`, in any case; without `train` the folders are
/// the classes.
/// @throws DataError for two folders of one part, for a folder whose name begins like that of a part but is none, for a
/// part
///         without train/, for a class that not all parts have, for links that lead nowhere
[[nodiscard]] FolderLayout find_layout(const std::filesystem::path& dir);

/// A file below a part's folder.
struct PictureFile {
  std::string path;  ///< CLASS/FILE or CLASS/FOLDER/.../FILE
  int label = 0;
  std::uint64_t bytes = 0;
  std::string fault = {};  ///< why it cannot be a picture though it should be one; empty for all else
};

struct PictureFiles {
  std::vector<PictureFile> pictures;  ///< JPEG or PNG by their first bytes, in order of class and path
  std::vector<PictureFile> bad;       ///< links that lead nowhere; named like a picture and none by the first bytes
  std::vector<PictureFile> others;    ///< no pictures by name or first bytes, or outside of class folders
};

/// Looks at all files below the class folders of a part, at any depth, reading their first bytes on all cores. Hidden
/// files, `Thumbs.db`, `desktop.ini` and `__MACOSX/` are what systems leave behind: they are passed over.
/// @throws DataError for a folder that leads back to itself or is named like a part (is the folder one level too high?)
[[nodiscard]] PictureFiles find_pictures(const std::filesystem::path& root, const std::vector<std::string>& classes);

/// "'a', 'b', 'c' and 4 more"
[[nodiscard]] std::string first_names(const std::vector<std::string>& names);

}  // namespace ockham::data
