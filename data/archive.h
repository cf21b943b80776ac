#pragma once
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace ockham::data {

/// A file of the official distribution of a data set.
struct ArchiveFile {
  std::string_view url;
  std::int64_t bytes;
  std::string_view md5;
  /// File name: the last part of the URL.
  [[nodiscard]] std::string_view name() const { return url.substr(url.rfind('/') + 1); }
};

/// The official files of "cifar10", "cifar100" or "mnist"; empty for sets without any.
[[nodiscard]] std::span<const ArchiveFile> official_files(std::string_view dataset);

/// One line a file: URL, size and MD5, for people who have to fetch it.
[[nodiscard]] std::string describe_official_files(std::string_view dataset);

/// Finds the folder that holds `marker`: `dir` itself or one of its `subfolders`.
/// @throws DataError that tells where the official files are, if there is none
[[nodiscard]] std::filesystem::path find_folder(std::string_view dataset, const std::filesystem::path& dir,
                                                std::initializer_list<std::string_view> subfolders,
                                                std::initializer_list<std::string_view> markers);

}  // namespace ockham::data
