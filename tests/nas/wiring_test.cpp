// What methods pass on: options to their optimisers, seeds and numbers of steps to their random numbers, batches and
// modes of batch norm to their networks. The space here has networks that note how they are run.
#include <cmath>
#include <set>

#include "autograd/optim/sgd.h"
#include "nas/methods/balenas/balenas_tf.h"
#include "nas/methods/controls/proxy_draws.h"
#include "nas/methods/darts/darts.h"
#include "nas/methods/darts/darts_gradient.h"
#include "nas/methods/pgnas/pgnas_search.h"
#include "nas/methods/trials/trial_search.h"
#include "nas/spaces/mixing.h"
#include "ops/global_avg_pool/global_avg_pool.h"
#include "ops/linear/linear.h"
#include "ops/scale/scale.h"
#include "ops/softmax/softmax.h"
#include "ops/tanh/tanh.h"
#include "ops/weighted_sum/weighted_sum.h"
#include "tests/nas/networks.h"
#include "tests/support.h"

using namespace ockham;
using namespace nas;
using boost::test_tools::tolerance;
using test::read;

namespace {

/// One pass through a network.
struct Call {
  std::vector<double> alpha;  ///< logits of the choice, or its gates
  double weight = 0.0;        ///< the first of the network
  Batch batch;                ///< labels empty
  BatchNormMode batch_norm = BatchNormMode::kRunning;
  bool is_training = false;
  RandomKey key;

  bool saw(const Batch& other) const { return test::has_equal_bits(batch.images, other.images); }
};

/// Means of the channels, twice the means and their tanh mixed by softmax of "alpha"; then "weight" [3, 3].
class Noted : public Module {
 public:
  Noted(std::vector<Call>& calls, Initial& initial)
      : calls_(calls),
        alpha(add_parameter("alpha", Tensor::from({0.3, -0.2, 0.1}, {3}), ParameterKind::kSwitch)),
        weight(add_parameter("weight", initial.uniform_fan_in({3, 3}, 3))) {}
  Variable forward(const Context& context, const Variable& x) {
    const double* a = alpha.value.data<double>();
    calls_.push_back({.alpha = {a, a + 3},
                      .weight = read(weight.value, 0),
                      .batch = {.images = x.value().clone(), .labels = {}},
                      .batch_norm = context.batch_norm,
                      .is_training = context.is_training,
                      .key = context.key});
    const Variable m = global_avg_pool(x);
    const std::vector<Variable> maps{m, scale(m, 2.0), tanh(m)};
    return linear(weighted_sum(softmax(context.use(alpha)), maps), context.use(weight));
  }

 private:
  std::vector<Call>& calls_;

 public:
  Parameter& alpha;
  Parameter& weight;
};

/// A gate behind each of the map, twice and three times it; then as Noted.
class NotedGates : public Module {
 public:
  NotedGates(std::vector<Call>& calls, const GateOptions& options, Initial& initial)
      : calls_(calls),
        weight_(add_parameter("weight", initial.uniform_fan_in({3, 3}, 3))),
        mixer_(add("", std::make_unique<GateMixer>(std::vector<OptionBlock>{{"a", 1, 3}}, false, options, initial))),
        groups_(mixer_.groups([this](std::int64_t) { return std::vector<Parameter*>{&weight_}; })) {}
  Variable forward(const Context& context, const Variable& x) {
    calls_.push_back({.alpha = {},
                      .weight = read(weight_.value, 0),
                      .batch = {.images = x.value().clone(), .labels = {}},
                      .batch_norm = context.batch_norm,
                      .is_training = context.is_training,
                      .key = context.key});
    std::vector<Deferred> maps;
    std::vector<std::int64_t> options;
    for (std::int64_t i = 0; i < 3; ++i) {
      calls_.back().alpha.push_back(groups_[static_cast<std::size_t>(i)].keep->front());
      if (!mixer_.takes(context, i))
        continue;
      maps.push_back({.z = scale(x, static_cast<double>(i + 1))});
      options.push_back(i);
    }
    return linear(global_avg_pool(mixer_.sum(context, maps, options)), context.use(weight_));
  }
  const std::vector<GatedGroup>& groups() const { return groups_; }

 private:
  std::vector<Call>& calls_;
  Parameter& weight_;
  GateMixer& mixer_;
  std::vector<GatedGroup> groups_;
};

/// One choice of x, y and z.
class NotingSpace : public SearchSpace {
 public:
  std::string name() const override { return "noting"; }
  OwnedNetwork make_supernet(Initial& initial) const override {
    auto net = std::make_unique<Noted>(calls, initial);
    Parameter& alpha = net->alpha;
    return owned(std::move(net), {&alpha});
  }
  OwnedNetwork make_network(const std::string&, Initial& initial) const override {
    return owned(std::make_unique<Noted>(calls, initial));
  }
  OwnedGatedNetwork make_gated(const GateOptions& options, Initial& initial) const override {
    auto net = std::make_unique<NotedGates>(calls, options, initial);
    groups = net->groups();
    return owned_gated(std::move(net));
  }
  std::vector<double> indicator(const std::string& cell) const override {
    std::vector<double> result(3, 0.0);
    result.at(static_cast<std::size_t>(cell[0] - 'x')) = 1.0;
    return result;
  }
  std::vector<Choice> choices() const override { return {{"a", {"x", "y", "z"}}}; }
  std::string derive(std::span<const double> numbers) const override {
    if (tells_numbers)
      return concat(numbers[0]);
    return std::string(1, static_cast<char>('x' + (std::ranges::max_element(numbers) - numbers.begin())));
  }
  CellFacts facts(const std::string&) const override { return {}; }

  mutable std::vector<Call> calls;
  mutable std::vector<GatedGroup> groups;  ///< of the last network with gates
  bool tells_numbers = false;              ///< a cell is the first number, so that draws can be seen
};

Batch batch_of(std::uint64_t stream, std::int64_t count = 6) {
  return test::noise_batch(count, {.classes = 3, .image_size = 2}, DType::kFloat64, stream);
}

Score held_out(const std::function<Score(const Batch&)>& score) {
  Score sum = score(batch_of(100));
  sum.add(score(batch_of(101)));
  return sum;
}

TrialSearch random_search(const NotingSpace& space, const TrialSearchOptions& options, HeldOut judge) {
  return TrialSearch(
      space, options, [&space, seed = options.seed] { return random_proposals(space, seed); }, std::move(judge));
}

double norm_of(const std::vector<double>& x) {
  double square = 0.0;
  for (double value : x)
    square += value * value;
  return std::sqrt(square);
}

using State = std::map<std::string, Tensor>;

/// A copy that later steps leave alone.
State state_of(const SearchMethod& method) {
  State copy;
  for (const auto& [name, tensor] : method.state())
    copy.emplace(name, tensor.clone());
  return copy;
}

constexpr SgdOptions kSgd{.momentum = 0.7, .weight_decay = 0.2};
constexpr WeightOptions kWeights{.sgd = kSgd, .clip = 1e-3};
const RelaxedOptions kRelaxed{.weights = kWeights, .architecture_lr = 0.05, .seed = 3, .dtype = DType::kFloat64};

/// Between two states lies one step of SGD at `lr` with the options above, on a gradient that was clipped.
void expect_weight_step(const State& before, const State& after, const std::string& weight, const std::string& momentum,
                        double lr) {
  const Tensor &w = before.at(weight), &v = before.at(momentum), &next = after.at(momentum);
  std::vector<double> gradient;
  for (std::int64_t i = 0; i < w.numel(); ++i) {
    gradient.push_back(read(next, i) - kSgd.momentum * read(v, i) - kSgd.weight_decay * read(w, i));
    BOOST_TEST(read(after.at(weight), i) == read(w, i) - lr * read(next, i), tolerance(1e-12));
  }
  BOOST_TEST(norm_of(gradient) == kWeights.clip, tolerance(1e-5));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(wiring)

BOOST_AUTO_TEST_CASE(weight_steps_of_a_search_clip_decay_and_keep_momentum_as_asked_at_the_rate_of_their_place) {
  const NotingSpace space;
  Darts darts(space, {.relaxed = kRelaxed});
  Balenas balenas(space, {.relaxed = kRelaxed});
  for (SearchMethod* method : std::initializer_list<SearchMethod*>{&darts, &balenas}) {
    for (std::uint64_t step = 0; step < 2; ++step) {
      const State before = state_of(*method);
      const double lr = step == 0 ? 0.3 : 0.1;
      method->step(batch_of(2 * step), batch_of(2 * step + 1), {.number = step, .total = 2, .lr = lr});
      expect_weight_step(before, method->state(), "weight", "optim.weights.momentum.weight", lr);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_search_that_diverges_names_its_step) {
  const NotingSpace space;
  Darts darts(space, {.relaxed = kRelaxed});
  TrialSearch random = random_search(space, {.seed = 3, .dtype = DType::kFloat64}, held_out);
  PgnasSearch pgnas(space, {.dtype = DType::kFloat64}, held_out);
  Batch broken = batch_of(0);
  test::write(broken.images, 0, std::nan(""));
  for (SearchMethod* method : std::initializer_list<SearchMethod*>{&darts, &random, &pgnas})
    BOOST_CHECK_EXCEPTION(method->step(broken, batch_of(1), {.number = 7, .total = 9}), DivergedError,
                          (test::Says{{"step 7"}}));
}

BOOST_AUTO_TEST_CASE(candidates_of_random_search_train_by_the_same_options_at_a_cosine_of_their_own) {
  const NotingSpace space;
  TrialSearch method = random_search(
      space, {.weights = kWeights, .lr = 0.4, .candidates = 1, .seed = 3, .dtype = DType::kFloat64}, held_out);
  for (std::uint64_t step = 0; step < 4; ++step) {
    const State before = state_of(method);
    method.step(batch_of(step), {}, {.number = step, .total = 4, .lr = 9.0});
    const double lr = 0.2 * (1.0 + std::cos(M_PI * static_cast<double>(step) / 4.0));
    expect_weight_step(before, method.state(), "network.weight", "optim.momentum.weight", lr);
  }
}

BOOST_AUTO_TEST_CASE(random_candidates_begin_at_weights_of_their_own_split_steps_alike_and_are_judged_by_accuracy) {
  const NotingSpace space;
  std::int64_t judged = 0;
  const HeldOut count_right = [&](const std::function<Score(const Batch&)>& score) {
    score(batch_of(100));
    return Score{.loss = 50.0, .top1 = ++judged, .top5 = 9, .count = 10};
  };
  TrialSearch method = random_search(space, {.candidates = 3, .seed = 3, .dtype = DType::kFloat64}, count_right);
  method.set_micro_batch(2);
  std::set<double> first_weights;
  for (std::uint64_t step = 0; step < 3; ++step) {
    space.calls.clear();
    method.step(batch_of(step), {}, {.number = step, .total = 3});
    first_weights.insert(space.calls.at(0).weight);
    BOOST_REQUIRE(space.calls.size() == 4u);
    for (std::size_t part = 0; part < 3; ++part)
      BOOST_TEST(space.calls[part].batch.images.size(0) == 2);
    BOOST_TEST(space.calls[3].saw(batch_of(100)));
  }
  BOOST_TEST(first_weights.size() == 3u);
  std::vector<double> scores;
  for (const Candidate& candidate : method.candidates())
    scores.push_back(candidate.score);
  BOOST_TEST(scores == (std::vector<double>{0.1, 0.2, 0.3}), boost::test_tools::per_element());
}

// Adam's first step is lr sign(g + decay alpha).
BOOST_AUTO_TEST_CASE(darts_steps_its_logits_on_held_out_images_first_at_their_own_rate_with_the_options_of_adam) {
  const NotingSpace space;
  const AdamOptions adam{.beta1 = 0.4, .beta2 = 0.9, .weight_decay = 1e6};
  Darts method(space, {.relaxed = kRelaxed, .adam = adam});
  const State before = state_of(method);
  const Batch train = batch_of(0), valid = batch_of(1);
  method.step(train, valid, {});
  BOOST_REQUIRE(space.calls.size() == 2u);
  BOOST_TEST(space.calls[0].saw(valid));
  BOOST_TEST(space.calls[1].saw(train));
  for (const Call& call : space.calls) {
    BOOST_TEST((call.batch_norm == BatchNormMode::kBatch));
    BOOST_TEST(!call.is_training);  // which would move running statistics
  }
  const State after = method.state();
  for (std::int64_t i = 0; i < 3; ++i) {
    const double alpha = read(before.at("alpha"), i);
    const double m = read(after.at("optim.architecture.exp_avg.alpha"), i);
    const double v = read(after.at("optim.architecture.exp_avg_sq.alpha"), i);
    BOOST_TEST(read(after.at("alpha"), i) == alpha - std::copysign(0.05, alpha), tolerance(1e-6));
    BOOST_TEST(m == 0.6 * 1e6 * alpha, tolerance(1e-3));  // the gradient is of the order of 1
    BOOST_TEST(v == 0.1 / 0.36 * m * m, tolerance(1e-9));
  }
}

BOOST_AUTO_TEST_CASE(second_order_darts_unrolls_the_weight_step_that_follows) {
  const NotingSpace space;
  Darts method(space, {.relaxed = kRelaxed, .adam = {.beta1 = 0.5}, .is_second_order = true});
  method.step(batch_of(0), batch_of(1), {.number = 0, .lr = 0.8});
  const State before = state_of(method);
  const SearchNetwork& network = *method.relaxed();
  Sgd sgd(network.weights(), kSgd);
  sgd.load({{"momentum.weight", before.at("optim.weights.momentum.weight")}});
  const Unrolling unrolling{.lr = 0.6, .momentum = kSgd.momentum, .weight_decay = kSgd.weight_decay, .sgd = &sgd};
  second_order_gradient(network, batch_of(2), batch_of(3), unrolling);
  const Tensor expected = network.architecture[0]->grad.clone();
  method.step(batch_of(2), batch_of(3), {.number = 1, .lr = 0.6});
  const std::string mean = "optim.architecture.exp_avg.alpha";
  for (std::int64_t i = 0; i < 3; ++i)
    BOOST_TEST(2.0 * read(method.state().at(mean), i) - read(before.at(mean), i) == read(expected, i), tolerance(1e-9));
}

BOOST_AUTO_TEST_CASE(balenas_draws_anew_for_every_gradient_and_weight_step_and_measures_where_it_drew) {
  const NotingSpace space;
  RelaxedOptions still = kRelaxed;
  still.architecture_lr = 0.0;
  std::set<double> draws;  // the first normal number of each
  for (std::uint64_t seed : {3, 4}) {
    still.seed = seed;
    Balenas method(space, {.relaxed = still,
                           .curvature = ArchitectureCurvature::kVon,
                           .draws = 2,
                           .curvature_images = 4,
                           .samples_weight_steps = true});
    for (std::uint64_t step = 0; step < 2; ++step) {
      const double sigma_before = method.posterior().columns.at("sigma")[0];
      space.calls.clear();
      const Batch train = batch_of(2 * step), valid = batch_of(2 * step + 1);
      method.step(train, valid, {.number = step, .total = 2});
      BOOST_REQUIRE(space.calls.size() == 5u);
      for (std::size_t draw : {0, 2}) {
        const Call &gradient = space.calls[draw], &curvature = space.calls[draw + 1];
        BOOST_TEST(gradient.saw(valid));
        BOOST_TEST(curvature.saw({valid.images.slice(0, 0, 4).contiguous(), {}}));
        BOOST_TEST(curvature.alpha == gradient.alpha);
        draws.insert(std::round(1e6 * (gradient.alpha[0] - 0.3) / sigma_before));
      }
      BOOST_TEST(space.calls[4].saw(train));
      draws.insert(std::round(1e6 * (space.calls[4].alpha[0] - 0.3) / method.posterior().columns.at("sigma")[0]));
    }
  }
  BOOST_TEST(draws.size() == 12u);
}

BOOST_AUTO_TEST_CASE(balenas_passes_on_its_rate_and_the_options_of_gaussian_and_hessian) {
  const NotingSpace space;
  const auto moved_at = [&](double lr) {
    RelaxedOptions relaxed = kRelaxed;
    relaxed.architecture_lr = lr;
    Balenas method(space, {.relaxed = relaxed});
    method.step(batch_of(0), batch_of(1), {});
    return method.posterior().columns.at("mean")[1] + 0.2;
  };
  BOOST_TEST(moved_at(0.02) == 2.0 * moved_at(0.01), tolerance(1e-9));
  const Balenas narrow(space, {.relaxed = kRelaxed, .variational = {.initial_precision = 16.0}});
  BOOST_TEST(narrow.posterior().columns.at("sigma")[0] == 0.25, tolerance(1e-12));
  Balenas limited(space,
                  {.relaxed = kRelaxed, .curvature = ArchitectureCurvature::kVon, .hessian = {.memory_limit = 1}});
  BOOST_CHECK_THROW(limited.step(batch_of(0), batch_of(1), {}), Error);
}

BOOST_AUTO_TEST_CASE(balenas_tf_scores_by_all_its_proxies_on_as_many_images_as_asked_from_its_seed) {
  const NotingSpace space;
  const auto finished = [&](std::uint64_t seed, std::vector<std::string> proxies) {
    RelaxedOptions relaxed = kRelaxed;
    relaxed.seed = seed;
    BalenasTf method(space,
                     {.balenas = {.relaxed = relaxed}, .cells = 20, .proxies = std::move(proxies), .proxy_images = 4},
                     held_out);
    space.calls.clear();
    method.end_phase(0, kNoPause);
    return method.candidates();
  };
  const std::vector<Candidate> one = finished(3, {"snip"});
  BOOST_REQUIRE(one.size() == 3u);
  const double weight = space.calls.at(0).weight;
  for (const Call& call : space.calls)
    BOOST_TEST(call.saw({batch_of(100).images.slice(0, 0, 4).contiguous(), {}}));
  finished(4, {"snip"});
  BOOST_TEST(space.calls.at(0).weight != weight);
  // All cells have the same network here: by rank they share the mean place.
  for (const Candidate& candidate : finished(3, {"snip", "parameters"}))
    BOOST_TEST(candidate.score == 2.0);
}

BOOST_AUTO_TEST_CASE(balenas_tf_draws_near_the_mean_and_apart_from_the_steps_its_control_without_preference) {
  NotingSpace space;
  space.tells_numbers = true;
  RelaxedOptions still = kRelaxed;
  still.architecture_lr = 0.0;
  const auto numbers_of = [](SearchMethod& method) {
    method.end_phase(0, kNoPause);
    std::vector<double> numbers;
    for (const Candidate& candidate : method.candidates())
      numbers.push_back(std::stod(candidate.cell));
    return numbers;
  };
  const auto numbers_drawn = [&](double sigma) {
    BalenasTf method(space,
                     {.balenas = {.relaxed = still, .variational = {.initial_precision = 1.0 / (sigma * sigma)}},
                      .cells = 10,
                      .proxies = {"snip"},
                      .proxy_images = 2},
                     held_out);
    return numbers_of(method);
  };
  const auto is_near_the_mean = [](double number) { return std::abs(number - 0.3) < 0.05; };
  BOOST_TEST(std::ranges::all_of(numbers_drawn(0.01), is_near_the_mean));
  ProxyDraws control(space, {.cells = 10, .judge = {.proxies = {"snip"}}, .images = 2}, held_out);
  BOOST_TEST(!std::ranges::all_of(numbers_of(control), is_near_the_mean));
  Balenas method(space, {.relaxed = still});
  std::vector<double> numbers = numbers_drawn(1.0);
  for (std::uint64_t step = 0; step < 5; ++step) {
    const double sigma = method.posterior().columns.at("sigma")[0];
    space.calls.clear();
    method.step(batch_of(0), batch_of(1), {.number = step, .total = 5});
    numbers.push_back(0.3 + (space.calls.at(0).alpha[0] - 0.3) / sigma);  // as at a sigma of 1
  }
  std::set<std::int64_t> apart;
  for (double number : numbers)
    apart.insert(std::lround(1e4 * number));
  BOOST_TEST(apart.size() == 15u);
}

BOOST_AUTO_TEST_CASE(steps_of_pgnas_train_weights_and_gates_as_asked_at_the_rate_of_their_place) {
  const NotingSpace space;
  constexpr double kMomentum = 0.7, kClip = 1e-3;
  PgnasSearch method(space,
                     {.pgnas = {.sgd = {.momentum = kMomentum, .nesterov = true}, .clip = kClip, .seed = 3},
                      .gates = {.drop = 0.3},
                      .dtype = DType::kFloat64},
                     held_out);
  BOOST_TEST(method.posterior().columns.at("drop")[1] == 0.3, tolerance(1e-12));
  for (std::uint64_t step = 0; step < 2; ++step) {
    space.calls.clear();
    const State before = state_of(method);
    const double lr = step == 0 ? 0.3 : 0.1;
    method.step(batch_of(step), {}, {.number = step, .total = 2, .lr = lr});
    BOOST_REQUIRE(space.calls.size() == 1u);
    const Call& call = space.calls[0];
    BOOST_TEST(call.saw(batch_of(step)));
    BOOST_TEST((call.batch_norm == BatchNormMode::kBatch));
    BOOST_TEST(call.is_training);
    BOOST_TEST(call.key.seed == 3u);
    BOOST_TEST(call.key.step == step);
    const State after = method.state();
    std::vector<double> gradient;
    for (const std::string name : {"weight", "drop_logits"}) {
      const Tensor &v = before.at("optim.momentum." + name), &next = after.at("optim.momentum." + name);
      for (std::int64_t i = 0; i < v.numel(); ++i) {
        gradient.push_back(read(next, i) - kMomentum * read(v, i));
        BOOST_TEST(
            read(after.at(name), i) == read(before.at(name), i) - lr * (gradient.back() + kMomentum * read(next, i)),
            tolerance(1e-12));
      }
    }
    BOOST_TEST(norm_of(gradient) == kClip, tolerance(1e-5));
  }
  method.set_micro_batch(2);
  space.calls.clear();
  method.step(batch_of(2), {}, {.number = 2, .total = 3});
  BOOST_REQUIRE(space.calls.size() == 3u);
  std::set<std::uint64_t> keys;
  for (const Call& call : space.calls) {
    BOOST_TEST(call.batch.images.size(0) == 2);
    keys.insert(call.key.step);
  }
  BOOST_TEST(keys.size() == 3u);
}

BOOST_AUTO_TEST_CASE(pgnas_judges_as_many_draws_as_asked_of_its_seed_without_training) {
  const NotingSpace space;
  const auto drawn = [&](std::uint64_t seed) {
    PgnasSearch method(space, {.pgnas = {.seed = seed}, .gates = {.drop = 0.5}, .draws = 50, .dtype = DType::kFloat64},
                       held_out);
    space.calls.clear();
    method.end_phase(0, kNoPause);
    std::map<std::string, std::int64_t> times;
    std::int64_t total = 0;
    for (const Candidate& candidate : method.candidates()) {
      times[candidate.cell] = candidate.times;
      total += candidate.times;
    }
    BOOST_TEST(total == 50);
    BOOST_TEST(space.calls.size() == 2 * times.size());
    return times;
  };
  const auto times = drawn(3);
  const double weight = space.calls.at(0).weight;
  for (const Call& call : space.calls) {
    BOOST_TEST((call.batch_norm == BatchNormMode::kFrozenBatch));
    BOOST_TEST(!call.is_training);
    BOOST_TEST(std::ranges::count(call.alpha, 1.0) == 1);  // the one of its cell
  }
  BOOST_TEST((drawn(3) == times));
  BOOST_TEST(space.calls.at(0).weight == weight);
  BOOST_TEST((drawn(4) != times));
  BOOST_TEST(space.calls.at(0).weight != weight);
}

BOOST_AUTO_TEST_CASE(search_networks_follow_from_the_seed) {
  const NotingSpace space;
  const auto weight_of = [&](std::uint64_t seed) {
    RelaxedOptions relaxed = kRelaxed;
    relaxed.seed = seed;
    return read(Darts(space, {.relaxed = relaxed}).state().at("weight"), 0);
  };
  BOOST_TEST(weight_of(3) == weight_of(3));
  BOOST_TEST(weight_of(3) != weight_of(4));
}

BOOST_AUTO_TEST_CASE(evaluation_takes_the_statistics_of_its_batch_as_constants_and_trains_nothing) {
  const NotingSpace space;
  Darts darts(space, {.relaxed = kRelaxed});
  Balenas balenas(space, {.relaxed = kRelaxed});
  TrialSearch random = random_search(space, {.seed = 3, .dtype = DType::kFloat64}, held_out);
  for (SearchMethod* method : std::initializer_list<SearchMethod*>{&darts, &balenas, &random}) {
    space.calls.clear();
    const Batch batch = batch_of(7);
    BOOST_TEST(method->evaluate(batch).count == 6);
    BOOST_REQUIRE(space.calls.size() == 1u);
    BOOST_TEST(space.calls[0].saw(batch));
    BOOST_TEST((space.calls[0].batch_norm == BatchNormMode::kFrozenBatch));
    BOOST_TEST(!space.calls[0].is_training);
  }
  PgnasSearch pgnas(space, {.dtype = DType::kFloat64}, held_out);
  space.groups.at(1).keep->front() = 0.0;
  space.calls.clear();
  pgnas.evaluate(batch_of(7));
  BOOST_REQUIRE(space.calls.size() == 1u);
  BOOST_TEST((space.calls[0].batch_norm == BatchNormMode::kFrozenBatch));
  BOOST_TEST(!space.calls[0].is_training);
  BOOST_TEST(space.calls[0].alpha == (std::vector<double>{1.0, 1.0, 1.0}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
