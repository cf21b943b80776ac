// Networks that compute several layers at once give what they give layer by layer, in every pass.
#include <boost/test/unit_test.hpp>
#include <set>

#include "autograd/hessian.h"
#include "autograd/reverse.h"
#include "tests/nas/networks.h"

namespace ockham {
namespace {

using namespace nas;

constexpr double kRounding = 1e-11;  // float64, relative to the largest entry: sums in another order

/// Loss and gradients of one pass.
struct Pass {
  double loss;
  std::vector<Tensor> gradients;
};

template <class MakeLoss>
Pass pass_of(const std::vector<Parameter*>& parameters, MakeLoss&& make_loss) {
  Tape tape;
  const Variable loss = make_loss(tape);
  backward(loss);
  Pass result{loss.value().item(), {}};
  for (Parameter* parameter : parameters)
    result.gradients.push_back(parameter->grad.clone());
  return result;
}

void check_equal(const std::vector<Parameter*>& parameters, const Pass& fused, const Pass& plain) {
  BOOST_TEST(fused.loss == plain.loss, boost::test_tools::tolerance(kRounding));
  double largest = 0.0;
  for (const Tensor& gradient : plain.gradients)
    largest = std::max(largest, max_abs(gradient));
  for (std::size_t p = 0; p < parameters.size(); ++p) {
    Tensor gap = fused.gradients[p].clone();
    axpy(-1.0, plain.gradients[p], gap);
    BOOST_TEST(max_abs(gap) / largest < kRounding, parameters[p]->name);
  }
}

struct Searched {
  explicit Searched(SupernetSpec spec) : net(test::tiny(std::move(spec)), initial) {
    test::shake(net);
    batch = test::noise_batch(3, net.spec().frame);
  }
  Variable loss(Tape& tape, BatchNormMode mode, bool fuses, bool is_training = false) {
    return test::loss_of(net, {.tape = &tape, .batch_norm = mode, .is_training = is_training, .fuses = fuses}, batch);
  }
  std::vector<Parameter*> all() {
    std::vector<Parameter*> result = net.parameters(ParameterKind::kWeight);
    std::ranges::copy(net.architecture(), std::back_inserter(result));
    return result;
  }
  Initial initial{.seed = 3, .dtype = DType::kFloat64};
  Supernet net;
  Batch batch;
};

const SupernetSpec kSpecs[] = {SupernetSpec::bayesnas(2), SupernetSpec::darts(2), SupernetSpec::darts_with_switches(2)};
const BatchNormMode kModes[] = {BatchNormMode::kBatch, BatchNormMode::kRunning, BatchNormMode::kFrozenBatch};

}  // namespace

BOOST_AUTO_TEST_SUITE(fusion)

BOOST_AUTO_TEST_CASE(supernets_have_the_same_loss_and_gradients_in_every_batch_norm_mode) {
  for (const SupernetSpec& spec : kSpecs) {
    for (BatchNormMode mode : kModes) {
      Searched s(spec);
      const auto pass = [&](bool fuses) {
        return pass_of(s.all(), [&](Tape& tape) { return s.loss(tape, mode, fuses); });
      };
      check_equal(s.all(), pass(true), pass(false));
    }
  }
}

// A training pass stores no scaled maps and shares what its edges have in common; a negative switch turns maxima round.
BOOST_AUTO_TEST_CASE(training_passes_have_the_same_gradients_whatever_the_sign_of_a_switch) {
  for (const SupernetSpec& spec : kSpecs) {
    Searched s(spec);
    if (spec.mixing == Mixing::kSwitches) {
      for (const std::size_t edge : {0u, 1u}) {
        for (Parameter* origin : s.net.origins(CellKind::kNormal, edge))
          fill(origin->value, edge == 0 ? -0.7 : 0.0);
      }
    }
    const auto pass = [&](bool fuses) {
      return pass_of(s.all(), [&](Tape& tape) { return s.loss(tape, BatchNormMode::kBatch, fuses, true); });
    };
    check_equal(s.all(), pass(true), pass(false));
  }
}

BOOST_AUTO_TEST_CASE(supernets_have_the_same_hessian_diagonal_in_every_batch_norm_mode) {
  for (const SupernetSpec& spec : kSpecs) {
    for (BatchNormMode mode : kModes) {
      Searched s(spec);
      const auto diagonal = [&](bool fuses) {
        Tape tape;
        return hessian_diagonal(s.loss(tape, mode, fuses), s.net.architecture());
      };
      const HessianResult fused = diagonal(true), plain = diagonal(false);
      BOOST_TEST((fused.algorithm == plain.algorithm));
      double largest = 0.0, gap = 0.0;
      for (std::size_t p = 0; p < plain.diagonal.size(); ++p) {
        Tensor difference = fused.diagonal[p].clone();
        axpy(-1.0, plain.diagonal[p], difference);
        gap = std::max(gap, max_abs(difference));
        largest = std::max(largest, max_abs(plain.diagonal[p]));
      }
      BOOST_TEST(gap / largest < 1e-10);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_training_pass_moves_running_statistics_alike) {
  Searched fused(kSpecs[0]), plain(kSpecs[0]);
  Tape tape;
  fused.loss(tape, BatchNormMode::kBatch, true, true);
  tape.clear();
  plain.loss(tape, BatchNormMode::kBatch, false, true);
  const std::vector<Parameter*> a = fused.net.parameters(ParameterKind::kBuffer);
  const std::vector<Parameter*> b = plain.net.parameters(ParameterKind::kBuffer);
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (is_compute_type(a[i]->value.dtype()))
      BOOST_TEST(test::relative_gap(a[i]->value, b[i]->value) < kRounding, a[i]->name);
    else
      BOOST_TEST(test::has_equal_bits(a[i]->value, b[i]->value), a[i]->name);
  }
}

BOOST_AUTO_TEST_CASE(found_networks_have_the_same_loss_and_gradients) {
  for (const char* name : {"DARTS_V2", "bayesnas_0.01"}) {
    Initial initial{.seed = 3, .dtype = DType::kFloat64};
    EvaluationNetwork net(load_genotype(name), test::tiny_evaluation(), initial);
    test::shake(net);
    const Batch batch = test::noise_batch(3, test::tiny_evaluation().frame);
    const std::vector<Parameter*> weights = net.parameters(ParameterKind::kWeight);
    for (BatchNormMode mode : kModes) {
      const auto pass = [&](bool fuses) {
        return pass_of(weights, [&](Tape& tape) {
          const Context context{.tape = &tape, .batch_norm = mode, .fuses = fuses};
          return softmax_cross_entropy(net.forward(context, batch.images).logits, batch.labels);
        });
      };
      check_equal(weights, pass(true), pass(false));
    }
  }
}

BOOST_AUTO_TEST_CASE(both_stems_give_the_same_loss_and_gradients) {
  for (Stem stem : {Stem::kCifar, Stem::kImageNet}) {
    for (const char* name : {"DARTS_V2", "bayesnas_0.01"}) {
      EvaluationSpec spec = test::tiny_evaluation(32);
      spec.frame.stem = stem;
      Initial initial{.seed = 3, .dtype = DType::kFloat64};
      EvaluationNetwork net(load_genotype(name), spec, initial);
      test::shake(net);
      const Batch batch = test::noise_batch(3, spec.frame);
      const std::vector<Parameter*> weights = net.parameters(ParameterKind::kWeight);
      const auto pass = [&](bool fuses) {
        return pass_of(weights, [&](Tape& tape) {
          const Context context{.tape = &tape, .batch_norm = BatchNormMode::kBatch, .fuses = fuses};
          return softmax_cross_entropy(net.forward(context, batch.images).logits, batch.labels);
        });
      };
      check_equal(weights, pass(true), pass(false));
    }
  }
}

BOOST_AUTO_TEST_CASE(the_norm_of_a_stem_is_no_map_of_its_own) {
  Initial initial;
  const FrameSpec frame = test::tiny_evaluation().frame;
  EvaluationNetwork net(load_genotype("DARTS_V2"), test::tiny_evaluation(), initial);
  const Batch batch = test::noise_batch(3, frame, DType::kFloat32);
  const auto maps_kept = [&](bool fuses) {
    Tape tape;
    net.forward({.tape = &tape, .batch_norm = BatchNormMode::kBatch, .fuses = fuses}, batch.images);
    std::set<const float*> maps;
    for (const Node& node : tape.nodes()) {
      for (const Tensor& kept : node.saved.tensors) {
        if (kept.shape() == Shape{3, 3 * frame.channels, frame.image_size, frame.image_size})
          maps.insert(kept.data<float>());
      }
    }
    return maps.size();
  };
  BOOST_TEST(maps_kept(true) == 1u);
  BOOST_TEST(maps_kept(false) > 1u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ockham
