#include "tests/fuzz/target.h"

#include <unistd.h>

#include <cstdlib>
#include <fstream>

namespace ockham::fuzz {

std::vector<Target>& targets() {
  static std::vector<Target> all;
  return all;
}

Folder::Folder() {
  const std::filesystem::path memory = "/dev/shm";  // files are synced: a disk would take milliseconds for each
  const bool has_memory = ::access(memory.c_str(), W_OK) == 0;
  std::string pattern =
      ((has_memory ? memory : std::filesystem::temp_directory_path()) / "ockham-fuzz-XXXXXX").string();
  path_ = ::mkdtemp(pattern.data());
}

Folder::~Folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::filesystem::path Folder::write(const std::string& name, Bytes bytes) const {
  std::ofstream(path_ / name, std::ios::binary) << text_of(bytes);
  return path_ / name;
}

}  // namespace ockham::fuzz
