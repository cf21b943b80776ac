// Weights of PyTorch's DARTS networks give the logits that PyTorch gives.
// labels: slow
#include <array>
#include <cstdlib>
#include <sstream>

#include "engine/math.h"
#include "engine/safetensors.h"
#include "nas/exchange/pytorch/darts_weights.h"
#include "tests/nas/networks.h"
#include "tests/nas/pytorch_darts_golden.h"
#include "tests/support.h"

namespace ockham::nas {
namespace {

using test::Says;
using Tensors = std::map<std::string, Tensor>;

/// formula() of pytorch_darts.py.
Tensor formula(std::int64_t number, const Shape& shape, const std::string& name = "") {
  Tensor tensor(shape);
  const float scale = tensor.rank() == 4 ? 2.0f : 1.0f, shift = name.ends_with("running_var") ? 1.0f : 0.0f;
  for (std::int64_t i = 0; i < tensor.numel(); ++i) {
    const auto sixteen_bits = static_cast<float>((i * 40503 + number * 9973 + 12345) * 2971 % 65536);
    tensor.data<float>()[i] = scale * (sixteen_bits / 65536 - 0.5f) + shift;
  }
  return tensor;
}

/// The tensors that pytorch_darts_golden.h lists.
Tensors golden_state() {
  Tensors tensors;
  std::istringstream lines(test::kDartsState);
  std::int64_t number = 0;
  for (std::string line; std::getline(lines, line); ++number) {
    std::istringstream words(line);
    std::string name;
    words >> name;
    std::vector<std::int64_t> sizes;
    for (std::int64_t size = 0; words >> size;)
      sizes.push_back(size);
    tensors.emplace(name, name.ends_with("num_batches_tracked") ? Tensor::zeros({}, DType::kInt64)
                                                                : formula(number, Shape(sizes), name));
  }
  return tensors;
}

Tensor golden_logits() {
  return Tensor::from(std::span<const float>(test::kDartsLogits), {2, 3});
}

double largest_difference(const Tensor& a, const Tensor& b) {
  BOOST_REQUIRE(a.numel() == b.numel());
  double most = 0.0;
  for (std::int64_t i = 0; i < a.numel(); ++i)
    most = std::max(most, static_cast<double>(std::abs(a.data<float>()[i] - b.data<float>()[i])));
  return most;
}

/// Runs pytorch_darts.py by $OCKHAM_PYTHON or python3; says why where it cannot. @return success
bool run_pytorch(const std::string& arguments) {
  const char* given = std::getenv("OCKHAM_PYTHON");
  const std::string python = given ? given : "python3";
  const std::string asks = " -c 'import importlib.util as u, sys; sys.exit(None in map(u.find_spec, sys.argv[1:]))' ";
  if (std::system((python + asks + "torch safetensors").c_str()) != 0) {
    test::skip(python + " has no torch and safetensors; name one that has by OCKHAM_PYTHON");
    return false;
  }
  const std::string script = OCKHAM_SOURCE_DIR "/tests/nas/pytorch_darts.py";
  BOOST_REQUIRE(std::system((python + " '" + script + "' " + arguments).c_str()) == 0);
  return true;
}

constexpr double kTolerance = 1e-4;

}  // namespace

BOOST_AUTO_TEST_SUITE(pytorch_darts)

BOOST_AUTO_TEST_CASE(a_state_dict_of_known_numbers_gives_the_logits_that_pytorch_gave) {
  DartsWeights read = read_darts_weights(golden_state(), load_genotype("DARTS_V2"), 8);
  BOOST_TEST(read.network.frame.channels == 2);
  BOOST_TEST(read.network.frame.cells == 3);
  BOOST_TEST(read.network.frame.classes == 3);
  const Tensor logits = read.network.logits({}, formula(7, {2, 3, 8, 8})).value();
  BOOST_TEST(largest_difference(logits, golden_logits()) < kTolerance);
}

BOOST_AUTO_TEST_CASE(weights_of_search_and_evaluation_networks_of_pytorch_give_its_logits_and_come_back) {
  constexpr std::array kNetworks{std::pair("search", "DARTS_V2"), std::pair("cifar", "DARTS_V2"),
                                 std::pair("cifar", "AmoebaNet"), std::pair("imagenet", "DARTS_V2")};
  const test::TemporaryFolder folder;
  const auto folder_of = [&](const auto& network) {
    return folder.path() / concat(network.first, '-', network.second);
  };
  std::string arguments;
  for (const auto& network : kNetworks) {
    std::filesystem::create_directory(folder_of(network));
    arguments += concat(network.first, " \"", to_darts(load_genotype(network.second)), "\" '",
                        folder_of(network).string(), "' ");
  }
  if (!run_pytorch(arguments))
    return;
  for (const auto& network : kNetworks) {
    const std::string what = folder_of(network).filename().string();
    const bool is_search = what.starts_with("search");
    const Tensors given = load_safetensors(folder_of(network) / "weights.safetensors").tensors;
    DartsWeights read =
        read_darts_weights(given, is_search ? std::nullopt : std::optional(load_genotype(network.second)));
    BOOST_TEST((read.network.supernet != nullptr) == is_search);
    const Tensors known = load_safetensors(folder_of(network) / "images.safetensors").tensors;
    const Tensor logits = read.network.logits({}, known.at("images")).value();
    BOOST_TEST(largest_difference(logits, known.at("logits")) < kTolerance, what);
    const Tensors again = network_weights(read.network.module());
    BOOST_TEST(again.size() == given.size());
    for (const auto& [name, tensor] : given)
      BOOST_TEST(test::has_equal_bits(again.at(name), tensor), name);
  }
}

BOOST_AUTO_TEST_CASE(old_files_without_counters_and_those_of_parallel_training_are_read) {
  Tensors old;
  for (const auto& [name, tensor] : golden_state()) {
    if (!name.ends_with("num_batches_tracked"))
      old.emplace("module." + name, tensor);
  }
  DartsWeights read = read_darts_weights(old, load_genotype("DARTS_V2"), 8);
  const Tensor logits = read.network.logits({}, formula(7, {2, 3, 8, 8})).value();
  BOOST_TEST(largest_difference(logits, golden_logits()) < kTolerance);
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_refused_by_name) {
  const std::optional<Genotype> cell = load_genotype("DARTS_V2");
  const auto refused = [&](const std::function<void(Tensors&)>& change, std::initializer_list<std::string_view> parts) {
    Tensors tensors = golden_state();
    change(tensors);
    BOOST_CHECK_EXCEPTION(read_darts_weights(tensors, cell, 8), CheckpointError, (Says{parts}));
  };
  refused([](Tensors& t) { t.erase("classifier.weight"); }, {"no classifier.weight"});
  refused(
      [](Tensors& t) {
        t.erase("cells.1._ops.1.op.1.weight");
        t.erase("cells.0.preprocess0.op.1.weight");
      },
      {"lacks cells.0.preprocess0.op.1.weight"});
  refused([](Tensors& t) { t["stem.0.weight"] = Tensor::zeros({7, 3, 3, 3}); }, {"7 filters", "three times"});
  refused([](Tensors& t) { t["classifier.weight"] = Tensor::zeros({3}); }, {"classifier.weight", "2 dimensions"});
  refused([](Tensors& t) { t["cells.9.x"] = Tensor::zeros({1}); }, {"number 9", "only 4"});
  refused([](Tensors& t) { t["cells.-1.x"] = Tensor::zeros({1}); }, {"cells.-1.x", "no number"});
  refused([](Tensors& t) { t["alien"] = Tensor::zeros({1}); }, {"alien", "no part of the network"});
  BOOST_CHECK_EXCEPTION(read_darts_weights(golden_state(), std::nullopt), UsageError, (Says{{"--genotype"}}));
  BOOST_CHECK_EXCEPTION(read_darts_weights(golden_state(), load_genotype("bayesnas_0.01")), UsageError,
                        (Says{{"DARTS network", "bayesnas"}}));
  BOOST_CHECK_EXCEPTION(read_darts_weights(golden_state(), load_genotype("DARTS_V1"), 8), CheckpointError, (Says{{}}));
}

BOOST_AUTO_TEST_CASE(logits_of_a_search_network_are_asked_for) {
  Initial initial;
  Supernet net(test::tiny(SupernetSpec::darts()), initial);
  Tensors tensors = network_weights(net);
  BOOST_TEST(read_darts_weights(tensors, std::nullopt, 8).network.supernet);
  BOOST_CHECK_EXCEPTION(read_darts_weights(tensors, load_genotype("DARTS_V1"), 8), UsageError,
                        (Says{{"search network"}}));
  tensors.erase("alphas_reduce");
  BOOST_CHECK_EXCEPTION(read_darts_weights(tensors, std::nullopt, 8), CheckpointError,
                        (Says{{"lacks alphas_reduce", "arch_parameters()"}}));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ockham::nas
