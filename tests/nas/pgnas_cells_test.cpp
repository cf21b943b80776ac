#include "nas/methods/pgnas/pgnas_cells.h"

#include "engine/math.h"
#include "nas/spaces/nasbench201/search_space.h"
#include "tests/nas/networks.h"
#include "tests/support.h"

using namespace ockham;
using namespace ockham::nas;
using nasbench201::kOperations;
using test::noise;
using test::relative_gap;

namespace {

constexpr nasbench201::NetworkSpec kNetwork{.channels = 3, .cells_per_stage = 2, .classes = 3};

const nasbench201::Space kSpace(kNetwork);

struct Search {
  Search() : network({.network = kNetwork, .mixing = Mixing::kGates, .gates = {.drop = 0.4}}, initial) {
    test::shake(network);
  }
  Parameter& logits() { return *network.architecture().front(); }
  Initial initial{.seed = 2, .dtype = DType::kFloat64};
  nasbench201::Supernet network;
  Batch batch = test::noise_batch(5, {.classes = 3, .image_size = 8});

  std::string draw(const Drawing& drawing, std::uint64_t number) {
    return draw_cell(kSpace, network.groups(), drawing, number);
  }
};

/// The stand-alone network of a cell with the search network's weights and statistics.
std::unique_ptr<nasbench201::Network> stand_alone(nasbench201::Supernet& search, const std::string& text) {
  const nasbench201::Cell cell = nasbench201::parse_cell(text);
  Initial initial{.seed = 1, .dtype = DType::kFloat64};
  auto network = std::make_unique<nasbench201::Network>(cell, kNetwork, initial);
  for (Parameter* to : network->state()) {
    std::string name = to->name;
    if (const std::size_t at = name.find("layers."); at != std::string::npos) {
      const auto e = static_cast<std::size_t>(name[at + 7] - '0');
      name.replace(at, 8, concat("edges.", e, '.', static_cast<int>(cell.edges[e])));
    }
    to->value = test::parameter_named(search, name).value.clone();
  }
  return network;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(pgnas_cells)

BOOST_AUTO_TEST_CASE(a_cell_in_place_is_its_stand_alone_network) {
  for (const std::string cell : {"312430", "111111", "003012", "000000"}) {
    Search search;
    put_cell(kSpace, search.network.groups(), cell);
    const auto network = stand_alone(search.network, cell);
    for (const BatchNormMode mode : {BatchNormMode::kRunning, BatchNormMode::kBatch}) {
      for (const bool fuses : {false, true}) {
        const Context context{.batch_norm = mode, .fuses = fuses};
        BOOST_TEST(relative_gap(search.network.forward(context, search.batch.images).value(),
                                network->forward(context, search.batch.images).value()) <= 1e-12);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_group_has_the_kernels_of_one_operation_in_all_cells) {
  Search search;
  BOOST_TEST(search.network.groups().size() == 24u);
  for (const GatedGroup& group : search.network.groups()) {
    const auto operation = static_cast<nasbench201::Operation>(group.entry % kOperations);
    const bool is_convolution =
        operation == nasbench201::Operation::kConv1 || operation == nasbench201::Operation::kConv3;
    BOOST_TEST(group.kernels.size() == (is_convolution ? 6u : 0u));
    for (const Parameter* kernel : group.kernels)
      BOOST_TEST(kernel->value.size(2) == (operation == nasbench201::Operation::kConv1 ? 1 : 3));
  }
}

BOOST_AUTO_TEST_CASE(gradient_of_the_objective_is_that_of_central_differences_at_the_same_noise) {
  Search search;
  Pgnas pgnas(gated(search.network), {.prior = {.precision = 2.0, .examples = 10.0}, .seed = 3});
  const auto objective = [&] { return pgnas.differentiate(search.batch, 5).mean_loss() + pgnas.divergence(); };
  objective();
  Parameter& kernel = *search.network.groups()[1].kernels[3];
  const Tensor by_logit = search.logits().grad, by_kernel = kernel.grad;
  constexpr double kStep = 1e-6;
  const auto check = [&](Tensor& value, std::int64_t i, const Tensor& grad) {
    const double was = test::read(value, i);
    const auto moved = [&](double by) {
      test::write(value, i, was + by);
      return objective();
    };
    BOOST_TEST(std::abs((moved(kStep) - moved(-kStep)) / (2.0 * kStep) - test::read(grad, i)) <= 1e-7);
    test::write(value, i, was);
  };
  for (std::int64_t i = 0; i < nasbench201::kAlphas; ++i)
    check(search.logits().value, i, by_logit);
  for (std::int64_t i = 0; i < kernel.value.numel(); i += 4)
    check(kernel.value, i, by_kernel);
}

BOOST_AUTO_TEST_CASE(an_edge_takes_the_operation_of_lowest_probability_that_it_keeps) {
  Search search;
  Tensor& logits = search.logits().value;
  for (std::int64_t e = 0; e < nasbench201::kEdges; ++e) {
    for (std::int64_t o = 0; o < kOperations; ++o)
      test::write(logits, e * kOperations + o, o == 0 ? -900.0 : o == e % 4 + 1 ? -60.0 : -50.0);
  }
  test::write(logits, 5 * kOperations + 2, 900.0);  // 3<-2 drops nor_conv_1x1, its lowest
  test::write(logits, 5 * kOperations + 4, -55.0);
  for (std::int64_t o = 0; o < kOperations; ++o)
    test::write(logits, 4 * kOperations + o, 900.0);  // 3<-1 drops everything
  BOOST_TEST(nasbench201::code(nasbench201::parse_cell(search.draw({}, 0))) == "123404");
  // The likeliest gates are these, too: all others are nearly sure.
  BOOST_TEST(likeliest_cell(kSpace, search.network.groups()) == search.draw({}, 0));
}

BOOST_AUTO_TEST_CASE(a_cell_is_drawn_again_from_its_number_and_random_ones_take_any_operation) {
  Search search;
  const Drawing drawing{.seed = 3}, random{.seed = 3, .drop_rate = 0.5};
  std::array<int, kOperations> taken{};
  int differ = 0;
  for (std::uint64_t number = 0; number < 400; ++number) {
    BOOST_CHECK(search.draw(drawing, number) == search.draw(drawing, number));
    differ += search.draw(drawing, number) != search.draw(drawing, number + 1);
    for (const nasbench201::Operation o : nasbench201::parse_cell(search.draw(random, number)).edges)
      ++taken[static_cast<std::size_t>(o)];
  }
  BOOST_TEST(differ > 300);
  // none with probability 1/16, the others alike; four standard errors of 2400 draws.
  BOOST_TEST(std::abs(taken[0] / 2400.0 - 1.0 / 16.0) <= 0.02);
  for (std::size_t o = 1; o < kOperations; ++o)
    BOOST_TEST(std::abs(taken[o] / 2400.0 - 15.0 / 64.0) <= 0.035);
}

BOOST_AUTO_TEST_CASE(ranking_has_every_cell_once_in_the_order_of_its_loss) {
  Search search;
  const std::vector<Batch> batches{search.batch};
  constexpr std::int64_t kDraws = 20;
  // Edges that are almost sure, so that cells repeat.
  for (std::int64_t i = 0; i < nasbench201::kAlphas; ++i)
    test::write(search.logits().value, i, i < 10 ? 0.0 : -30.0 + static_cast<double>(i % kOperations));
  const RankOptions options{.criterion = Criterion::kLoss};
  const std::vector<RankedCell> ranking =
      rank_cells(kSpace, gated(search.network), batches, kDraws, {.seed = 6}, options);
  std::int64_t draws = 0;
  double last = 0.0;
  for (const RankedCell& ranked : ranking) {
    BOOST_TEST(search.draw({.seed = 6}, ranked.number) == ranked.cell);
    draws += ranked.draws;
    const auto network = stand_alone(search.network, ranked.cell);
    const Variable loss = softmax_cross_entropy(network->forward({}, search.batch.images), search.batch.labels);
    // The loss of an image is rounded to 2^-28 (nas/train/score.h).
    BOOST_TEST(std::abs(ranked.score.mean_loss() - loss.value().item()) <= 0x1p-29 + 1e-12);
    BOOST_TEST(ranked.score.loss >= last);
    last = ranked.score.loss;
  }
  BOOST_TEST(draws == kDraws);
  BOOST_TEST(ranking.size() > 3u);
  BOOST_TEST(std::ssize(ranking) < kDraws);
}

BOOST_AUTO_TEST_SUITE_END()
