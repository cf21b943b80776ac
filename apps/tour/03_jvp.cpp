// Tour 3 of 5: tangents. Backpropagation asks "how does every input change this one output?"; a tangent sweep asks
// "how does every output change along this one direction of the inputs?". Both run over the same tape.
#include <cmath>

#include "apps/tour/claim.h"
#include "autograd/sweep.h"
#include "engine/math.h"
#include "engine/random.h"
#include "ops/ops.h"

using namespace ockham;

namespace {

Tensor noise(const Shape& shape, std::uint64_t stream) {
  Tensor t(shape, DType::kFloat64);
  fill_normal(t, {.seed = 1, .purpose = Purpose::kTest, .step = stream});
  return t;
}

Variable network(const Variable& weight) {
  return silu(linear(noise({4, 3}, 1), weight));
}

}  // namespace

int main() {
  Parameter w{.name = "w", .value = noise({5, 3}, 2)};
  Tape tape;
  const Variable y = network(tape.leaf(w));  // [4, 5] from the leaf, node 0

  std::cout << "One direction: dy along a change t of the weights.\n";
  const Tensor t = noise({5, 3}, 3);
  const Tensor y_dot = push_forward(tape, y.id(), {{0, t}}, 1);
  const double h = 1e-6;
  Tensor forward = w.value.clone();
  Tensor backward = w.value.clone();
  axpy(h, t, forward);
  axpy(-h, t, backward);
  Tensor difference = network(forward).value().clone();
  axpy(-1.0, network(backward).value(), difference);
  scale(difference, 0.5 / h);
  axpy(-1.0, y_dot, difference);
  std::cout << "  largest difference to (y(w + ht) - y(w - ht)) / 2h: " << max_abs(difference) << '\n';
  claim(max_abs(difference) < 1e-8, "the tangent is the directional derivative");

  std::cout << "Forward and reverse are transposes: <u, J t> = <J^T u, t>, without any step size.\n";
  const Tensor u = noise({4, 5}, 4);
  const Tensor w_bar = pull_back(tape, y.id(), u.clone(), {}).at(0);
  std::cout << "  " << dot(u, y_dot) << " and " << dot(w_bar, t) << '\n';
  claim(std::abs(dot(u, y_dot) - dot(w_bar, t)) < 1e-12, "they agree to rounding");

  std::cout << "Many directions at once: D tangents are a batch D times as long, for one pass over the tape.\n";
  const std::int64_t D = 15;
  Tensor units = Tensor::zeros({D * 5, 3}, DType::kFloat64);
  for (std::int64_t d = 0; d < D; ++d)
    units.data<double>()[d * 15 + d] = 1.0;
  const Tensor columns = push_forward(tape, y.id(), {{0, units}}, D);  // [15 * 4, 5]: the Jacobian, column by column
  double along_t = 0.0;
  for (std::int64_t d = 0; d < D; ++d)
    along_t += columns.data<double>()[d * 20] * t.data<double>()[d];
  claim(std::abs(along_t - y_dot.data<double>()[0]) < 1e-12, "the columns add up to the tangent along t");
}
