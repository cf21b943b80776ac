#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

namespace ockham::data {

/// Reads a whole regular file of at most `limit` bytes. `who` begins the error messages ("cifar").
/// @throws DataError if the file is absent, not a regular file, too big, or shrinks while it is read
[[nodiscard]] std::vector<std::uint8_t> read_file(std::string_view who, const std::filesystem::path& path,
                                                  std::uint64_t limit);

/// Reads the first bytes of a file into `buffer`. @return as many of them as the file has
/// @throws DataError if it cannot be opened or read
[[nodiscard]] std::span<const std::uint8_t> read_beginning(std::string_view who, const std::filesystem::path& path,
                                                           std::span<std::uint8_t> buffer);

/// Writes a file so that readers see the old content or the new one, never a part: temporary name, fsync, rename.
/// @throws std::runtime_error with the reason of the system, e.g. a full disk; nothing is left behind then
void write_file(const std::filesystem::path& path, std::span<const std::uint8_t> bytes);

}  // namespace ockham::data
