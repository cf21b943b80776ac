#pragma once
// Files of records of one size, as CIFAR has them: label bytes, then the pixels [channels, height, width].
#include <filesystem>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace ockham::data {

struct RecordFormat {
  ImageShape shape;
  std::vector<int> label_limits;  ///< one for each label byte, at most 256; the last label is the class
  [[nodiscard]] std::size_t bytes() const { return label_limits.size() + static_cast<std::size_t>(shape.count()); }
};

/// All records of the files, in order, kept in memory. `who` begins messages ("cifar").
/// @throws DataError for a file that is absent, above 1 GiB, not a whole number of records or without one, and for a
/// label at or above its limit, naming file, record and offset
DatasetPtr read_records(const std::string& who, std::string name, const std::vector<std::filesystem::path>& files,
                        const RecordFormat& format, std::vector<std::string> class_names);

/// Non-empty lines of a text file of up to 1 MiB, without carriage returns. @throws DataError
[[nodiscard]] std::vector<std::string> read_lines(const std::string& who, const std::filesystem::path& path);

struct RecordOptions {
  ImageShape shape = {};         ///< of the stored images
  std::int64_t classes = 0;      ///< up to 256; 0: as many as classes.txt has
  std::int64_t label_bytes = 1;  ///< 1 or 2; the last is the class, as in CIFAR-100, another one is not looked at
};

/// Files of records of one's own: dir/train*.bin and dir/val*.bin or dir/test*.bin. One of the latter is kTest; where
/// both are, val*.bin is kValid. Several files of a part are read in byte-wise order of their names. Classes are called
/// as in dir/classes.txt: a name a line, or tab-separated label, any fields and name, labels being 0, 1, ... in order;
/// without it by number.
/// @return null for kValid where there is none
/// @throws std::invalid_argument for impossible options, DataError as read_records(), for a part without files and for
/// a classes.txt of other form
DatasetPtr open_records(const std::filesystem::path& dir, Split split, const RecordOptions& options);

}  // namespace ockham::data
