#include "data/normalisation.h"

#include <cmath>

#include "data/cores.h"
#include "data/folder.h"
#include "data/shapes.h"
#include "data/subset.h"
#include "data/view.h"
#include "tests/data/samples.h"
#include "tests/support.h"

using namespace ockham::data;
using namespace ockham::test;

namespace {

/// Data for a while from so many threads.
struct Cores {
  explicit Cores(int count) : before(core_count()) { set_core_count(count); }
  ~Cores() { set_core_count(before); }
  int before;
};

/// Passes for a data set of pictures.
class Pictures : public View {
 public:
  explicit Pictures(DatasetPtr base)
      : View(std::move(base), [](Description& description) { description.is_decoded = true; }) {}
};

DatasetPtr two_images(const Bytes& pixels) {
  return std::make_shared<MemoryDataset>("records", numbered_names(2), ImageShape{2, 1, 2}, pixels, Bytes{0, 1});
}

}  // namespace

BOOST_AUTO_TEST_SUITE(normalisation)

BOOST_AUTO_TEST_CASE(mean_and_deviation_are_those_of_all_pixels_of_a_channel) {
  const Normalisation found = measure(*two_images({0, 255, 10, 10, 255, 0, 30, 30}));
  BOOST_TEST(found.mean[0] == 0.5f);
  BOOST_TEST(found.std[0] == 0.5f);
  BOOST_TEST(std::abs(found.mean[1] - 20.0f / 255) < 1e-7f);
  BOOST_TEST(std::abs(found.std[1] - 10.0f / 255) < 1e-7f);
  BOOST_TEST(found.std[2] == 1.0f);
}

BOOST_AUTO_TEST_CASE(channel_that_is_the_same_everywhere_is_divided_by_one) {
  BOOST_TEST(measure(*two_images(Bytes(8, 77))).std[0] == 1.0f);
}

BOOST_AUTO_TEST_CASE(bits_do_not_depend_on_threads) {
  const DatasetPtr shapes = open_shapes(Split::kTrain, {.train_size = 500});
  const Cores one(1);
  const Normalisation expected = measure(*shapes);
  for (const int count : {2, 3, 7}) {
    const Cores more(count);
    BOOST_TEST((measure(*shapes) == expected));
  }
}

BOOST_AUTO_TEST_CASE(twenty_thousand_pictures_stand_for_more) {
  const DatasetPtr shapes = open_shapes(Split::kTrain, {.train_size = 50'000, .image_size = 8});
  std::vector<std::int64_t> taken;
  for (std::int64_t i = 0; i < 20'000; ++i)
    taken.push_back(i * 50'000 / 20'000);
  const Normalisation sample = measure(Pictures(shapes));
  BOOST_TEST((measure(*make_subset(shapes, taken)) == sample));
  BOOST_TEST((measure(*shapes) != sample));
}

BOOST_AUTO_TEST_CASE(views_keep_what_a_data_set_is_normalised_by) {
  const Normalisation other{{0.1f, 0.2f, 0.3f}, {0.4f, 0.5f, 0.6f}};
  const DatasetPtr shapes = open_shapes(Split::kTrain, {.train_size = 20});
  const DatasetPtr changed = with_normalisation(shapes, other);
  BOOST_TEST((changed->normalisation() == other));
  BOOST_TEST((make_subset(changed, {3, 1})->normalisation() == other));
  BOOST_TEST((with_fit(changed, {.side = 8})->normalisation() == other));
  BOOST_TEST(changed->digest() == shapes->digest());
  BOOST_TEST(pixels_of(*changed, 7) == pixels_of(*shapes, 7));
  BOOST_TEST(changed->label(7) == shapes->label(7));
}

BOOST_AUTO_TEST_CASE(pictures_of_a_folder_are_measured_as_they_are_read) {
  const TemporaryFolder dir;
  write_bytes(dir.path() / "train/a/1.png", png(40, 30, 0, 51, 102));
  write_bytes(dir.path() / "train/b/2.png", png(20, 50, 255, 51, 102));
  const DatasetPtr folder = open_folder(dir.path(), Split::kTrain, {.fit = {.side = 8}, .test_fraction = 0});
  const Normalisation found = measure(*folder);
  BOOST_TEST(found.mean[0] == 0.5f);
  BOOST_TEST(found.std[0] == 0.5f);
  BOOST_TEST(found.mean[1] == 0.2f);
  BOOST_TEST(found.std[2] == 1.0f);
  BOOST_TEST(is_measured(folder->name()));
}

BOOST_AUTO_TEST_CASE(number_of_cores_is_at_least_one_and_can_be_chosen) {
  BOOST_TEST(core_count() >= 1);
  const Cores three(3);
  BOOST_TEST(core_count() == 3);
  BOOST_CHECK_THROW(set_core_count(0), std::invalid_argument);
}

BOOST_AUTO_TEST_SUITE_END()
