#include "data/resized_crop.h"

#include <algorithm>

#include "data/augment.h"
#include "data/image/resize.h"
#include "data/loader.h"
#include "data/shapes.h"
#include "data/subset.h"
#include "tests/data/samples.h"
#include "tests/support.h"

using namespace ockham::data;
using namespace ockham::test;

BOOST_AUTO_TEST_SUITE(resized_crop)

BOOST_AUTO_TEST_CASE(boxes_keep_within_the_picture_and_the_bounds_of_area_and_ratio) {
  constexpr ImageShape kPicture{3, 300, 400};
  double least = 1.0, most = 0.0;
  for (std::uint32_t image = 0; image < 2000; ++image) {
    Stream random(3, Purpose::kCrop, 0, image), again(3, Purpose::kCrop, 0, image);
    const Box box = draw_box(kPicture, random);
    BOOST_TEST((box.top >= 0 && box.left >= 0 && box.top + box.height <= 300 && box.left + box.width <= 400));
    const double ratio = static_cast<double>(box.width) / static_cast<double>(box.height);
    BOOST_TEST((ratio > 0.74 && ratio < 1.35));
    const double area = static_cast<double>(box.height * box.width) / (300.0 * 400.0);
    least = std::min(least, area), most = std::max(most, area);
    const Box same = draw_box(kPicture, again);
    BOOST_TEST((same.top == box.top && same.left == box.left && same.height == box.height && same.width == box.width));
  }
  BOOST_TEST((least > 0.079 && least < 0.09));
  BOOST_TEST((most > 0.95 && most <= 1.0));
}

BOOST_AUTO_TEST_CASE(a_picture_that_no_box_fits_gives_its_middle) {
  Stream random(3, Purpose::kCrop, 0, 0);
  const Box box = draw_box({3, 1000, 3}, random);  // 8 % of it in a ratio up to 4/3 are wider than 3
  BOOST_TEST(box.width == 3);
  BOOST_TEST(box.height == 4);
  BOOST_TEST(box.left == 0);
  BOOST_TEST(box.top == 498);
}

BOOST_AUTO_TEST_CASE(a_box_of_a_data_set_is_cut_and_resized_from_what_is_stored) {
  const DatasetPtr stored = open_shapes(Split::kTrain, {.image_size = 24});
  const DatasetPtr small = with_fit(stored, {.side = 8});
  Picture picture{{3, 24, 24}, Bytes(3 * 24 * 24)};
  stored->read(5, picture.pixels);
  const Box part{2, 4, 20, 16};
  Bytes found(3 * 8 * 8);
  const auto choose = [&](const ImageShape& shape) {
    BOOST_TEST((shape == ImageShape{3, 24, 24}));
    return part;
  };
  small->read_box(5, choose, 8, found);
  BOOST_TEST(found == resize(crop(picture, part), 8, 8).pixels);
  BOOST_CHECK_THROW(small->read_box(5, choose, 9, found), std::invalid_argument);
  BOOST_CHECK_THROW(crop(picture, {0, 9, 24, 16}), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(the_central_square_of_a_data_set_is_what_its_images_hold_there) {
  const DatasetPtr images = open_shapes(Split::kTest, {.image_size = 12});
  const DatasetPtr middle = with_fit(images, {.side = 8, .shorter = 12});
  BOOST_TEST((middle->shape() == ImageShape{3, 8, 8}));
  Bytes whole(3 * 12 * 12), found(3 * 8 * 8);
  images->read(3, whole);
  middle->read(3, found);
  for (std::size_t i = 0; i < found.size(); ++i)
    BOOST_TEST(found[i] == whole[(i / 64 * 12 + i / 8 % 8 + 2) * 12 + i % 8 + 2]);
  BOOST_TEST(middle->digest() != with_fit(images, {.side = 8})->digest());
  BOOST_TEST(with_fit(images, {.side = 12}) == images);
}

BOOST_AUTO_TEST_CASE(a_loader_takes_other_parts_in_every_epoch_and_the_same_again) {
  const DatasetPtr images = make_subset(open_shapes(Split::kTrain, {.image_size = 16}), {0, 1, 2, 3});
  Loader loader(images, {.normalisation = {}, .takes_box = true}, {.batch_size = 4, .shuffle = false});
  const auto epoch = [&](std::int64_t number) {
    loader.start_at(number);
    const auto batch = loader.next();
    return std::vector<float>(batch->images.begin(), batch->images.end());
  };
  const std::vector<float> first = epoch(0);
  BOOST_TEST((epoch(1) != first));
  BOOST_TEST((epoch(0) == first));
}

BOOST_AUTO_TEST_SUITE_END()
