#include "nas/methods/pgnas/pgnas.h"

#include <cmath>
#include <numeric>

#include "nas/spaces/hybrid/hybrid_network.h"
#include "ops/add/add.h"
#include "ops/linear/linear.h"
#include "tests/nas/networks.h"
#include "tests/support.h"

using namespace ockham;
using namespace ockham::nas;
using test::has_equal_bits;
using test::noise;

namespace {

constexpr HybridSpec kSmall{.stem = 2, .width = 2, .blocks_per_stage = 1, .classes = 3, .gates = {.drop = 0.3}};
constexpr DropoutPrior kStrong{.precision = 2.0, .examples = 10.0};  // its share of the gradient is no rounding error

struct Small {
  explicit Small(DType dtype = DType::kFloat64)
      : initial{.seed = 2, .dtype = dtype},
        network(kSmall, initial),
        batch(test::noise_batch(6, {.classes = 3, .image_size = 8}, dtype)) {
    test::shake(network);
  }
  Initial initial;
  HybridNetwork network;
  Batch batch;
};

std::vector<double> gates_of(std::span<const GatedGroup> groups) {
  std::vector<double> result;
  for (const GatedGroup& group : groups)
    std::ranges::copy(*group.keep, std::back_inserter(result));
  return result;
}

/// Two gated linear branches: one reads features that tell the class, the other noise.
class Toy : public Module {
 public:
  Toy() {
    for (const char* name : {"useful", "useless"}) {
      const Initial initial{.dtype = DType::kFloat64};
      ChannelGate& gate =
          add(name, std::make_unique<ChannelGate>(kFeatures, GateOptions{.drop = 0.3}, gates_.size(), initial));
      gates_.push_back(&gate);
      weights_.push_back(
          &add_parameter(concat(name, ".weight"), noise({2, kFeatures}, DType::kFloat64, gates_.size())));
      groups_.push_back(gate.group(*weights_.back()));
    }
  }
  /// x: [N, 2 kFeatures].
  Variable forward(const Context& context, const Variable& x) {
    std::vector<Variable> terms;
    for (std::size_t b = 0; b < gates_.size(); ++b) {
      const auto begin = static_cast<std::int64_t>(b) * kFeatures;
      const Variable part = x.value().slice(1, begin, begin + kFeatures).contiguous();
      terms.push_back(linear(gates_[b]->forward(context, part), context.use(*weights_[b])));
    }
    return ockham::add(terms);
  }
  const std::vector<GatedGroup>& groups() const { return groups_; }

  /// Class n % 2, of which each useful feature has the sign, in noise.
  static Batch batch(std::uint64_t stream) {
    constexpr std::int64_t N = 64;
    Batch result{noise({N, 2 * kFeatures}, DType::kFloat64, stream), Tensor({N}, DType::kInt64)};
    for (std::int64_t n = 0; n < N; ++n) {
      result.labels.data<std::int64_t>()[n] = n % 2;
      for (std::int64_t c = 0; c < kFeatures; ++c)
        result.images.data<double>()[n * 2 * kFeatures + c] += n % 2 == 0 ? -1.0 : 1.0;
    }
    return result;
  }

  static constexpr std::int64_t kFeatures = 4;

 private:
  std::vector<ChannelGate*> gates_;
  std::vector<Parameter*> weights_;
  std::vector<GatedGroup> groups_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(pgnas)

BOOST_AUTO_TEST_CASE(gradient_of_the_objective_is_that_of_central_differences_at_the_same_noise) {
  for (const std::int64_t micro_batch : {0, 4}) {
    Small small;
    Pgnas search(gated(small.network), {.prior = kStrong, .micro_batch = micro_batch, .seed = 3});
    const auto objective = [&] { return search.differentiate(small.batch, 5).mean_loss() + search.divergence(); };
    objective();
    std::vector<Parameter*> parameters = small.network.parameters(ParameterKind::kWeight);
    std::ranges::copy(small.network.parameters(ParameterKind::kSwitch), std::back_inserter(parameters));
    std::vector<Tensor> grads;
    for (const Parameter* parameter : parameters)
      grads.push_back(parameter->grad);
    constexpr double kStep = 1e-6;
    for (std::size_t p = 0; p < parameters.size(); ++p) {
      Tensor& value = parameters[p]->value;
      for (std::int64_t i = 0; i < value.numel(); i += 1 + value.numel() / 3) {
        const double was = test::read(value, i);
        const auto moved = [&](double by) {
          test::write(value, i, was + by);
          return objective();
        };
        const double difference = (moved(kStep) - moved(-kStep)) / (2.0 * kStep);
        test::write(value, i, was);
        BOOST_TEST(std::abs(test::read(grads[p], i) - difference) <= 1e-7, parameters[p]->name << ' ' << i);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(float32_follows_float64) {
  std::array<double, 2> losses{}, probabilities{};
  for (std::size_t i = 0; i < 2; ++i) {
    Small small(i == 0 ? DType::kFloat32 : DType::kFloat64);
    Pgnas search(gated(small.network), {.prior = kStrong});
    for (std::uint64_t step = 0; step < 3; ++step)
      losses[i] = search.step(small.batch, 0.05, step).mean_loss();
    probabilities[i] = small.network.groups()[0].drop_probability();
    put_candidate(small.network.groups(), {}, 1);
    losses[i] += evaluate_candidate(gated(small.network), std::vector<Batch>{small.batch}).mean_loss();
  }
  BOOST_TEST(std::abs(losses[0] - losses[1]) <= 1e-4);
  BOOST_TEST(std::abs(probabilities[0] - probabilities[1]) <= 1e-5);
}

BOOST_AUTO_TEST_CASE(a_candidate_is_drawn_again_from_its_number) {
  Small small;
  const std::vector<GatedGroup>& groups = small.network.groups();
  const Drawing drawing{.seed = 9};
  put_candidate(groups, drawing, 7);
  const std::vector<double> gates = gates_of(groups);
  const Tensor logits = small.network.forward({}, small.batch.images).value();
  put_candidate(groups, drawing, 8);
  BOOST_TEST(gates_of(groups) != gates);
  put_candidate(groups, {.seed = 10}, 7);
  BOOST_TEST(gates_of(groups) != gates);
  put_candidate(groups, drawing, 7);
  BOOST_TEST(gates_of(groups) == gates);
  BOOST_TEST(has_equal_bits(small.network.forward({}, small.batch.images).value(), logits));
}

BOOST_AUTO_TEST_CASE(gates_drop_as_often_as_their_group_or_the_fixed_rate_says) {
  Small small;
  const std::vector<GatedGroup>& groups = small.network.groups();
  test::write(groups[1].logit->value, 0, drop_logit(0.8));
  for (const bool is_guided : {true, false}) {
    constexpr int kDraws = 2000;
    double dropped = 0.0;
    for (std::uint64_t number = 0; number < kDraws; ++number) {
      put_candidate(groups, {.drop_rate = is_guided ? std::nullopt : std::optional(0.25)}, number);
      dropped += 1.0 - (*groups[1].keep)[0];
    }
    BOOST_TEST(std::abs(dropped / kDraws - (is_guided ? 0.8 : 0.25)) <= 0.04);  // four standard errors
  }
}

BOOST_AUTO_TEST_CASE(ranking_is_the_order_of_the_scores) {
  Small small;
  const GatedNetwork network = gated(small.network);
  std::vector<Batch> batches{small.batch, test::noise_batch(5, {.classes = 3, .image_size = 8}, DType::kFloat64, 1)};
  constexpr std::uint64_t kCount = 12;
  std::vector<Score> scores;
  for (std::uint64_t number = 0; number < kCount; ++number) {
    put_candidate(network.groups, {.seed = 4}, number);
    scores.push_back(evaluate_candidate(network, batches));
  }
  for (const Criterion criterion : {Criterion::kAccuracy, Criterion::kLoss}) {
    std::vector<std::uint64_t> order(kCount);
    std::iota(order.begin(), order.end(), 0u);
    std::ranges::stable_sort(order, [&](std::uint64_t a, std::uint64_t b) {
      if (criterion == Criterion::kAccuracy && scores[a].top1 != scores[b].top1)
        return scores[a].top1 > scores[b].top1;
      return scores[a].loss < scores[b].loss;
    });
    const std::vector<Ranked> ranking =
        rank_candidates(network, batches, kCount, Drawing{.seed = 4}, {.criterion = criterion});
    for (std::size_t i = 0; i < kCount; ++i) {
      BOOST_TEST(ranking[i].number == order[i]);
      BOOST_TEST(ranking[i].score.loss == scores[order[i]].loss);
      BOOST_TEST(ranking[i].score.count == 11);
    }
  }
  BOOST_TEST(std::ranges::count(gates_of(network.groups), 0.0) == 0);
}

BOOST_AUTO_TEST_CASE(candidates_without_a_finite_loss_rank_last) {
  Toy toy;
  const std::vector<Batch> batches{Toy::batch(1)};
  const auto put = [&](std::uint64_t number) {
    test::write(toy.groups()[0].kernels[0]->value, 0, number == 1 ? std::nan("") : 0.5);
  };
  BOOST_TEST(rank_candidates(gated(toy), batches, 3, put, {.criterion = Criterion::kLoss}).back().number == 1u);
}

BOOST_AUTO_TEST_CASE(guided_candidates_keep_a_useful_branch_and_beat_random_ones) {
  Toy toy;
  Pgnas search(gated(toy), {.prior = {.precision = 5.0, .examples = 200.0}});
  for (std::uint64_t step = 0; step < 300; ++step)
    search.step(Toy::batch(100 + step), 0.1, step);
  const double useful = toy.groups()[0].drop_probability(), useless = toy.groups()[1].drop_probability();
  BOOST_TEST_MESSAGE("p of the useful branch " << useful << ", of the useless one " << useless);
  BOOST_TEST(useful <= 0.5 * useless);
  const std::vector<Batch> held_out{Toy::batch(1)};
  const auto mean_loss = [&](const Drawing& drawing) {
    double total = 0.0;
    for (const Ranked& ranked : rank_candidates(gated(toy), held_out, 100, drawing))
      total += ranked.score.mean_loss() / 100.0;
    return total;
  };
  const double guided = mean_loss({}), random = mean_loss({.drop_rate = 0.5 * (useful + useless)});
  BOOST_TEST_MESSAGE("mean loss of guided candidates " << guided << ", of random ones " << random);
  BOOST_TEST(guided <= 0.8 * random);
}

BOOST_AUTO_TEST_CASE(the_baseline_leaves_its_drop_rate_and_decays_weights) {
  Toy toy;
  Pgnas search(gated(toy), {.sgd = {.momentum = 0.0, .weight_decay = 0.5}, .learns = false});
  const std::vector<Tensor> before = test::values_of(toy.state());
  const double was = test::read(toy.groups()[1].kernels[0]->value, 0);
  search.step(Toy::batch(1), 0.1, 0);
  BOOST_TEST(std::abs(toy.groups()[0].drop_probability() - 0.3) <= 1e-15);
  const Tensor& grad = toy.groups()[1].kernels[0]->grad;
  BOOST_TEST(std::abs(test::read(toy.groups()[1].kernels[0]->value, 0) -
                      (was - 0.1 * (test::read(grad, 0) + 0.5 * was))) <= 1e-14);
  BOOST_TEST(search.divergence() == 0.0);
}

BOOST_AUTO_TEST_CASE(logits_step_at_their_own_rate) {
  Small one, two;
  Pgnas plain(gated(one.network), {.prior = kStrong}),
      faster(gated(two.network), {.prior = kStrong, .logit_rate = 3.0});
  const std::vector<Tensor> before = test::values_of(one.network.state());
  plain.step(one.batch, 0.1, 0);
  faster.step(two.batch, 0.1, 0);
  const std::vector<Parameter*> a = one.network.state(), b = two.network.state();
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i]->kind == ParameterKind::kSwitch) {
      const double start = test::read(before[i], 0);
      BOOST_TEST(std::abs(test::read(b[i]->value, 0) - start - 3.0 * (test::read(a[i]->value, 0) - start)) <= 1e-14);
    } else {
      BOOST_TEST(has_equal_bits(a[i]->value, b[i]->value));
    }
  }
}

BOOST_AUTO_TEST_CASE(goes_on_from_saved_state_with_the_same_bits) {
  Small straight, resumed;
  const PgnasOptions options{.prior = kStrong, .clip = 1.0, .seed = 3};
  Pgnas search(gated(straight.network), options), first(gated(resumed.network), options),
      second(gated(resumed.network), options);
  search.step(straight.batch, 0.1, 0);
  search.step(straight.batch, 0.1, 1);
  first.step(resumed.batch, 0.1, 0);
  second.load(first.state());
  second.step(resumed.batch, 0.1, 1);
  const std::vector<Parameter*> a = straight.network.state(), b = resumed.network.state();
  for (std::size_t i = 0; i < a.size(); ++i)
    BOOST_TEST(has_equal_bits(a[i]->value, b[i]->value), a[i]->name);
}

BOOST_AUTO_TEST_CASE(weight_decay_beside_the_divergence_is_refused) {
  Toy toy;
  BOOST_CHECK_EXCEPTION(Pgnas(gated(toy), {.sgd = {.weight_decay = 1e-4}}), UsageError,
                        (test::Says{{"weight decay of 0.0001", "leave it at 0"}}));
}

BOOST_AUTO_TEST_SUITE_END()
