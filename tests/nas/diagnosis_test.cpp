#include "nas/diagnosis/collapse_watch.h"
#include "nas/diagnosis/rank_agreement.h"
#include "nas/spaces/nasbench201/search_space.h"
#include "nas/train/parameter_vectors.h"
#include "tests/engine/files.h"
#include "tests/nas/networks.h"
#include "tests/support.h"

using namespace ockham;
using namespace nas;

namespace {

/// A search network of NAS-Bench-201 and a batch of noise.
struct Searched {
  nasbench201::Space space{{.channels = 2, .cells_per_stage = 1, .classes = 3}};
  Initial initial{.seed = 9, .dtype = DType::kFloat64};
  OwnedNetwork owned = space.make_supernet(initial);
  const SearchNetwork& network = owned.network;
  Batch batch = test::noise_batch(4, {.classes = 3, .image_size = 8}, DType::kFloat64, 1);

  std::string cell() const { return space.derive(numbers_of(network.architecture)); }
};

std::map<std::string, Tensor> eigenvalues(std::vector<double> values) {
  const auto count = static_cast<std::int64_t>(values.size());
  return {{"search.eigenvalues", Tensor::from(std::move(values), {count})}};
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(diagnosis, Searched)

BOOST_AUTO_TEST_CASE(rank_agreement_puts_the_cells_that_it_asks_the_truth_of_and_leaves_the_network_as_it_was) {
  const std::vector<double> before = numbers_of(network.architecture);
  std::vector<std::string> put, asked;
  const auto score = [&] {
    put.push_back(cell());
    return static_cast<double>(put.size());
  };
  const auto truth = [&](const std::string& of) {
    asked.push_back(of);
    return -static_cast<double>(asked.size());
  };
  const RankAgreement agreement =
      rank_agreement(network, space, {.cells = 5, .seed = 1, .score = score, .truth = truth});
  BOOST_TEST(put == asked, boost::test_tools::per_element());
  BOOST_TEST(put[0] != put[1]);
  BOOST_TEST(agreement.spearman == -1.0);
  BOOST_TEST(agreement.kendall == -1.0);
  BOOST_TEST(numbers_of(network.architecture) == before);
}

BOOST_AUTO_TEST_CASE(a_collapse_is_warned_of_where_the_eigenvalue_grew_by_a_third_in_five_epochs) {
  const double value = std::abs(CollapseWatch().look(network, batch, 1).eigenvalue);
  BOOST_REQUIRE(value > 0.0);
  for (const auto& [epochs, first, is_warned] : {std::tuple{5u, 0.7 * value, true},
                                                 {5u, 0.8 * value, false},
                                                 {5u, -0.8 * value, false},
                                                 {4u, 0.7 * value, false}}) {
    CollapseWatch watch;
    std::vector<double> before(epochs, 0.9 * value);
    before[0] = first;
    watch.load(eigenvalues(before));
    const CollapseWatch::Sight sight = watch.look(network, batch, 1);
    BOOST_REQUIRE(sight.eigenvalue > 0.0);
    BOOST_TEST(sight.warning.empty() != is_warned, epochs << " epochs from " << first << " to " << value);
  }
}

BOOST_AUTO_TEST_CASE(a_watch_that_is_loaded_goes_on_with_the_last_epochs) {
  CollapseWatch first, second;
  std::map<std::string, Tensor> state;
  first.add_to(state);
  BOOST_TEST(state.empty());
  for (int epoch = 0; epoch < 8; ++epoch)
    first.look(network, batch, 1);
  first.add_to(state);
  BOOST_TEST(state.at("search.eigenvalues").numel() == 6);
  second.load(state);
  std::map<std::string, Tensor> again;
  second.add_to(again);
  BOOST_TEST(test::is_same(again.at("search.eigenvalues"), state.at("search.eigenvalues")));
  BOOST_CHECK_THROW(second.load(eigenvalues(std::vector<double>(7, 1.0))), CheckpointError);
}

BOOST_AUTO_TEST_SUITE_END()
