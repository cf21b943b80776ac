// Tour 4 of 5: the diagonal of the Hessian, exactly, on a network whose branches meet again.
//
// Central differences of the gradient need two sweeps an entry and a step size; the exact algorithms need neither. The
// Gauss-Newton value leaves out the curvature of the network itself and is what is left where that vanishes.
#include <cmath>
#include <iomanip>

#include "apps/tour/claim.h"
#include "autograd/hessian.h"
#include "engine/random.h"
#include "ops/ops.h"

using namespace ockham;

namespace {

Tensor noise(const Shape& shape, std::uint64_t stream) {
  Tensor t(shape, DType::kFloat64);
  fill_normal(t, {.seed = 3, .purpose = Purpose::kTest, .step = stream});
  return t;
}

/// Two ways from the stem to a mix by switches, and a batch norm below: with batch statistics samples are coupled.
struct Network {
  Parameter stem{.name = "stem", .value = noise({4, 2, 3, 3}, 1)};
  Parameter pointwise{.name = "pointwise", .value = noise({4, 4, 1, 1}, 2)};
  Parameter switches{.name = "switches", .value = noise({3}, 3), .kind = ParameterKind::kSwitch};
  Parameter classifier{.name = "classifier", .value = noise({3, 4}, 4)};

  Variable loss(Tape& tape, bool uses_batch) {
    const Variable x = relu(conv2d(noise({6, 2, 7, 7}, 5), tape.leaf(stem), {.pad = 1}));
    const Variable a = conv2d(x, tape.leaf(pointwise));
    const Variable b = max_pool2d(x, {.kernel = 3, .stride = 1, .pad = 1});
    const Variable mix = weighted_sum(tape.leaf(switches), std::vector{a, b, x});
    const Variable y = uses_batch ? batch_norm_train(mix, {}, {}).y
                                  : batch_norm_eval(mix, {}, {}, Tensor::zeros({4}, DType::kFloat64),
                                                    Tensor::full({4}, 9.0, DType::kFloat64));
    const Variable logits = linear(global_avg_pool(relu(y)), tape.leaf(classifier));
    return softmax_cross_entropy(logits, Tensor::from<std::int64_t>({0, 1, 2, 2, 1, 0}, {6}));
  }
};

void show(Network& network, bool uses_batch) {
  std::cout << (uses_batch ? "Batch statistics" : "Fixed statistics") << ":\n";
  Parameter* const which[] = {&network.switches};
  Tape tape;
  const Variable loss = network.loss(tape, uses_batch);
  const HessianResult exact = hessian_diagonal(loss, which);
  const HessianResult gauss_newton = hessian_diagonal(loss, which, {.curvature = Curvature::kGaussNewton});
  std::cout << "  algorithm " << (exact.algorithm == HessianAlgorithm::kReverse ? 'R' : 'F') << ": " << exact.reason
            << "\n       exact  difference  Gauss-Newton\n";
  double error = 0.0;
  double gap = 0.0;
  for (std::int64_t i = 0; i < 3; ++i) {
    const double value = exact.diagonal[0].data<double>()[i];
    const double newton = gauss_newton.diagonal[0].data<double>()[i];
    const double difference =
        hessian_by_difference([&](Tape& other) { return network.loss(other, uses_batch); }, network.switches, i);
    std::cout << std::fixed << std::setprecision(8) << std::setw(12) << value << std::setw(12) << difference
              << std::setw(14) << newton << '\n';
    error = std::max(error, std::abs(value - difference));
    gap = std::max(gap, std::abs(value - newton));
  }
  claim(error < 1e-6, "exact and difference agree");
  claim((gap > 1e-4) == uses_batch, uses_batch ? "Gauss-Newton misses the curvature of batch norm"
                                               : "Gauss-Newton is exact: the network is linear in each switch");
}

}  // namespace

int main() {
  Network network;
  show(network, false);
  show(network, true);
}
