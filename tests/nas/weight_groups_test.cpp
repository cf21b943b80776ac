#include "nas/compression/groups/weight_groups.h"

#include <numeric>

#include "tests/support.h"

using namespace ockham;
using namespace ockham::nas;

namespace {

std::vector<std::int64_t> entries_of(const WeightRun& run) {
  std::vector<std::int64_t> entries;
  for_each_entry({.name = "one run", .runs = {run}},
                 [&](std::size_t, std::int64_t entry) { entries.push_back(entry); });
  return entries;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(weight_groups)

BOOST_AUTO_TEST_CASE(a_slice_holds_the_entries_that_the_tensor_has_there) {
  const Shape shape{3, 4, 2, 5};
  std::vector<std::int64_t> indices(static_cast<std::size_t>(shape.numel()));
  std::iota(indices.begin(), indices.end(), 0);
  const Tensor tensor = Tensor::from(indices, shape);
  for (int axis = 0; axis < shape.rank(); ++axis) {
    for (std::int64_t length : {1, 2}) {
      const Tensor there = tensor.slice(axis, shape[axis] - length, shape[axis]).contiguous();
      const std::vector<std::int64_t> entries = entries_of(slice_run(7, shape, axis, shape[axis] - length, length));
      BOOST_TEST(entries == there.span<std::int64_t>(), boost::test_tools::per_element());
    }
  }
}

BOOST_AUTO_TEST_CASE(slices_of_an_axis_share_no_entry_and_miss_none) {
  const Shape shape{4, 3, 2};
  std::vector<int> times(static_cast<std::size_t>(shape.numel()));
  for (std::int64_t i = 0; i < 3; ++i) {
    for (std::int64_t entry : entries_of(slice_run(0, shape, 1, i)))
      ++times[static_cast<std::size_t>(entry)];
  }
  BOOST_TEST(times == std::vector<int>(times.size(), 1), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_a_shape_does_not_have_is_refused) {
  BOOST_CHECK_THROW(slice_run(0, {3, 4}, 2, 0), ShapeError);
  BOOST_CHECK_THROW(slice_run(0, {3, 4}, 1, 3, 2), ShapeError);
  BOOST_CHECK_THROW(slice_run(0, {3, 4}, 0, -1), ShapeError);
}

BOOST_AUTO_TEST_CASE(groups_of_another_network_are_refused_by_name) {
  const std::vector<WeightGroup> groups{{.name = "fc1.weight[2]", .runs = {slice_run(1, {3, 4}, 0, 2)}}};
  require_inside(groups, std::vector<std::int64_t>{5, 12});
  BOOST_CHECK_EXCEPTION(require_inside(groups, std::vector<std::int64_t>{5, 11}), ShapeError,
                        (test::Says{{"fc1.weight[2]"}}));
  BOOST_CHECK_EXCEPTION(require_inside(groups, std::vector<std::int64_t>{5}), ShapeError,
                        (test::Says{{"fc1.weight[2]"}}));
}

BOOST_AUTO_TEST_SUITE_END()
