#include "data/folder_layout.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "data/cores.h"
#include "data/error.h"
#include "data/file.h"
#include "data/image/decode.h"

namespace ockham::data {
namespace {

namespace fs = std::filesystem;

constexpr int kNoClass = -1;  // label of files beside the class folders

enum class Part { kNone, kTrain, kValid, kTest };

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return result;
}

Part part_of(const std::string& name) {
  const std::string word = lower(name);
  return word == "train"                                            ? Part::kTrain
         : word == "val" || word == "valid" || word == "validation" ? Part::kValid
         : word == "test"                                           ? Part::kTest
                                                                    : Part::kNone;
}

/// A word that people call parts by: "training", "test_2", "val-images", "dev".
bool is_like_a_part(const std::string& name) {
  const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
  const std::string text = lower(name);
  for (auto word = text.begin(); word != text.end();) {
    word = std::find_if(word, text.end(), is_letter);
    const auto end = std::find_if_not(word, text.end(), is_letter);
    const std::string_view w(word, end);
    constexpr std::array<std::string_view, 4> kWords{"val", "dev", "eval", "holdout"};
    if (w.starts_with("train") || w.starts_with("test") || w.starts_with("valid") || std::ranges::count(kWords, w) > 0)
      return true;
    word = end;
  }
  return false;
}

bool is_litter(const std::string& name) {
  const std::string word = lower(name);
  return word.starts_with('.') || word == "thumbs.db" || word == "desktop.ini" || word == "__macosx";
}

bool is_named_like_a_picture(const std::string& path) {
  const std::string word = lower(path);
  return word.ends_with(".jpg") || word.ends_with(".jpeg") || word.ends_with(".png");
}

enum class Kind { kFolder, kFile, kDeadLink, kOther };

struct Entry {
  fs::path path;
  std::string name;
  Kind kind;
};

Kind kind_of(const fs::directory_entry& entry) {
  std::error_code error;
  if (entry.is_directory(error))
    return Kind::kFolder;
  if (entry.is_regular_file(error))
    return Kind::kFile;
  return entry.is_symlink(error) && !entry.exists(error) ? Kind::kDeadLink : Kind::kOther;
}

/// What a folder holds, without litter, sorted by the bytes of the names.
std::vector<Entry> list(const fs::path& folder) {
  std::vector<Entry> entries;
  try {
    for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
      std::string name = entry.path().filename().string();
      if (!is_litter(name))
        entries.push_back({entry.path(), std::move(name), kind_of(entry)});
    }
  } catch (const fs::filesystem_error& e) {
    throw DataError("folder: '" + folder.string() + "' cannot be listed: " + e.code().message() + ".");
  }
  std::ranges::sort(entries, {}, &Entry::name);
  return entries;
}

std::string dead_link(const fs::path& path) {
  std::error_code error;
  return path.string() + " is a link to " + fs::read_symlink(path, error).string() + ", which cannot be reached";
}

/// Names of the folders in a folder.
std::vector<std::string> folders_of(const fs::path& folder) {
  std::vector<std::string> names;
  for (Entry& entry : list(folder)) {
    if (entry.kind == Kind::kDeadLink)
      throw DataError("folder: " + dead_link(entry.path) + "; bring its target back or remove it.");
    if (entry.kind == Kind::kFolder)
      names.push_back(std::move(entry.name));
  }
  return names;
}

/// Has folders and no files: what people would call a class has pictures.
bool holds_only_folders(const fs::path& folder) {
  const std::vector<Entry> entries = list(folder);
  return !entries.empty() && std::ranges::all_of(entries, [](const Entry& e) { return e.kind == Kind::kFolder; });
}

void refuse_like_parts(const fs::path& dir, const std::vector<std::string>& folders, bool has_train) {
  std::vector<std::string> names;
  std::ranges::copy_if(folders, std::back_inserter(names), [&](const std::string& name) {
    return is_like_a_part(name) && (has_train || holds_only_folders(dir / name));
  });
  if (!names.empty())
    throw DataError("folder: '" + dir.string() + "' holds " + first_names(names) +
                    ", named like parts of a data set but none of train/, val/ (or valid/, validation/) and test/. " +
                    "Rename or move them" + (has_train ? "." : ", or put all class folders into train/."));
}

/// Assigns the folders of `dir` to the parts; `classes` are left for the caller.
FolderLayout find_parts(const fs::path& dir, const std::vector<std::string>& folders) {
  std::optional<fs::path> parts[3];  // train, valid, test
  std::vector<std::string> others;
  for (const std::string& name : folders) {
    const Part part = part_of(name);
    if (part == Part::kNone) {
      others.push_back(name);
      continue;
    }
    std::optional<fs::path>& place = parts[static_cast<std::size_t>(part) - 1];
    if (place)
      throw DataError("folder: '" + dir.string() + "' holds " + place->filename().string() + "/ and " + name +
                      "/, two names of one part; leave one there.");
    place = dir / name;
  }
  const auto& [train, valid, test] = parts;
  if (!train && (valid || test))
    throw DataError("folder: '" + dir.string() + "' holds " + (valid ? valid : test)->filename().string() +
                    "/ but no train/; labels come from the names in train/.");
  refuse_like_parts(dir, others, train.has_value());
  FolderLayout layout{.train = train.value_or(dir), .valid = valid, .test = test};
  if (train)
    for (const std::string& name : others)
      layout.unread.push_back((dir / name).string());
  return layout;
}

/// Every part has a folder for each class of train/.
void check_classes(const fs::path& part, const FolderLayout& layout) {
  const std::vector<std::string> classes = folders_of(part);
  const std::string count = std::to_string(layout.classes.size());
  if (classes.empty())
    throw DataError("folder: " + part.string() + " holds " + std::to_string(list(part).size()) +
                    " files and no class folders, so nothing says which class a picture has. Sort the files into " +
                    part.filename().string() + "/CLASS/ with the mapping file of the data set (ImageNet: " +
                    "ILSVRC2012_validation_ground_truth.txt or the XML annotations), or move them away.");
  std::vector<std::string> unknown, missing;
  std::ranges::set_difference(classes, layout.classes, std::back_inserter(unknown));
  std::ranges::set_difference(layout.classes, classes, std::back_inserter(missing));
  if (!unknown.empty())
    throw DataError("folder: class folder " + first_names(unknown) + " of " + part.string() + " is missing from " +
                    layout.train.string() + ", which has " + count + " classes; labels come from the names there.");
  if (!missing.empty())
    throw DataError("folder: class folder " + first_names(missing) + " of " + layout.train.string() + " (" + count +
                    " classes) is missing from " + part.string() + "; every part has pictures of every class.");
}

/// Finds the files below class folders; what they are is told afterwards.
class Search {
 public:
  explicit Search(const fs::path& root) : root_(root), above_{root} {}

  void search_class(const std::string& name, int label) {
    label_ = label;
    descend(root_ / name);
  }

  void add(const Entry& entry, int label) {
    files_.push_back({.path = entry.path.lexically_relative(root_).string(), .label = label});
    kinds_.push_back(entry.kind);
  }

  /// Reads the first bytes of all files and sorts them out.
  PictureFiles judge() && {
    std::vector<std::uint8_t> is_picture(files_.size());
    on_all_cores(std::ssize(files_), [&](std::int64_t i) {
      const auto at = static_cast<std::size_t>(i);
      is_picture[at] = look_at(files_[at], kinds_[at]);
    });
    PictureFiles result;
    for (std::size_t i = 0; i < files_.size(); ++i)
      (is_picture[i] != 0        ? result.pictures
       : files_[i].fault.empty() ? result.others
                                 : result.bad)
          .push_back(std::move(files_[i]));
    return result;
  }

 private:
  void descend(const fs::path& folder) {
    std::error_code ignored;
    for (const fs::path& upper : above_)
      if (fs::equivalent(upper, folder, ignored))
        throw DataError("folder: " + folder.string() + " is a link back to " + upper.string() +
                        ", so its pictures have no end; remove it.");
    above_.push_back(folder);
    for (const Entry& entry : list(folder)) {
      if (entry.kind != Kind::kFolder) {
        add(entry, label_);
        continue;
      }
      if (part_of(entry.name) != Part::kNone)
        throw DataError("folder: " + entry.path.string() + " is a part of a data set inside a class folder. Is '" +
                        folder.string() + "' the folder to give?");
      descend(entry.path);
    }
    above_.pop_back();
  }

  /// @return whether it is a picture; if not and it should be, its fault is set
  bool look_at(PictureFile& file, Kind kind) const {
    const fs::path path = root_ / file.path;
    if (kind == Kind::kDeadLink)
      file.fault = dead_link(path);
    if (kind != Kind::kFile)
      return false;  // a pipe would keep its reader waiting
    try {
      std::array<std::uint8_t, kBeginning> buffer{};
      std::error_code gone;  // between listing and looking: reading says so
      file.bytes = fs::file_size(path, gone);
      const std::span<const std::uint8_t> beginning = read_beginning("folder", path, buffer);
      if (file.label != kNoClass && format_of(beginning) != PictureFormat::kNone)
        return true;
      if (file.label != kNoClass && is_named_like_a_picture(file.path))
        file.fault = no_picture(path.string(), file.bytes, beginning);
    } catch (const DataError& e) {
      file.fault = e.what();
    }
    return false;
  }

  const fs::path root_;
  std::vector<fs::path> above_;  // folders on the way down
  int label_ = kNoClass;
  std::vector<PictureFile> files_;
  std::vector<Kind> kinds_;
};

}  // namespace

std::string first_names(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 3;
  std::string text;
  for (std::size_t i = 0; i < std::min(kShown, names.size()); ++i)
    text += (i == 0 ? "'" : ", '") + names[i] + "'";
  return names.size() > kShown ? text + " and " + std::to_string(names.size() - kShown) + " more" : text;
}

FolderLayout find_layout(const fs::path& dir) {
  if (!fs::is_directory(dir))
    throw DataError("folder: '" + dir.string() +
                    "' is not a folder. Give one that holds train/CLASS/ and val/CLASS/ or test/CLASS/, or CLASS/ " +
                    "folders with pictures.");
  FolderLayout layout = find_parts(dir, folders_of(dir));
  layout.classes = folders_of(layout.train);
  if (layout.classes.empty())
    throw DataError("folder: '" + layout.train.string() + "' holds no class folders. Put the pictures of each class " +
                    "into a folder of its own there.");
  for (const std::optional<fs::path>& part : {layout.valid, layout.test})
    if (part)
      check_classes(*part, layout);
  return layout;
}

PictureFiles find_pictures(const fs::path& root, const std::vector<std::string>& classes) {
  Search search(root);
  for (const Entry& entry : list(root))
    if (entry.kind != Kind::kFolder)
      search.add(entry, kNoClass);
  for (std::size_t label = 0; label < classes.size(); ++label)
    search.search_class(classes[label], static_cast<int>(label));
  return std::move(search).judge();
}

}  // namespace ockham::data
