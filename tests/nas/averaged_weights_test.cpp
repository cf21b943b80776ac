// The moving average of a network's weights.
#include "nas/train/averaged_weights.h"

#include "engine/math.h"
#include "tests/nas/networks.h"
#include "tests/support.h"

namespace ockham::nas {
namespace {

/// One weight, one running statistic and a count.
struct Three : Module {
  Parameter& weight = add_parameter("weight", Tensor::full({2}, 1.0, DType::kFloat64));
  Parameter& mean = add_parameter("mean", Tensor::full({1}, 3.0, DType::kFloat64), ParameterKind::kBuffer);
  Parameter& count = add_parameter("count", Tensor::zeros({}, DType::kInt64), ParameterKind::kBuffer);
};

double value_of(const AveragedWeights& averages, const std::string& name) {
  return test::read(averages.state().at(name), 0);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(averaged_weights)

BOOST_AUTO_TEST_CASE(the_average_follows_with_its_decay_and_faster_at_the_start) {
  Three net;
  net.state();  // names
  AveragedWeights averages(net, 0.9);
  fill(net.weight.value, 2.0);
  averages.update(0);
  BOOST_TEST(value_of(averages, "weight") == 0.1 * 1.0 + 0.9 * 2.0, boost::test_tools::tolerance(1e-15));
  averages.restart();
  BOOST_TEST(value_of(averages, "weight") == 2.0);
  fill(net.weight.value, 12.0);
  fill(net.mean.value, 5.0);
  averages.update(1000);  // (1 + 1000) / (10 + 1000) is more than 0.9
  BOOST_TEST(value_of(averages, "weight") == 3.0, boost::test_tools::tolerance(1e-15));
  BOOST_TEST(value_of(averages, "mean") == 3.2, boost::test_tools::tolerance(1e-15));
  BOOST_TEST(!averages.state().contains("count"));
}

BOOST_AUTO_TEST_CASE(a_network_holds_the_average_for_a_while_in_the_same_places) {
  Three net;
  net.state();
  AveragedWeights averages(net, 0.9);
  fill(net.weight.value, 12.0);
  const std::byte* place = net.weight.value.device_bytes();
  {
    const UseOfAverage use(&averages);
    BOOST_TEST(test::read(net.weight.value, 0) == 1.0);
    BOOST_TEST(value_of(averages, "weight") == 12.0);
  }
  BOOST_TEST(test::read(net.weight.value, 0) == 12.0);
  BOOST_TEST(value_of(averages, "weight") == 1.0);
  BOOST_TEST(net.weight.value.device_bytes() == place);
  const UseOfAverage none(nullptr);
  BOOST_TEST(test::read(net.weight.value, 0) == 12.0);
}

BOOST_AUTO_TEST_CASE(an_average_goes_on_from_its_state) {
  Three net, other;
  net.state(), other.state();
  AveragedWeights averages(net, 0.9), again(other, 0.9);
  fill(net.weight.value, 7.0);
  averages.update(0);
  std::map<std::string, Tensor> state = averages.state();
  again.load(state);
  BOOST_TEST(value_of(again, "weight") == value_of(averages, "weight"));
  state.erase("mean");
  BOOST_CHECK_EXCEPTION(again.load(state), CheckpointError, (test::Says{{"lacks mean"}}));
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace ockham::nas
