#include "data/verify.h"

#include "data/error.h"
#include "data/file.h"
#include "data/image/decode.h"
#include "data/shapes.h"
#include "tests/data/samples.h"
#include "tests/support.h"

using namespace ockham::data;
using namespace ockham::test;

BOOST_AUTO_TEST_SUITE(verify)

BOOST_AUTO_TEST_CASE(reports_images_labels_and_digest_of_both_splits) {
  const TemporaryFolder dir;
  write_cifar10(dir.path());
  const VerifyReport report = ockham::data::verify("cifar10", dir.path());
  BOOST_TEST_REQUIRE(report.splits.size() == 2u);
  BOOST_TEST(report.splits[0].images == 10);
  BOOST_TEST(report.splits[0].label_counts == (std::vector<std::int64_t>{0, 1, 1, 1, 2, 2, 1, 1, 1, 0}),
             boost::test_tools::per_element());
  BOOST_TEST((report.splits[1].split == Split::kTest));
  BOOST_TEST(report.splits[1].digest.size() == 64u);
  BOOST_TEST(report.archives.empty());
}

BOOST_AUTO_TEST_CASE(archive_beside_the_data_is_compared_with_the_official_one) {
  const TemporaryFolder dir;
  write_cifar10(dir.path());
  write_text(dir.path() / "cifar-10-binary.tar.gz", "abc");
  const VerifyReport report = ockham::data::verify("cifar10", dir.path());
  BOOST_TEST_REQUIRE(report.archives.size() == 1u);
  for (std::string_view part : {"3 bytes", "900150983cd24fb0d6963f7d28e17f72", "c32a1d4ab5d03f1284b67883e8d87530"})
    BOOST_TEST(report.archives[0].find(part) != std::string::npos);  // the first MD5 is RFC 1321's for "abc"
}

BOOST_AUTO_TEST_CASE(broken_pictures_are_listed) {
  const TemporaryFolder dir;
  write_bytes(dir.path() / "train/a/1.png", png(8, 8, 1, 2, 3));
  write_text(dir.path() / "train/a/2.png", "no");
  write_bytes(dir.path() / "val/a/1.png", png(8, 8, 1, 2, 3));
  const VerifyReport report = ockham::data::verify("folder", dir.path());
  BOOST_TEST(report.splits[0].left_out.bad_images.size() == 1u);
  BOOST_TEST(report.splits[1].left_out.bad_images.empty());
  BOOST_TEST(!report.is_sound());
}

BOOST_AUTO_TEST_CASE(only_what_has_no_bad_picture_in_any_part_is_sound) {
  const TemporaryFolder dir;
  for (const char* part : {"train", "val", "test"})
    write_bytes(dir.path() / part / "a/1.png", png(8, 8, 1, 2, 3));
  write_text(dir.path() / "test/a/notes.txt", "no");
  const VerifyReport sound = ockham::data::verify("folder", dir.path());
  BOOST_TEST_REQUIRE(sound.splits.size() == 3u);
  BOOST_TEST((sound.splits[1].split == Split::kValid));
  BOOST_TEST(sound.splits[2].left_out.files.size() == 1u);
  BOOST_TEST(sound.is_sound());
  write_bytes(dir.path() / "val/a/2.png", png_head(8, 8));
  BOOST_TEST(!ockham::data::verify("folder", dir.path()).is_sound());
}

BOOST_AUTO_TEST_CASE(images_are_checked_at_the_size_asked_for) {
  const TemporaryFolder dir;
  write_cifar10(dir.path());
  BOOST_TEST((ockham::data::verify("cifar10", dir.path()).splits[0].shape == ImageShape{3, 32, 32}));
  BOOST_TEST(
      (ockham::data::verify("cifar10", dir.path(), {.image_size = 16}).splits[1].shape == ImageShape{3, 16, 16}));
  BOOST_CHECK_THROW(ockham::data::verify("cifar10", dir.path(), {.image_size = 4}), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(wrong_structure_is_an_error) {
  const TemporaryFolder dir;
  write_cifar10(dir.path());
  write_bytes(dir.path() / "cifar-10-batches-bin/test_batch.bin", Bytes(5));
  BOOST_CHECK_THROW(ockham::data::verify("cifar10", dir.path()), DataError);
}

BOOST_AUTO_TEST_CASE(sample_sheet_is_a_png_with_the_images_in_rows) {
  const TemporaryFolder dir;
  const DatasetPtr dataset = open_shapes(Split::kTest, {.test_size = 9});
  const auto path = dir.path() / "sample.png";
  write_sample(dataset, std::vector<std::int64_t>{0, 1, 2}, 2, path);
  const Picture sheet = decode_picture("sheet", read_file("sheet", path, 1 << 20));
  BOOST_TEST((sheet.shape == ImageShape{3, 68, 68}));
  const Bytes third = pixels_of(*dataset, 2);
  BOOST_TEST(sheet.pixels[34 * 68] == third[0]);
  BOOST_TEST(sheet.pixels[(2 * 68 + 65) * 68 + 31] == third.back());
  BOOST_TEST(sheet.pixels[32] == 255);
}

BOOST_AUTO_TEST_CASE(sample_refuses_nothing_to_draw_and_unwritable_places) {
  const TemporaryFolder dir;
  const DatasetPtr dataset = open_shapes(Split::kTest, {.test_size = 9});
  const std::vector<std::int64_t> none, one{0}, outside{9};
  BOOST_CHECK_THROW(write_sample(dataset, none, 2, dir.path() / "a.png"), std::invalid_argument);
  BOOST_CHECK_THROW(write_sample(dataset, one, 0, dir.path() / "a.png"), std::invalid_argument);
  BOOST_CHECK_THROW(write_sample(dataset, outside, 1, dir.path() / "a.png"), std::out_of_range);
  BOOST_CHECK_EXCEPTION(write_sample(dataset, one, 1, dir.path() / "absent/a.png"), std::runtime_error,
                        (Says{{"absent/a.png", "cannot be written", "No such file"}}));
}

BOOST_AUTO_TEST_SUITE_END()
