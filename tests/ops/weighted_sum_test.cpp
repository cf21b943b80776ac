#include "ops/weighted_sum/weighted_sum.h"

#include "engine/parallel.h"
#include "engine/random.h"
#include "ops/add/add.h"
#include "ops/scale/scale.h"
#include "tests/engine/files.h"
#include "tests/support.h"

namespace ockham {
namespace {

using test::is_same;

Tensor random_tensor(const Shape& shape, std::uint64_t step, DType dtype = DType::kFloat64) {
  Tensor x(shape, dtype);
  fill_normal(x, {.seed = 31, .purpose = Purpose::kTest, .step = step});
  return x;
}

std::vector<Variable> random_branches(std::size_t count, const Shape& shape, DType dtype = DType::kFloat64) {
  std::vector<Variable> branches;
  for (std::size_t k = 0; k < count; ++k)
    branches.emplace_back(random_tensor(shape, k + 1, dtype));
  return branches;
}

BOOST_AUTO_TEST_SUITE(weighted_sum)

BOOST_AUTO_TEST_CASE(it_equals_the_sum_of_scaled_branches_to_the_last_bit) {
  const Shape shape{3, 4, 5, 7};
  const std::vector<Variable> branches = random_branches(3, shape, DType::kFloat32);
  const Variable y = ockham::weighted_sum(Tensor::from({0.3f, -1.7f, 0.0f}, {3}), branches);
  const Variable expected =
      add({scale(branches[0], Variable(Tensor::scalar(0.3))), scale(branches[1], Variable(Tensor::scalar(-1.7))),
           scale(branches[2], Variable(Tensor::scalar(0.0)))});
  BOOST_TEST(is_same(y.value(), expected.value()));
}

BOOST_AUTO_TEST_CASE(weights_of_one_give_the_plain_sum) {
  const std::vector<Variable> branches = random_branches(4, {2, 3, 5});
  const Variable y = ockham::weighted_sum(Tensor::full({4}, 1.0, DType::kFloat64), branches);
  BOOST_TEST(is_same(y.value(), add(branches).value()));
}

BOOST_AUTO_TEST_CASE(an_index_picks_entries_of_a_longer_alpha) {
  const std::vector<Variable> branches = random_branches(2, {2, 3});
  const Tensor alpha = Tensor::from({9.0, 2.0, 9.0, 5.0}, {4});
  const Variable picked = ockham::weighted_sum(alpha, branches, {3, 1});
  const Variable direct = ockham::weighted_sum(Tensor::from({5.0, 2.0}, {2}), branches);
  BOOST_TEST(is_same(picked.value(), direct.value()));
}

BOOST_AUTO_TEST_CASE(results_have_the_same_bits_at_any_number_of_threads) {
  const int before = thread_count();
  const std::vector<Variable> branches = random_branches(5, {4, 3, 40, 50}, DType::kFloat32);
  const Tensor alpha = random_tensor({5}, 9, DType::kFloat32);
  set_thread_count(1);
  const Tensor alone = ockham::weighted_sum(alpha, branches).value();
  set_thread_count(4);
  BOOST_TEST(is_same(ockham::weighted_sum(alpha, branches).value(), alone));
  set_thread_count(before);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ockham
