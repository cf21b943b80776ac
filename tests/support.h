#pragma once
// What several test files need: reporting a skip, a private folder, message checks.
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>
#include <string_view>

namespace ockham::test {

inline bool skipped = false;  // read by main.cpp

/// Tells CTest that a test could not run here, and why. Return from the test right after.
inline void skip(std::string_view reason) {
  std::cout << "SKIPPED: " << reason << std::endl;
  skipped = true;
}

/// The folder with the packed real data and reference values: OCKHAM_SHARED, else `../shared` beside the sources.
/// Empty when absent.
inline std::filesystem::path shared_folder() {
  const char* given = std::getenv("OCKHAM_SHARED");
  const std::filesystem::path folder =
      given ? std::filesystem::path(given) : std::filesystem::path(OCKHAM_SOURCE_DIR).parent_path() / "shared";
  return std::filesystem::is_directory(folder) ? folder : std::filesystem::path();
}

/// A fresh folder that is removed at the end of the test.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "ockham-test-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// For BOOST_CHECK_EXCEPTION: does the message contain all of these parts?
struct Says {
  std::initializer_list<std::string_view> parts;
  bool operator()(const std::exception& e) const {
    for (std::string_view part : parts) {
      if (std::string_view(e.what()).find(part) == std::string_view::npos) {
        BOOST_TEST_MESSAGE("message '" << e.what() << "' lacks '" << part << "'");
        return false;
      }
    }
    return true;
  }
};

}  // namespace ockham::test
