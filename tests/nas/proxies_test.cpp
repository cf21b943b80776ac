// Golden numbers were worked out by hand or in float64 by an independent program.
#include "nas/proxies/proxies.h"

#include <cmath>
#include <map>
#include <set>

#include "autograd/reverse.h"
#include "engine/math.h"
#include "nas/proxies/kernel_scores.h"
#include "nas/proxies/registry.h"
#include "nas/spaces/nasbench201/network.h"
#include "nas/spaces/nasbench201/search_space.h"
#include "ops/global_avg_pool/global_avg_pool.h"
#include "ops/linear/linear.h"
#include "ops/relu/relu.h"
#include "ops/softmax_cross_entropy/softmax_cross_entropy.h"
#include "tests/nas/networks.h"
#include "tests/support.h"

using namespace ockham;
using namespace nas::proxies;
using nas::Batch;
namespace nb = nas::nasbench201;

namespace {

/// 2-3-K, no biases: relu(x W1^T) W2^T.
class SmallMlp : public Module {
 public:
  explicit SmallMlp(const std::vector<double>& second = {2.0, -1.0, 0.5})
      : first_(add_parameter("first.weight", Tensor::from({1.0, -2.0, 0.5, 1.0, -1.0, 3.0}, {3, 2}))),
        second_(
            add_parameter("second.weight", Tensor::from(second, {static_cast<std::int64_t>(second.size()) / 3, 3}))) {}
  /// Of images [N, 1, 1, 2] or [N, 2].
  Variable forward(const Context& context, const Variable& x) {
    const Tensor rows = x.value().reshape({x.value().size(0), -1});
    return linear(relu(linear(rows, context.use(first_))), context.use(second_));
  }
  nas::SearchNetwork subject() {
    return {this, [this](const Context& context, const Variable& x) { return forward(context, x); }, {}};
  }

 private:
  Parameter& first_;
  Parameter& second_;
};

/// A small network of a cell, and a batch of noise for it.
struct CellCase {
  explicit CellCase(const char* code)
      : network(nb::parse_cell(code), {.channels = 4, .cells_per_stage = 1, .classes = 3}, initial) {
    fill_normal(batch.images, {9, Purpose::kTest, 0});
  }
  nas::SearchNetwork features() {
    return {&network, [this](const Context& context, const Variable& x) { return network.features(context, x); }, {}};
  }
  nas::SearchNetwork subject() {
    return {&network, [this](const Context& context, const Variable& x) { return network.forward(context, x); }, {}};
  }
  Initial initial{.seed = 8, .dtype = DType::kFloat64};
  nb::Network network;
  Batch batch{Tensor({4, 3, 8, 8}, DType::kFloat64), Tensor::from(std::vector<std::int64_t>{0, 1, 2, 1}, {4})};
};

/// A 3x3 convolution of one channel to `channels`, on request a norm, ReLU, the mean, a linear layer with a bias.
class SmallCnn : public Module {
 public:
  explicit SmallCnn(std::int64_t channels, bool has_norm)
      : conv_(add("conv", std::make_unique<nas::Conv>(1, channels, 3, Conv2dAttrs{.pad = 1}, initial_))),
        norm_(has_norm ? &add("norm", std::make_unique<nas::BatchNorm>(channels, true, initial_)) : nullptr),
        linear_(add("linear", std::make_unique<nas::Linear>(channels, 3, initial_))) {}
  Variable features(const Context& context, const Variable& x) {
    const Variable y = conv_.forward(context, x);
    return norm_ != nullptr ? norm_->forward(context, y) : y;
  }
  Variable forward(const Context& context, const Variable& x) {
    return linear_.forward(context, global_avg_pool(relu(features(context, x))));
  }
  nas::SearchNetwork subject() {
    return {this, [this](const Context& context, const Variable& x) { return forward(context, x); }, {}};
  }
  nas::SearchNetwork feature_subject() {
    return {this, [this](const Context& context, const Variable& x) { return features(context, x); }, {}};
  }

 private:
  Initial initial_{.seed = 3, .dtype = DType::kFloat64};
  nas::Conv& conv_;
  nas::BatchNorm* norm_;
  nas::Linear& linear_;
};

std::vector<Tensor> values_of(Module& network) {
  std::vector<Tensor> values;
  for (const Parameter* parameter : network.state())
    values.push_back(parameter->value.clone());
  return values;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(proxies)

BOOST_AUTO_TEST_CASE(agreements_of_three_codes_have_the_known_determinant) {
  const std::vector<char> codes{1, 0, 1, 1, 1, 1, 0, 1, 0, 0, 1, 0};
  std::vector<double> K(9);
  add_agreements(codes, 3, K);
  BOOST_TEST(K == (std::vector<double>{4, 2, 2, 2, 4, 0, 2, 0, 4}), boost::test_tools::per_element());
  BOOST_TEST(std::abs(log_determinant(K, 3) - 3.4657359028) <= 1e-10);
  BOOST_TEST(log_determinant(std::vector<double>{4, 4, 4, 4}, 2) == -INFINITY);
}

BOOST_AUTO_TEST_CASE(four_patterns_of_which_two_are_equal_are_three_regions) {
  BOOST_TEST(count_regions(std::vector<char>{1, 0, 1, 1, 0, 1, 0, 1, 1, 0, 0, 0}, 4) == 3);
}

BOOST_AUTO_TEST_CASE(correlation_score_of_three_rows_is_the_known_one) {
  BOOST_TEST(std::abs(correlation_score(std::vector<double>{1, 2, 3, 4, 2, 1, 0, 3, -1, 0, 2, 1}, 3) - -64.0149968) <=
             1e-7);
}

BOOST_AUTO_TEST_CASE(condition_number_of_three_rows_is_the_known_one) {
  BOOST_TEST(std::abs(condition_number(std::vector<double>{1, 0, 2, 0, 1, 1, 1, 1, 0}, 3) - 8.2908593694) <= 1e-9);
  BOOST_TEST(condition_number(std::vector<double>{0, 0}, 2) == 1e5);
}

BOOST_AUTO_TEST_CASE(synflow_of_a_chain_is_its_length_times_the_flow) {
  SmallMlp mlp;
  BOOST_TEST(std::abs(synflow(mlp.subject(), 2, 1) - 19.0) <= 1e-12);  // R = 9.5
}

BOOST_AUTO_TEST_CASE(synflow_takes_batch_norm_for_the_identity) {
  // With every edge a skip the cells double and triple their input; convolutions are those of stem, reductions and
  // head.
  CellCase small("111111");
  const double before = synflow(small.subject(), 3, 8);
  for (Parameter* parameter : small.network.state()) {
    if (parameter->name.ends_with("running_var"))
      fill(parameter->value, 7.0);
  }
  BOOST_TEST(std::abs(synflow(small.subject(), 3, 8) / before - 1.0) <= 1e-12);
  BOOST_TEST(before > 0.0);
}

// W^T H g is the mixed second derivative of L(W + a W + b g) at a = b = 0, here from four losses.
BOOST_AUTO_TEST_CASE(grasp_is_the_mixed_second_derivative_along_weights_and_gradients) {
  SmallMlp mlp({2.0, -1.0, 0.5, 0.3, 0.8, -0.4});
  const Batch batch{Tensor::from({0.7, 0.2, 0.4, 1.1, 1.5, -0.3}, {3, 2}),
                    Tensor::from(std::vector<std::int64_t>{0, 1, 0}, {3})};
  const std::vector<Parameter*> weights = mlp.parameters(ParameterKind::kWeight);
  const auto loss = [&](Tape* tape) {
    return softmax_cross_entropy(mlp.forward({.tape = tape}, batch.images), batch.labels);
  };
  Tape tape;
  backward(loss(&tape));
  const auto loss_at = [&](double a, double b) {
    std::vector<Tensor> before;
    for (Parameter* weight : weights) {
      before.push_back(weight->value.clone());
      axpy(a, before.back(), weight->value);
      axpy(b, weight->grad, weight->value);
    }
    const double value = loss(nullptr).value().item();
    for (std::size_t i = 0; i < weights.size(); ++i)
      weights[i]->value = before[i];
    return value;
  };
  constexpr double h = 1e-4;
  const double mixed = (loss_at(h, h) - loss_at(h, -h) - loss_at(-h, h) + loss_at(-h, -h)) / (4.0 * h * h);
  // Losses of order 1 have 16 digits, divided by 4e-8: seven are left.
  BOOST_TEST(std::abs(grasp(mlp.subject(), batch) + mixed) <= 1e-6);
}

// Batch norm, ReLUs, sums of branches: against the difference of gradients over a step so short that no ReLU changes
// sides. A longer one would: with 1e-5 the difference is off by its own size on networks of full depth.
BOOST_AUTO_TEST_CASE(grasp_of_a_cell_is_the_difference_of_gradients_over_a_step_without_kinks) {
  CellCase small("321431");
  const nas::SearchNetwork subject = small.subject();
  std::vector<Parameter*> weights = small.network.parameters(ParameterKind::kWeight);
  std::erase_if(weights, [](const Parameter* weight) { return weight->value.rank() < 2; });
  const auto gradients = [&] {
    subject.differentiate(small.batch);
    std::vector<Tensor> result;
    for (const Parameter* weight : weights)
      result.push_back(weight->grad.clone());
    return result;
  };
  const std::vector<Tensor> g = gradients();
  std::vector<Tensor> start;
  double square = 0.0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    start.push_back(weights[i]->value.clone());
    square += dot(g[i], g[i]);
  }
  const double step = 1e-7 / std::sqrt(square);
  double expected = 0.0, terms = 0.0;
  for (const double sign : {1.0, -1.0}) {
    for (std::size_t i = 0; i < weights.size(); ++i) {
      copy(start[i], weights[i]->value);
      axpy(sign * step, g[i], weights[i]->value);
    }
    const std::vector<Tensor> moved = gradients();
    for (std::size_t i = 0; i < weights.size(); ++i) {
      copy(start[i], weights[i]->value);
      const double term = sign * dot(start[i], moved[i]) / (2.0 * step);
      expected -= term;
      terms += std::abs(term);
    }
  }
  BOOST_TEST(expected != 0.0);
  BOOST_TEST(std::abs(grasp(subject, small.batch) - expected) <= 1e-12 * terms + 1e-6 * std::abs(expected));
}

// The image (1, 0) gives a = (1, 0.5, -1) and logits (1.5, 0.7). With p the probability of the wrong class the logits'
// gradients are (-p, p), the layer's own (-1.7 p, 1.8 p, 0): 2/2 (1.7^2 + 0.9^2) p^2 + 3/2 (1.5^2 + 0.7^2) p^2. Each of
// two equal images has half the gradient of the mean loss.
BOOST_AUTO_TEST_CASE(fisher_of_two_layers_is_the_one_worked_out_by_hand) {
  SmallMlp mlp({2.0, -1.0, 0.5, 0.3, 0.8, -0.4});
  const double p = 1.0 / (1.0 + std::exp(0.8));
  const Batch one{Tensor::from({1.0, 0.0}, {1, 2}), Tensor::from(std::vector<std::int64_t>{0}, {1})};
  BOOST_TEST(std::abs(fisher(mlp.subject(), one) - 7.81 * p * p) <= 1e-12);
  const Batch two{Tensor::from({1.0, 0.0, 1.0, 0.0}, {2, 2}), Tensor::from(std::vector<std::int64_t>{0, 0}, {2})};
  BOOST_TEST(std::abs(fisher(mlp.subject(), two) - 7.81 * p * p / 4.0) <= 1e-12);
}

// Of one image, the sum over pixels of a dL/da of a channel is the derivative by a factor of all that makes the
// channel: w dL/dw summed over its weights, and b dL/db.
BOOST_AUTO_TEST_CASE(fisher_of_convolutions_and_biases_is_the_derivative_by_a_factor_of_the_channel) {
  SmallCnn cnn(4, false);
  Batch batch{Tensor({1, 1, 6, 5}, DType::kFloat64), Tensor::from(std::vector<std::int64_t>{2}, {1})};
  fill_normal(batch.images, {9, Purpose::kTest, 0});
  cnn.subject().differentiate(batch);
  std::map<std::string, std::vector<double>> by_channel;
  for (const Parameter* parameter : cnn.parameters(ParameterKind::kWeight))
    by_channel[parameter->name] = grouped_dot(parameter->value, parameter->grad, parameter->value.size(0));
  double expected = 0.0;
  for (const double conv : by_channel["conv.weight"])
    expected += 9.0 / 2.0 * conv * conv;
  for (std::size_t c = 0; c < 3; ++c) {
    const double linear = by_channel["linear.weight"][c] + by_channel["linear.bias"][c];
    expected += 4.0 / 2.0 * linear * linear;
  }
  BOOST_TEST(expected > 0.0);
  BOOST_TEST(std::abs(fisher(cnn.subject(), batch) / expected - 1.0) <= 1e-12);
}

// Deciles of 1 to 11 are 2 to 10, of 0 and 1 they are 0.1 to 0.9.
BOOST_AUTO_TEST_CASE(entropy_of_deciles_is_the_one_worked_out_by_hand) {
  const auto close = boost::test_tools::tolerance(1e-13);
  double eleven = 0.0, two = 0.0;
  for (int k = 1; k <= 9; ++k) {
    eleven -= (k + 1) / 54.0 * std::log((k + 1) / 54.0);
    two -= k / 45.0 * std::log(k / 45.0);
  }
  BOOST_TEST(decile_entropy({11, 3, 5, 1, 2, 9, 4, 10, 6, 8, 7}) == eleven, close);
  BOOST_TEST(decile_entropy({1, 0}) == two, close);
  BOOST_TEST(decile_entropy({5, 5, 5}) == std::log(9.0), close);
  BOOST_TEST(decile_entropy({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1e-17, 7}) == 0.0);  // rounding does not count
  BOOST_TEST(decile_entropy({0, 0}) == 0.0);
  BOOST_TEST(decile_entropy({}) == 0.0);
}

// The image (1, 0) opens the first two hidden units and gives logits (1.5, 0.7), which the first entry of the first
// layer moves by (2, 0.3) and that of the second by (1, 0); the image (0, 1) closes the first unit: nothing moves.
BOOST_AUTO_TEST_CASE(fisher_matrix_of_two_layers_is_the_one_worked_out_by_hand) {
  SmallMlp mlp({2.0, -1.0, 0.5, 0.3, 0.8, -0.4});
  const double p = 1.0 / (1.0 + std::exp(0.8)), pq = p * (1.0 - p);
  const auto near = [](const std::vector<double>& F, const std::vector<double>& expected) {
    for (std::size_t i = 0; i < 4; ++i)
      BOOST_TEST(std::abs(F[i] - expected[i]) <= 1e-14);
  };
  near(fisher_matrix(mlp.subject(), Tensor::from({1.0, 0.0}, {1, 2})), {pq * 1.7 * 1.7, pq * 1.7, pq * 1.7, pq});
  near(fisher_matrix(mlp.subject(), Tensor::from({1.0, 0.0, 0.0, 1.0}, {2, 2})),
       {pq / 2 * 1.7 * 1.7, pq / 2 * 1.7, pq / 2 * 1.7, pq / 2});
  const double smooth = (0.9 * p + 0.05) * (0.9 * (1.0 - p) + 0.05);
  near(fisher_matrix(mlp.subject(), Tensor::from({1.0, 0.0}, {1, 2}), 0.1),
       {smooth * 1.7 * 1.7, smooth * 1.7, smooth * 1.7, smooth});
}

// Logits of +-1e4 leave probabilities of 0 and 1: nothing of the exact matrix, all of the smoothed one.
BOOST_AUTO_TEST_CASE(smoothing_keeps_the_fisher_matrix_of_a_certain_network) {
  SmallMlp mlp({2e4, -1.0, 0.5, -2e4, 0.8, -0.4});
  const Tensor image = Tensor::from({1.0, 0.0}, {1, 2});
  BOOST_TEST(fisher_matrix(mlp.subject(), image)[3] == 0.0);
  BOOST_TEST(fisher_matrix(mlp.subject(), image, 0.1)[3] == 0.05 * 0.95, boost::test_tools::tolerance(1e-12));
}

// Between two kinks logits are linear in one entry, so that differences are J to the last digits.
BOOST_AUTO_TEST_CASE(fisher_matrix_is_the_one_of_differences_of_logits) {
  SmallCnn cnn(4, true);
  Tensor images({5, 1, 6, 5}, DType::kFloat64);
  fill_normal(images, {9, Purpose::kTest, 0});
  const std::vector<Parameter*> weights = cnn.parameters(ParameterKind::kWeight);
  const std::size_t K = weights.size();
  const auto logits = [&] { return cnn.forward({}, images).value(); };
  const Tensor at = logits();
  constexpr double kStep = 1e-6;
  std::vector<Tensor> J;
  for (Parameter* weight : weights) {
    double& entry = weight->value.data<double>()[0];
    const double before = entry;
    entry = before + kStep;
    J.push_back(logits().clone());
    entry = before - kStep;
    axpy(-1.0, logits(), J.back());
    entry = before;
    scale(J.back(), 0.5 / kStep);
  }
  const std::vector<double> F = fisher_matrix(cnn.subject(), images);
  BOOST_TEST_REQUIRE(F.size() == K * K);
  double largest = 0.0;
  for (std::size_t a = 0; a < K; ++a) {
    for (std::size_t b = 0; b < K; ++b) {
      double expected = 0.0;
      for (std::size_t n = 0; n < 5; ++n) {
        const double* z = at.data<double>() + n * 3;
        const double *u = J[a].data<double>() + n * 3, *v = J[b].data<double>() + n * 3;
        double mass = 0.0, uv = 0.0, mean_u = 0.0, mean_v = 0.0;
        for (std::size_t c = 0; c < 3; ++c)
          mass += std::exp(z[c]);
        for (std::size_t c = 0; c < 3; ++c) {
          const double p = std::exp(z[c]) / mass;
          uv += p * u[c] * v[c];
          mean_u += p * u[c];
          mean_v += p * v[c];
        }
        expected += (uv - mean_u * mean_v) / 5.0;
      }
      largest = std::max(largest, std::abs(expected));
      BOOST_TEST(std::abs(F[a * K + b] - expected) <= 1e-9);
    }
  }
  BOOST_TEST(largest > 1e-3);
}

BOOST_AUTO_TEST_CASE(fisher_spectrum_draws_the_weights_itself) {
  CellCase small("321431"), other("321431");
  for (Parameter* parameter : other.network.state()) {
    if (parameter->value.dtype() == DType::kFloat64)
      fill(parameter->value, 7.0);
  }
  const double score = fisher_spectrum(small.subject(), small.batch.images);
  BOOST_TEST((score > 0.0 && score < std::log(9.0)));
  BOOST_TEST(fisher_spectrum(other.subject(), small.batch.images) == score);
  BOOST_TEST(fisher_spectrum(small.subject(), small.batch.images, 1) != score);
  CellCase dead("111000");
  BOOST_TEST(tensor_count(dead.subject()) < tensor_count(small.subject()));
}

// Hidden units open by the signs of x - 2y, x/2 + y, 3y - x.
BOOST_AUTO_TEST_CASE(linear_regions_are_the_patterns_of_open_units) {
  SmallMlp mlp;
  const auto count = [&](const std::vector<double>& points) {
    return linear_regions(mlp.subject(), Tensor::from(points, {static_cast<std::int64_t>(points.size()) / 2, 2}));
  };
  BOOST_TEST(count({1, 0}) == 1);
  BOOST_TEST(count({1, 0, 2, 0.1, 1, 0.1}) == 1);            // 110
  BOOST_TEST(count({1, 0, 0, 1, -1, 0, 2, 0, -2, 0}) == 3);  // 110, 011, 001
  BOOST_TEST(count({1, 0, 0, 1, -1, 0, 0, -1}) == 4);        // and 100
}

BOOST_AUTO_TEST_CASE(every_listed_proxy_tells_two_cells_apart_at_their_initialisation) {
  const nb::Space space({.channels = 4, .cells_per_stage = 1});
  const Batch batch = test::noise_batch(4, {.classes = 10, .image_size = 8});
  for (const Proxy& proxy : all()) {
    std::vector<double> scores;
    for (const char* cell : {"333133", "211211"}) {
      Initial initial{.seed = 1, .dtype = DType::kFloat64};
      const nas::OwnedNetwork subject = space.make_network(cell, initial);
      scores.push_back(proxy.score(subject.network, batch));
      BOOST_TEST(std::isfinite(scores.back()), proxy.name);
    }
    BOOST_TEST(scores[0] != scores[1], proxy.name);
  }
  BOOST_CHECK_THROW(find("synflaw"), UsageError);
}

BOOST_AUTO_TEST_CASE(the_largest_cell_of_the_benchmark_has_a_synflow_beyond_float32) {
  BOOST_TEST(find("synflow").wants_double);
  const nb::Space space({.channels = 16, .cells_per_stage = 5});
  Initial initial{.dtype = DType::kFloat64};
  const nas::OwnedNetwork subject = space.make_network("333333", initial);
  const double score = synflow(subject.network, 3, 8);
  BOOST_TEST(std::isfinite(score));
  BOOST_TEST(score > 1e38);
}

BOOST_AUTO_TEST_CASE(crops_are_pieces_of_one_channel) {
  Tensor images({3, 2, 5, 6}, DType::kFloat64);
  for (std::int64_t i = 0; i < images.numel(); ++i)
    images.data<double>()[i] = static_cast<double>(i);
  const Tensor crops = random_crops(images, 500, 3, 1);
  std::set<std::int64_t> corners;
  for (std::int64_t i = 0; i < 500; ++i) {
    const double* crop = crops.data<double>() + i * 9;
    const auto corner = static_cast<std::int64_t>(crop[0]);
    corners.insert(corner);
    BOOST_TEST_REQUIRE((corner % 6 <= 3 && corner / 6 % 5 <= 2));
    for (std::int64_t k = 0; k < 9; ++k)
      BOOST_TEST_REQUIRE(crop[k] == static_cast<double>(corner + k / 3 * 6 + k % 3));
  }
  BOOST_TEST(corners.size() == 3u * 2u * 3u * 4u);  // 72, all of them
  BOOST_CHECK_THROW(random_crops(images, 1, 6, 1), UsageError);
}

/// Has no weights.
class Nothing : public Module {};

// f(x) = x: Delta is gamma times the mean of |x'| summed over 192 numbers, which is 192 sqrt(2/pi) on average. Its
// logarithm, over 32 repeats of 16 images, has a standard deviation of 0.0024.
BOOST_AUTO_TEST_CASE(zen_score_of_the_identity_is_the_size_of_the_step) {
  Nothing nothing;
  const nas::SearchNetwork identity{&nothing, [](const Context&, const Variable& x) { return x; }, {}};
  const double expected = std::log(1e-2 * 192.0 * std::sqrt(2.0 / 3.14159265358979));
  BOOST_TEST(std::abs(zen_score(identity, 3, 8) - expected) <= 0.01);
  BOOST_TEST(std::abs(zen_score(identity, 3, 8, {.gamma = 1e-3}) - (expected - std::log(10.0))) <= 0.01);
}

// What a norm of one channel divides by, about 3 of a 3x3 convolution, comes back as its scale. That the step moves the
// norm's two statistics too, and that the variance returned is the unbiased one, are each of the order of one in 1024
// values.
BOOST_AUTO_TEST_CASE(zen_score_gives_back_what_a_norm_takes) {
  SmallCnn plain(1, false), normed(1, true);
  for (const double gamma : {1e-2, 1e-4}) {
    const ZenOptions options{.gamma = gamma, .repeats = 4};
    BOOST_TEST(std::abs(zen_score(normed.feature_subject(), 1, 8, options) -
                        zen_score(plain.feature_subject(), 1, 8, options)) <= 5.0 / 1024.0);
  }
}

BOOST_AUTO_TEST_CASE(zen_score_depends_on_its_seed_only) {
  CellCase small("321431"), same("321431");
  for (Parameter* parameter : same.network.state()) {
    if (parameter->name.ends_with("running_var") || parameter->name.ends_with("bias"))
      fill(parameter->value, 7.0);
  }
  const ZenOptions options{.repeats = 2};
  const double score = zen_score(small.features(), 3, 8, options);
  BOOST_TEST(std::isfinite(score));
  BOOST_TEST(zen_score(same.features(), 3, 8, options) == score);
  BOOST_TEST(zen_score(small.features(), 3, 8, {.repeats = 2, .seed = 1}) != score);
  CellCase dead("111000");
  BOOST_TEST(zen_score(dead.features(), 3, 8, options) == -INFINITY);
  BOOST_CHECK_THROW(zen_score(small.features(), 3, 8, {.repeats = 0}), UsageError);
}

BOOST_AUTO_TEST_CASE(size_proxies_count_the_whole_network) {
  const nb::Cell cell = nb::parse_cell("321431");
  Initial initial;
  nb::Network network(cell, {}, initial);
  const nas::SearchNetwork subject{
      &network, [&](const Context& context, const Variable& x) { return network.forward(context, x); }, {}};
  BOOST_TEST(parameter_count(subject) == static_cast<double>(nb::parameter_count(cell)));
  BOOST_TEST(mac_count(subject, 3, 32) == static_cast<double>(nb::mac_count(cell)));
  CellCase in_float64("321431");
  BOOST_TEST(mac_count(in_float64.subject(), 3, 8) > 0.0);
}

BOOST_AUTO_TEST_CASE(scores_leave_the_network_as_it_was) {
  CellCase small("321431");
  const nas::SearchNetwork subject = small.subject();
  const std::vector<Tensor> before = values_of(small.network);
  const double first = snip(subject, small.batch);
  grasp(subject, small.batch);
  synflow(subject, 3, 8);
  ntk_condition(subject, small.batch.images);
  fisher(subject, small.batch);
  fisher_spectrum(subject, small.batch.images);
  zen_score(small.features(), 3, 8, {.repeats = 1});
  const std::vector<Tensor> after = values_of(small.network);
  for (std::size_t i = 0; i < before.size(); ++i) {
    Tensor gap = after[i].to(DType::kFloat64).clone();
    axpy(-1.0, before[i].to(DType::kFloat64), gap);
    BOOST_TEST(max_abs(gap) == 0.0);
  }
  BOOST_TEST(snip(subject, small.batch) == first);
}

BOOST_AUTO_TEST_CASE(a_cell_that_is_cut_off_is_scored_last) {
  CellCase dead("111000"), alive("333333");
  BOOST_TEST(naswot(dead.subject(), dead.batch.images) == -INFINITY);
  BOOST_TEST(std::isfinite(naswot(alive.subject(), alive.batch.images)));
}

BOOST_AUTO_TEST_CASE(equal_images_cannot_be_told_apart) {
  CellCase small("333333");
  BOOST_TEST(naswot(small.subject(), Tensor::full({2, 3, 8, 8}, 0.5, DType::kFloat64)) == -INFINITY);
}

BOOST_AUTO_TEST_SUITE_END()
