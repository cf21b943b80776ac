#pragma once
// Real data for tests: unpacks what shared_folder() holds into the build folder, once, whichever test comes first.
// Each function returns an empty path when the packed file is absent (report skip() then) and throws when unpacking
// fails. Unpacking CIFAR-10 takes about 7 s and 190 MB, so only files with `// labels: data` may ask for it.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>

#include "tests/support.h"

namespace ockham::test {

/// Held while one process unpacks and others wait.
class FileLock {
 public:
  explicit FileLock(const std::filesystem::path& path)
      : descriptor_(::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644)) {
    if (descriptor_ < 0 || ::flock(descriptor_, LOCK_EX) != 0)
      throw std::runtime_error("cannot lock " + path.string());
  }
  ~FileLock() { ::close(descriptor_); }
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int descriptor_;
};

inline std::string quoted(const std::filesystem::path& path) {
  return "'" + path.string() + "'";
}

inline void run_command(const std::string& command) {
  const int status = std::system(command.c_str());
  if (status != 0)
    throw std::runtime_error("unpacking failed with status " + std::to_string(status) + ": " + command);
}

/// Unpacks `packed` (below shared_folder()) into OCKHAM_BINARY_DIR/real-data/`name`, which appears complete or not at
/// all.
/// @param command makes the shell command from the packed file and the folder to fill
inline std::filesystem::path unpacked(
    const std::string& packed, const std::string& name,
    const std::function<std::string(const std::filesystem::path& from, const std::filesystem::path& to)>& command) {
  const std::filesystem::path from = shared_folder() / packed;
  if (shared_folder().empty() || !std::filesystem::exists(from))
    return {};
  const std::filesystem::path data = std::filesystem::path(OCKHAM_BINARY_DIR) / "real-data", to = data / name;
  std::filesystem::create_directories(data);
  const FileLock lock(data / ".lock");
  if (!std::filesystem::exists(to)) {
    const std::filesystem::path partial = data / (name + ".partial");
    std::filesystem::remove_all(partial);
    std::filesystem::create_directories(partial);
    run_command(command(from, partial));
    std::filesystem::rename(partial, to);
  }
  return to;
}

inline std::filesystem::path untarred(const std::string& packed, const std::string& name) {
  return unpacked(packed, name, [](const std::filesystem::path& from, const std::filesystem::path& to) {
    return "tar -xf " + quoted(from) + " -C " + quoted(to);
  });
}

/// Unpacks one of the archives of JPEGs into records.
inline std::filesystem::path unpacked_jpegs(const std::string& packed, const std::string& name) {
  return unpacked(packed, name, [](const std::filesystem::path& from, const std::filesystem::path& to) {
    const std::string tool = quoted(to / "jpeg32_to_bin"), tar = quoted(to / "all.tar");
    const std::string source = quoted(from.parent_path() / "jpeg32_to_bin.cpp");
    return "c++ -O2 -std=c++17 -o " + tool + " " + source + " && xz -dc " + quoted(from) + " > " + tar + " && " + tool +
           " " + quoted(to) + " < " + tar + " && rm " + tool + " " + tar;
  });
}

/// Folder that holds cifar-10-batches-bin/. Its pixels went through JPEG once: say so next to any result.
inline std::filesystem::path real_cifar10() {
  return unpacked_jpegs("data/cifar-10-jpeg.tar.xz", "cifar10");
}

/// Folder that holds train.bin, val.bin and classes.txt: 120 classes of Tiny ImageNet at 32x32, 60,000 + 6,000 records.
inline std::filesystem::path real_tiny_imagenet() {
  const std::filesystem::path folder = unpacked_jpegs("data/tiny-imagenet-32-120.tar.xz", "tiny-imagenet");
  return folder.empty() ? folder : folder / "tiny-imagenet-32-120";
}

/// Folder that holds cifar-100-binary/ with 5,000 + 1,000 records.
inline std::filesystem::path real_cifar100() {
  return untarred("data/cifar-100-sample.tar.xz", "cifar100");
}

/// Folder that holds the four .gz files of MNIST (nothing is unpacked).
inline std::filesystem::path real_mnist() {
  const std::filesystem::path folder = shared_folder() / "data/mnist";
  return !shared_folder().empty() && std::filesystem::is_directory(folder) ? folder : std::filesystem::path();
}

/// Folder that holds train/, val/, varied/ and derived/ with ImageNet pictures.
inline std::filesystem::path real_imagenet_sample() {
  const std::filesystem::path folder = untarred("data/imagenet-sample.tar", "imagenet");
  return folder.empty() ? folder : folder / "imagenet-sample";
}

/// Folder with manifest.json and the reference arrays of the double-precision oracle.
inline std::filesystem::path real_oracle() {
  const std::filesystem::path folder = untarred("oracle/micro-seed0.tar.xz", "oracle");
  return folder.empty() ? folder : folder / "micro-seed0";
}

}  // namespace ockham::test
