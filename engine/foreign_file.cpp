#include "engine/foreign_file.h"

#include <algorithm>
#include <array>

namespace ockham {
namespace {

using namespace std::string_view_literals;

struct Kind {
  std::string_view beginning;
  std::string_view what;
};

constexpr std::string_view kPyTorch =
    " such as PyTorch saves; convert it there: safetensors.torch.save_file(torch.load(FILE), ...)";

constexpr std::array kKinds{
    Kind{"version https://git-lfs.github.com/spec/"sv,
         "a Git LFS pointer, not the file itself; get that with git lfs pull"sv},
    Kind{"PK\x03\x04"sv, "a ZIP archive,"sv},
    Kind{"\x80\x02"sv, "a Python pickle,"sv},
    Kind{"\x80\x03"sv, "a Python pickle,"sv},
    Kind{"\x80\x04"sv, "a Python pickle,"sv},
    Kind{"\x80\x05"sv, "a Python pickle,"sv},
    Kind{"\x1f\x8b"sv, "compressed by gzip; unpack it with gunzip"sv},
    Kind{"BZh"sv, "compressed by bzip2; unpack it with bunzip2"sv},
    Kind{"\xfd"
         "7zXZ\x00"sv,
         "compressed by xz; unpack it with unxz"sv},
    Kind{"\x28\xb5\x2f\xfd"sv, "compressed by Zstandard; unpack it with unzstd"sv},
    Kind{"\x89HDF\r\n\x1a\n"sv, "an HDF5 file, such as Keras saves; convert it to safetensors"sv},
    Kind{"\x93NUMPY"sv, "an array of NumPy; convert it with safetensors.numpy.save_file"sv},
    Kind{"GGUF"sv, "a GGUF model; convert it to safetensors"sv},
    Kind{"\x7f"
         "ELF"sv,
         "a program"sv},
};
constexpr std::array kMarkup{"<!doctype"sv, "<html"sv, "<head"sv, "<?xml"sv};

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool is_printable(char c) {
  return (c >= ' ' && c <= '~') || c == '\n' || c == '\r' || c == '\t';
}

/// Lower-case, from the first character that is no blank or byte-order mark.
std::string without_blanks(std::string_view text) {
  const std::size_t first = text.find_first_not_of("\xef\xbb\xbf \t\r\n");
  std::string rest(text.substr(std::min(first, text.size())));
  std::ranges::transform(rest, rest.begin(), lower);
  return rest;
}

}  // namespace

std::string foreign_kind(std::string_view beginning) {
  if (beginning.empty())
    return "empty; the copy or download that made it has failed: fetch it again";
  for (const Kind& kind : kKinds) {
    if (beginning.starts_with(kind.beginning))
      return std::string(kind.what) + std::string(kind.what.ends_with(',') ? kPyTorch : "");
  }
  if (beginning.size() >= kForeignFileBytes && beginning.substr(257, 5) == "ustar")
    return "a tar archive; unpack it with tar xf";
  const std::string text = without_blanks(beginning);
  if (std::ranges::any_of(kMarkup, [&](std::string_view mark) { return text.starts_with(mark); }))
    return "a web page; the address that it was fetched from is another, or asks for a login";
  if (std::ranges::all_of(beginning, [](char c) { return c == '\0'; }))
    return "filled with zeros, as a crash or a copy that was cut off leaves it; fetch it again";
  if (std::ranges::all_of(beginning, is_printable))
    return "a text that begins '" + std::string(beginning.substr(0, std::min<std::size_t>(40, beginning.find('\n')))) +
           "'";
  return "";
}

}  // namespace ockham
