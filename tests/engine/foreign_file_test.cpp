// What lies where a checkpoint should be, told by its first bytes.
#include "engine/foreign_file.h"

#include <fstream>

#include "engine/error.h"
#include "engine/safetensors.h"
#include "tests/engine/files.h"
#include "tests/support.h"

namespace ockham {
namespace {

bool tells(const std::string& bytes, std::string_view part) {
  const std::string kind = foreign_kind(std::string_view(bytes).substr(0, kForeignFileBytes));
  BOOST_TEST_INFO("told '" << kind << "'");
  return kind.find(part) != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(foreign_file)

BOOST_AUTO_TEST_CASE(formats_are_known_by_their_first_bytes) {
  BOOST_TEST(tells("version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 9\n", "git lfs pull"));
  BOOST_TEST(tells(std::string("PK\3\4\0\0\0\0", 8), "PyTorch"));
  BOOST_TEST(tells(std::string("\x80\2}q\0.", 6), "pickle"));
  BOOST_TEST(tells(std::string("\x80\4\x95", 3), "pickle"));
  BOOST_TEST(tells(std::string("\x1f\x8b\x08\0\0\0\0\0", 8), "gunzip"));
  BOOST_TEST(tells("BZh91AY", "bunzip2"));
  BOOST_TEST(tells(std::string("\xfd"
                               "7zXZ\0",
                               6),
                   "unxz"));
  BOOST_TEST(tells("\x28\xb5\x2f\xfd....", "unzstd"));
  BOOST_TEST(tells("\x89HDF\r\n\x1a\n", "HDF5"));
  BOOST_TEST(tells(std::string("\x93NUMPY\1\0", 8), "NumPy"));
  std::string tar(512, '\0');
  tar.replace(0, 4, "name").replace(257, 5, "ustar");
  BOOST_TEST(tells(tar, "tar xf"));
}

BOOST_AUTO_TEST_CASE(pages_texts_zeros_and_nothing_are_told_apart) {
  BOOST_TEST(tells("<!DOCTYPE html><html>", "web page"));
  BOOST_TEST(tells("\xef\xbb\xbf\r\n  <HTML lang=en>", "web page"));
  BOOST_TEST(tells("<?xml version='1.0'?><Error><Code>AccessDenied", "web page"));
  BOOST_TEST(tells("{\"error\": \"Not Found\"}", "begins '{\"error\": \"Not Found\"}'"));
  BOOST_TEST(tells("404\nmore", "begins '404'"));
  BOOST_TEST(tells(std::string(512, '\0'), "zeros"));
  BOOST_TEST(tells("", "empty"));
}

BOOST_AUTO_TEST_CASE(nothing_is_told_of_what_is_not_known) {
  BOOST_TEST(foreign_kind("\x01\x02\x03\x04").empty());
  BOOST_TEST(foreign_kind(std::string("PK\5\6", 4)).empty());
  BOOST_TEST(foreign_kind(std::string("text\0", 5)).empty());
}

BOOST_AUTO_TEST_CASE(a_reader_of_tensors_names_what_it_found_and_the_file) {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "last.safetensors";
  test::put(path, "<html><title>Sign in</title></html>");
  BOOST_CHECK_EXCEPTION(load_safetensors(path), CheckpointError, (test::Says{{path.string(), "is a web page"}}));
  test::put(path, "");
  BOOST_CHECK_EXCEPTION(load_safetensors(path), CheckpointError, (test::Says{{path.string(), "is empty"}}));
}

BOOST_AUTO_TEST_CASE(a_sound_file_whose_header_has_the_length_of_a_gzip_mark_is_read) {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "x";
  const std::string length("\x1f\x8b\x08\0\0\0\0\0", 8);
  test::put(path, length + "{}" + std::string(0x088b1f - 2, ' '));
  BOOST_TEST(load_safetensors(path).tensors.empty());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ockham
