#pragma once
// OCKHAM_FUZZ_TARGET(NAME) { what is done with `bytes` }, once a file: whatever they are, nothing but the exceptions
// that it catches. Built by clang it is the libFuzzer program fuzz-NAME; test-fuzz has all of them, to play the
// corpora.
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace ockham::fuzz {

using Bytes = std::span<const std::uint8_t>;

struct Target {
  std::string name;
  void (*run)(Bytes);
};
std::vector<Target>& targets();

inline std::string_view text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline Bytes bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// What a parser promises of its result.
inline void require(bool is_true, const char* promise) {
  if (!is_true)
    throw std::logic_error(std::string("broken: ") + promise);
}

/// A private folder for parsers that read files, removed at the end of the program.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::filesystem::path& path() const { return path_; }
  /// @return the path of the file
  std::filesystem::path write(const std::string& name, Bytes bytes) const;

 private:
  std::filesystem::path path_;
};

}  // namespace ockham::fuzz

#ifdef OCKHAM_LIBFUZZER
#define OCKHAM_FUZZ_REGISTER(name)                                                    \
  extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) { \
    fuzz_##name({data, size});                                                        \
    return 0;                                                                         \
  }
#else
#define OCKHAM_FUZZ_REGISTER(name)                       \
  [[maybe_unused]] static const bool registered_##name = \
      (::ockham::fuzz::targets().push_back({#name, fuzz_##name}), true);
#endif
#define OCKHAM_FUZZ_TARGET(name)                  \
  static void fuzz_##name(::ockham::fuzz::Bytes); \
  OCKHAM_FUZZ_REGISTER(name)                      \
  static void fuzz_##name(::ockham::fuzz::Bytes bytes)
