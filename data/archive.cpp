#include "data/archive.h"

#include <array>

#include "data/error.h"

namespace ockham::data {
namespace {

constexpr std::array<ArchiveFile, 1> kCifar10{
    {{"https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz", 170052171, "c32a1d4ab5d03f1284b67883e8d87530"}}};
constexpr std::array<ArchiveFile, 1> kCifar100{
    {{"https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz", 168513733, "03b5dce01913d631647c71ecec9e9cb8"}}};
constexpr std::array<ArchiveFile, 4> kMnist{{
    {"https://ossci-datasets.s3.amazonaws.com/mnist/train-images-idx3-ubyte.gz", 9912422,
     "f68b3c2dcbeaaa9fbdd348bbdeb94873"},
    {"https://ossci-datasets.s3.amazonaws.com/mnist/train-labels-idx1-ubyte.gz", 28881,
     "d53e105ee54ea40749a09fcbcd1e9432"},
    {"https://ossci-datasets.s3.amazonaws.com/mnist/t10k-images-idx3-ubyte.gz", 1648877,
     "9fb629c4189551a2d022fa330f9573f3"},
    {"https://ossci-datasets.s3.amazonaws.com/mnist/t10k-labels-idx1-ubyte.gz", 4542,
     "ec29112dd5afa0611ce80d1b7f02629c"},
}};

}  // namespace

std::span<const ArchiveFile> official_files(std::string_view dataset) {
  if (dataset == "cifar10")
    return kCifar10;
  if (dataset == "cifar100")
    return kCifar100;
  if (dataset == "mnist")
    return kMnist;
  return {};
}

std::string describe_official_files(std::string_view dataset) {
  std::string text;
  for (const ArchiveFile& file : official_files(dataset))
    text += std::string(file.url) + " (" + std::to_string(file.bytes) + " bytes, MD5 " + std::string(file.md5) + ")\n";
  return text;
}

std::filesystem::path find_folder(std::string_view dataset, const std::filesystem::path& dir,
                                  std::initializer_list<std::string_view> subfolders,
                                  std::initializer_list<std::string_view> markers) {
  const auto holds_marker = [&](const std::filesystem::path& folder) {
    for (std::string_view marker : markers) {
      std::error_code ignored;
      if (std::filesystem::exists(folder / marker, ignored))
        return true;
    }
    return false;
  };
  for (std::string_view subfolder : subfolders) {
    if (holds_marker(dir / subfolder))
      return dir / subfolder;
  }
  if (holds_marker(dir))
    return dir;
  const std::string where = std::string(dataset) + ": neither '" + dir.string() + "' nor '" +
                            (dir / *subfolders.begin()).string() + "' holds " + std::string(*markers.begin()) + ". ";
  for (const ArchiveFile& file : official_files(dataset)) {
    std::error_code ignored;
    if (file.name().ends_with(".tar.gz") && std::filesystem::exists(dir / file.name(), ignored))
      throw DataError(where + "Unpack the archive that is there: tar -xzf " + (dir / file.name()).string() + " -C " +
                      dir.string());
  }
  throw DataError(where + "Put the contents of the official files there:\n" + describe_official_files(dataset));
}

}  // namespace ockham::data
