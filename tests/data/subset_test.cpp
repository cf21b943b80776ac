#include "data/subset.h"

#include <algorithm>
#include <map>
#include <set>

#include "data/shapes.h"
#include "tests/data/samples.h"
#include "tests/support.h"

using namespace ockham::data;
using namespace ockham::test;

namespace {

/// One-pixel images, pixel and label equal to the index, so that a part shows what it took.
DatasetPtr counting(int size) {
  Bytes values;
  for (int i = 0; i < size; ++i)
    values.push_back(static_cast<std::uint8_t>(i));
  return std::make_shared<MemoryDataset>("counting", numbered_names(256), ImageShape{1, 1, 1}, values, values);
}

std::vector<int> content(const DatasetPtr& dataset) {
  std::vector<int> values;
  for (std::int64_t i = 0; i < dataset->size(); ++i) {
    BOOST_TEST(dataset->label(i) == pixels_of(*dataset, i).front());
    values.push_back(dataset->label(i));
  }
  return values;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(subset)

BOOST_AUTO_TEST_CASE(permutation_holds_each_number_once_and_follows_its_address) {
  const std::vector<std::int64_t> order = permutation(100, 1, Purpose::kSplit);
  BOOST_TEST(order == permutation(100, 1, Purpose::kSplit), boost::test_tools::per_element());
  BOOST_TEST((order != permutation(100, 2, Purpose::kSplit)));
  BOOST_TEST((order != permutation(100, 1, Purpose::kSplit, 1)));
  BOOST_TEST((std::set<std::int64_t>(order.begin(), order.end()).size() == 100u));
  BOOST_TEST(std::ranges::max(order) == 99);
}

// All 24 orders of four things, 100 expected of each: chi-square with 23 degrees of freedom is below 50 but for 1 in
// 1000 seeds.
BOOST_AUTO_TEST_CASE(permutation_is_uniform) {
  std::map<std::vector<std::int64_t>, int> counts;
  for (std::uint64_t seed = 0; seed < 2400; ++seed)
    ++counts[permutation(4, seed, Purpose::kSplit)];
  double chi_square = 0;
  for (const auto& [order, count] : counts)
    chi_square += (count - 100.0) * (count - 100.0) / 100.0;
  BOOST_TEST(counts.size() == 24u);
  BOOST_TEST(chi_square < 50);
}

BOOST_AUTO_TEST_CASE(train_and_valid_are_disjoint) {
  const Splits parts = split(counting(50), counting(20), {.train_size = 30, .valid_size = 20, .test_size = 5});
  std::vector<int> all = content(parts.train);
  BOOST_TEST(all.size() == 30u);
  std::ranges::copy(content(parts.valid), std::back_inserter(all));
  BOOST_TEST((std::set<int>(all.begin(), all.end()).size() == 50u));
  BOOST_TEST(parts.test->size() == 5);
}

BOOST_AUTO_TEST_CASE(validation_images_do_not_depend_on_the_training_size) {
  const auto valid = [](std::int64_t train_size) {
    return content(split(counting(50), counting(1), {.train_size = train_size, .valid_size = 10}).valid);
  };
  BOOST_TEST(valid(5) == valid(40), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(smaller_training_part_is_the_front_of_a_bigger_one) {
  const auto train = [](std::int64_t size) {
    return content(split(counting(50), counting(1), {.train_size = size}).train);
  };
  const std::vector<int> big = train(20), small = train(8);
  BOOST_TEST(std::vector<int>(big.begin(), big.begin() + 8) == small, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(everything_is_used_when_nothing_is_asked) {
  const DatasetPtr train = counting(50), test = counting(20);
  const Splits parts = split(train, test, {});
  BOOST_TEST(parts.train == train);
  BOOST_TEST(parts.valid == nullptr);
  BOOST_TEST(parts.test == test);
  BOOST_TEST(split(train, test, {.valid_size = 20}).train->size() == 30);
}

BOOST_AUTO_TEST_CASE(more_than_there_is_is_refused) {
  const DatasetPtr train = counting(50), test = counting(20);
  BOOST_CHECK_EXCEPTION(split(train, test, {.train_size = 45, .valid_size = 6}), std::invalid_argument,
                        (Says{{"45 training", "6 validation", "50"}}));
  BOOST_CHECK_THROW(split(train, test, {.valid_size = 50}), std::invalid_argument);
  BOOST_CHECK_THROW(split(train, test, {.train_size = 50, .valid_size = INT64_MAX}), std::invalid_argument);
  BOOST_CHECK_EXCEPTION(split(train, test, {.test_size = 21}), std::invalid_argument, (Says{{"21 test", "20"}}));
}

BOOST_AUTO_TEST_CASE(validation_part_of_its_own_leaves_training_whole) {
  const DatasetPtr train = counting(50), valid = counting(30), test = counting(20);
  const Splits all = split(train, test, {}, valid);
  BOOST_TEST(all.train == train);
  BOOST_TEST(all.valid == valid);
  const Splits some = split(train, test, {.train_size = 40, .valid_size = 10}, valid);
  BOOST_TEST(some.train->size() == 40);
  BOOST_TEST(some.valid->size() == 10);
  const std::vector<int> big = content(split(train, test, {.valid_size = 20}, valid).valid),
                         small = content(some.valid);
  BOOST_TEST(std::vector<int>(big.begin(), big.begin() + 10) == small, boost::test_tools::per_element());
  BOOST_TEST(split(train, test, {.train_size = 50, .valid_size = 30}, valid).train == train);
  BOOST_CHECK_EXCEPTION(split(train, test, {.valid_size = 31}, valid), std::invalid_argument,
                        (Says{{"31 validation", "30 are there"}}));
}

BOOST_AUTO_TEST_CASE(subset_checks_indices_and_has_a_digest_of_its_own) {
  const DatasetPtr base = counting(3);
  BOOST_CHECK_EXCEPTION(make_subset(base, {0, 3}), std::out_of_range, (Says{{"image 3 of 3"}}));
  const std::string digest = make_subset(base, {0, 1})->digest();
  BOOST_TEST(digest != base->digest());
  BOOST_TEST(digest != make_subset(base, {1, 0})->digest());
}

BOOST_AUTO_TEST_SUITE_END()
