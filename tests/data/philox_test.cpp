#include "data/philox.h"

#include <array>
#include <set>

#include "tests/support.h"

using namespace ockham::data;

BOOST_AUTO_TEST_SUITE(philox)

// The three vectors for philox4x32-10 of Random123's kat_vectors.
BOOST_AUTO_TEST_CASE(known_answers_are_met) {
  const auto is = [](PhiloxCounter counter, PhiloxKey key, PhiloxCounter expected) {
    const PhiloxCounter found = ockham::data::philox(counter, key);
    BOOST_TEST(found == expected, boost::test_tools::per_element());
  };
  is({0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  is({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  is({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0},
     {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

BOOST_AUTO_TEST_CASE(each_part_of_the_address_gives_other_numbers) {
  std::set<std::uint32_t> first_words;
  for (std::uint64_t seed : {std::uint64_t{1}, std::uint64_t{1} << 32}) {
    for (Purpose purpose : {Purpose::kSplit, Purpose::kAugment}) {
      for (std::uint32_t step : {0u, 1u}) {
        for (std::uint32_t index : {0u, 1u})
          first_words.insert(Stream(seed, purpose, step, index).next());
      }
    }
  }
  BOOST_TEST(first_words.size() == 16u);
}

BOOST_AUTO_TEST_CASE(below_reaches_every_value_about_equally_often) {
  Stream random(3, Purpose::kSplit, 0, 0);
  std::array<int, 7> counts{};
  for (int i = 0; i < 7000; ++i)
    ++counts.at(random.below(7));
  for (int count : counts)
    BOOST_TEST(std::abs(count - 1000) < 150);  // five standard deviations of a fair draw
}

BOOST_AUTO_TEST_CASE(between_includes_both_ends) {
  Stream random(3, Purpose::kSplit, 0, 0);
  std::set<int> seen;
  for (int i = 0; i < 200; ++i)
    seen.insert(random.between(-2, 2));
  BOOST_TEST((seen == std::set<int>{-2, -1, 0, 1, 2}));
}

BOOST_AUTO_TEST_SUITE_END()
