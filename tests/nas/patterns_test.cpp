#include "nas/compression/groups/patterns.h"

#include <array>
#include <cmath>
#include <set>

#include "engine/random.h"
#include "nas/compression/groups/group_loops.h"
#include "tests/support.h"

using namespace ockham;
using namespace ockham::nas;
using test::Says;

namespace {

constexpr std::array kAll{Pattern::kElement, Pattern::kRow,       Pattern::kColumn,
                          Pattern::kFilter,  Pattern::kChannel,   Pattern::kShape,
                          Pattern::kKernel,  Pattern::kKernelRow, Pattern::kKernelColumn};

/// Which group each entry of a tensor is in.
std::vector<std::size_t> groups_of_entries(const GroupFamily& family, const Shape& shape) {
  std::vector<std::size_t> result(static_cast<std::size_t>(shape.numel()), family.size());
  for_each_member(family, [&](std::size_t, std::size_t i, std::size_t g) { result[i] = g; });
  return result;
}

/// Groups of entries as pattern `p` has them by its definition: the indices that all entries of a group share.
std::vector<std::int64_t> shared_indices(Pattern p, std::span<const std::int64_t> at) {
  switch (p) {
    case Pattern::kElement:
      return {at.begin(), at.end()};
    case Pattern::kRow:
    case Pattern::kFilter:
      return {at[0]};
    case Pattern::kColumn:
    case Pattern::kChannel:
      return {at[1]};
    case Pattern::kShape:
      return {at[1], at[2], at[3]};
    case Pattern::kKernel:
      return {at[0], at[1]};
    case Pattern::kKernelRow:
      return {at[1], at[2]};
    case Pattern::kKernelColumn:
      return {at[1], at[3]};
  }
  return {};
}

std::vector<std::int64_t> indices_of(std::int64_t entry, const Shape& shape) {
  std::vector<std::int64_t> at(static_cast<std::size_t>(shape.rank()));
  for (int dim = shape.rank() - 1; dim >= 0; --dim) {
    at[static_cast<std::size_t>(dim)] = entry % shape[dim];
    entry /= shape[dim];
  }
  return at;
}

struct Weights {
  Parameter linear{.name = "fc.weight", .value = Tensor({5, 7}, DType::kFloat32)};
  Parameter bias{.name = "fc.bias", .value = Tensor({5}, DType::kFloat32)};
  Parameter conv{.name = "conv.weight", .value = Tensor({4, 3, 2, 5}, DType::kFloat32)};
  std::vector<Parameter*> all{&linear, &bias, &conv};
};

}  // namespace

BOOST_AUTO_TEST_SUITE(patterns)

BOOST_AUTO_TEST_CASE(entries_are_in_one_group_where_they_share_the_indices_of_the_pattern) {
  for (const Shape& shape : {Shape{5, 7}, Shape{4, 3, 2, 5}, Shape{4, 3, 1, 1}}) {
    for (Pattern pattern : kAll) {
      if (!fits(pattern, shape))
        continue;
      const GroupFamily family("one tensor", series_of(pattern, 0, "w", shape));
      family.require_disjoint(std::vector<std::int64_t>{shape.numel()});
      const std::vector<std::size_t> groups = groups_of_entries(family, shape);
      std::map<std::vector<std::int64_t>, std::size_t> by_indices;
      std::set<std::size_t> seen;
      for (std::size_t i = 0; i < groups.size(); ++i) {
        const auto key = shared_indices(pattern, indices_of(static_cast<std::int64_t>(i), shape));
        BOOST_TEST(by_indices.try_emplace(key, groups[i]).first->second == groups[i], name_of(pattern));
        seen.insert(groups[i]);
      }
      BOOST_TEST(seen.size() == by_indices.size());
      BOOST_TEST(seen.size() == family.size());
      BOOST_TEST(*seen.rbegin() < family.size());
    }
  }
}

BOOST_AUTO_TEST_CASE(a_group_told_by_itself_has_the_entries_of_the_family_and_a_name) {
  Weights weights;
  const GroupFamily columns = family_of(Pattern::kKernelColumn, weights.all);
  std::vector<std::size_t> groups = groups_of_entries(columns, weights.conv.value.shape());
  for (std::size_t g = 0; g < columns.size(); ++g) {
    const WeightGroup group = columns.group(g);
    BOOST_TEST(count_entries(group) == columns.entries_of(g));
    for_each_entry(group, [&](std::size_t parameter, std::int64_t entry) {
      BOOST_TEST(parameter == 2u);
      BOOST_TEST(groups[static_cast<std::size_t>(entry)] == g);
    });
  }
  BOOST_TEST(columns.group_name(6) == "conv.weight[:,1][1]");
  BOOST_TEST(family_of(Pattern::kRow, weights.all).group_name(3) == "fc.weight[3]");
}

BOOST_AUTO_TEST_CASE(a_pattern_takes_the_weights_that_it_fits_and_no_biases) {
  Weights weights;
  BOOST_TEST(family_of(Pattern::kRow, weights.all).size() == 5u);
  BOOST_TEST(family_of(Pattern::kFilter, weights.all).size() == 4u);
  BOOST_TEST(family_of(Pattern::kElement, weights.all).size() == 5u * 7u + 4u * 3u * 2u * 5u);
  BOOST_TEST(family_of(Pattern::kElement, weights.all).series().size() == 2u);
}

BOOST_AUTO_TEST_CASE(a_pattern_that_does_not_fit_is_refused_by_name) {
  Weights weights;
  BOOST_CHECK_EXCEPTION(series_of(Pattern::kFilter, 0, "fc.weight", {5, 7}), ShapeError,
                        (Says{{"'filter'", "fc.weight", "[5,7]", "convolution weights"}}));
  BOOST_CHECK_EXCEPTION(series_of(Pattern::kRow, 0, "conv.weight", {4, 3, 2, 5}), ShapeError,
                        (Says{{"'row'", "conv.weight", "linear weights"}}));
  const std::vector<Parameter*> linear{&weights.linear, &weights.bias};
  BOOST_CHECK_EXCEPTION(family_of(Pattern::kKernel, linear), UsageError, (Says{{"'kernel'", "has none", "row"}}));
}

BOOST_AUTO_TEST_CASE(patterns_are_read_by_their_names) {
  for (Pattern pattern : kAll)
    BOOST_TEST((parse_patterns(name_of(pattern)) == std::vector{pattern}));
  BOOST_TEST((parse_patterns("filter,row") == std::vector{Pattern::kFilter, Pattern::kRow}));
  BOOST_CHECK_EXCEPTION(parse_patterns("filter,rows"), UsageError, (Says{{"'rows'", "kernel-column"}}));
  BOOST_CHECK_EXCEPTION(parse_patterns("row,row"), UsageError, (Says{{"'row'", "twice"}}));
  BOOST_CHECK_THROW(parse_patterns(""), UsageError);
}

BOOST_AUTO_TEST_CASE(a_family_refuses_a_weight_in_two_groups) {
  const std::vector<WeightGroup> overlapping{{.name = "first", .runs = {slice_run(0, {5, 7}, 0, 1)}},
                                             {.name = "second", .runs = {slice_run(0, {5, 7}, 1, 2)}}};
  BOOST_CHECK_EXCEPTION(GroupFamily("tied", overlapping).require_disjoint(std::vector<std::int64_t>{35}), ShapeError,
                        (Says{{"second", "tied", "families of their own"}}));
}

BOOST_AUTO_TEST_CASE(norms_of_groups_are_those_of_their_entries_in_float32_and_float64) {
  Weights weights;
  for (DType dtype : {DType::kFloat32, DType::kFloat64}) {
    for (Parameter* parameter : weights.all) {
      parameter->value = Tensor(parameter->value.shape(), dtype);
      fill_normal(parameter->value, {.seed = 3, .purpose = Purpose::kTest, .step = 1});
    }
    const std::vector<Tensor> values = doubles_of(weights.all);
    for (Pattern pattern : kAll) {
      const GroupFamily family = family_of(pattern, weights.all);
      std::vector<double> squares(family.size());
      for (std::size_t g = 0; g < family.size(); ++g) {
        for_each_entry(family.group(g), [&](std::size_t p, std::int64_t i) {
          squares[g] += std::as_const(values[p]).data<double>()[i] * values[p].data<double>()[i];
        });
        squares[g] = std::sqrt(squares[g]);
      }
      // Both add up in double, in other orders.
      BOOST_TEST(group_norms(family, weights.all) == squares, boost::test_tools::tolerance(1e-14)
                                                                  << boost::test_tools::per_element());
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
