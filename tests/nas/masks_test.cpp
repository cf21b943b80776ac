// Pruned weights stay exactly zero, whatever the optimiser.
#include "nas/compression/prior/masks.h"

#include <cmath>

#include "autograd/optim/adam.h"
#include "autograd/optim/sgd.h"
#include "engine/random.h"
#include "nas/compression/groups/patterns.h"
#include "tests/support.h"

using namespace ockham;
using namespace ockham::nas;

namespace {

void shake(Tensor& t, std::uint64_t step) {
  fill_normal(t, {.seed = 4, .purpose = Purpose::kTest, .step = step});
}

struct Weights {
  Parameter first{.name = "fc1.weight", .value = Tensor({4, 6})};
  Parameter second{.name = "fc2.weight", .value = Tensor({3, 4})};
  std::vector<Parameter*> all{&first, &second};

  Weights() {
    shake(first.value, 1);
    shake(second.value, 2);
  }
  void draw_gradients(std::uint64_t step) {
    for (std::size_t p = 0; p < all.size(); ++p) {
      all[p]->grad = Tensor(all[p]->value.shape());
      shake(all[p]->grad, 100 * step + p);
    }
  }
};

WeightGroup row_of_first(std::int64_t row) {
  return {.name = "fc1.weight[2]", .runs = {slice_run(0, {4, 6}, 0, row)}};
}

/// Entries of row 2 of the first weight are all zero, and no others are.
bool only_row_two_is_zero(const Tensor& t) {
  for (std::int64_t i = 0; i < t.numel(); ++i) {
    if ((t.data<float>()[i] == 0.0f) != (i / 6 == 2))
      return false;
  }
  return true;
}

/// Steps before and after a row is pruned.
template <class AnyOptimizer>
void prune_between_steps(AnyOptimizer& optimizer, Weights& weights) {
  Masks masks(weights.all);
  for (std::uint64_t step = 0; step < 12; ++step) {
    if (step == 4) {
      masks.prune(row_of_first(2));
      masks.apply(optimizer);
    }
    weights.draw_gradients(step);
    masks.mask_gradients();
    optimizer.step(0.1);
    BOOST_TEST(only_row_two_is_zero(weights.first.value) == (step >= 4));
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(masks)

BOOST_AUTO_TEST_CASE(pruned_weights_stay_zero_under_sgd_with_momentum_and_weight_decay) {
  for (bool nesterov : {false, true}) {
    Weights weights;
    Sgd sgd(weights.all, {.momentum = 0.9, .weight_decay = 0.01, .nesterov = nesterov});
    prune_between_steps(sgd, weights);
    BOOST_TEST(only_row_two_is_zero(sgd.momentum_of(weights.first)));
  }
}

BOOST_AUTO_TEST_CASE(pruned_weights_stay_zero_under_adam) {
  Weights weights;
  Adam adam(weights.all, {.weight_decay = 0.01});
  prune_between_steps(adam, weights);
  const auto state = adam.state();
  for (const auto& [name, tensor] : state)
    BOOST_TEST((name.ends_with("fc1.weight") ? only_row_two_is_zero(tensor) : true), name);
}

BOOST_AUTO_TEST_CASE(momentum_alone_would_move_a_pruned_weight) {
  Weights weights;
  Sgd sgd(weights.all, {.momentum = 0.9});
  Masks masks(weights.all);
  weights.draw_gradients(0);
  sgd.step(0.1);
  masks.prune(row_of_first(2));
  masks.apply();
  weights.draw_gradients(1);
  masks.mask_gradients();
  sgd.step(0.1);
  BOOST_TEST(weights.first.value.data<float>()[12] != 0.0f);
}

BOOST_AUTO_TEST_CASE(what_is_kept_moves_as_without_masks) {
  Weights masked, plain;
  Sgd masked_sgd(masked.all, {.momentum = 0.9}), plain_sgd(plain.all, {.momentum = 0.9});
  Masks masks(masked.all);
  masks.prune(row_of_first(2));
  masks.apply(masked_sgd);
  for (std::uint64_t step = 0; step < 3; ++step) {
    masked.draw_gradients(step);
    plain.draw_gradients(step);
    masks.mask_gradients();
    masked_sgd.step(0.1);
    plain_sgd.step(0.1);
  }
  for (std::int64_t i = 0; i < 24; ++i) {
    if (i / 6 != 2)
      BOOST_TEST(masked.first.value.data<float>()[i] == plain.first.value.data<float>()[i]);
  }
  BOOST_TEST(masked.second.value.span<float>() == plain.second.value.span<float>(), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(masks_count_what_is_kept_and_take_all_marked_groups_of_a_family) {
  Weights weights;
  Masks masks(weights.all);
  BOOST_TEST(masks.kept_entries() == 36);
  const GroupFamily columns = family_of(Pattern::kColumn, weights.all);
  std::vector<bool> marked(columns.size());
  marked[1] = marked[7] = true;  // fc1.weight[1] and fc2.weight[1]
  masks.prune(columns, marked);
  BOOST_TEST(masks.kept_entries(0) == 20);
  BOOST_TEST(masks.kept_entries(1) == 9);
  BOOST_TEST(!masks.is_kept(0, 13));
  BOOST_TEST(masks.is_kept(0, 14));
  masks.prune(row_of_first(2));
  BOOST_TEST(masks.kept_entries(0) == 15);
}

BOOST_AUTO_TEST_CASE(values_without_what_is_pruned_are_told_before_masks_are_applied) {
  Weights weights;
  Masks masks(weights.all);
  masks.prune(row_of_first(2));
  BOOST_TEST(only_row_two_is_zero(masks.value_of(0)));
  BOOST_TEST(!only_row_two_is_zero(weights.first.value));
  BOOST_TEST(masks.value_of(1).data<float>() == weights.second.value.data<float>());  // nothing to copy
}

BOOST_AUTO_TEST_CASE(masks_come_back_from_a_checkpoint) {
  Weights weights;
  Masks masks(weights.all), again(weights.all);
  masks.prune(row_of_first(2));
  again.prune(row_of_first(0));
  again.load(masks.state());
  BOOST_TEST(masks.state().size() == 1u);
  for (std::size_t i = 0; i < 24; ++i)
    BOOST_TEST(again.is_kept(0, i) == (i / 6 != 2));
  again.apply();
  BOOST_TEST(only_row_two_is_zero(weights.first.value));
}

BOOST_AUTO_TEST_CASE(masks_of_another_network_and_damaged_ones_are_refused) {
  Weights weights;
  Masks masks(weights.all);
  const auto mask = [](const Shape& shape, double value) { return Tensor::full(shape, value, DType::kUInt8); };
  BOOST_CHECK_EXCEPTION(masks.load({{"mask.fc9.weight", mask({4, 6}, 1)}}), CheckpointError,
                        (test::Says{{"mask.fc9.weight", "another network"}}));
  BOOST_CHECK_EXCEPTION(masks.load({{"mask.fc1.weight", mask({6, 4}, 1)}}), CheckpointError,
                        (test::Says{{"[6,4]", "another network"}}));
  BOOST_CHECK_EXCEPTION(masks.load({{"mask.fc1.weight", mask({4, 6}, 2)}}), CheckpointError, (test::Says{{"damaged"}}));
  BOOST_CHECK_THROW(masks.prune(WeightGroup{.name = "stranger", .runs = {slice_run(1, {9, 9}, 0, 8)}}), ShapeError);
  BOOST_TEST(masks.kept_entries() == 36);
}

BOOST_AUTO_TEST_SUITE_END()
