// Tour 2 of 5: backpropagation, first on numbers with everything in sight, then with the library.
//
// The idea: write down every operation in the order in which it ran, each with its local derivatives. Then walk the
// list backwards, and at each entry hand its own derivative on to its inputs. That is all; the rest is bookkeeping.
#include <cmath>
#include <vector>

#include "apps/tour/claim.h"
#include "autograd/reverse.h"
#include "ops/ops.h"

namespace scratch {

struct Entry {
  double value;
  int inputs[2];     // places in the list; -1: none
  double slopes[2];  // d value / d input
};
std::vector<Entry> tape;

struct Number {
  int place;
  double value() const { return tape[static_cast<std::size_t>(place)].value; }
};

Number write_down(double value, Number a = {-1}, double da = 0.0, Number b = {-1}, double db = 0.0) {
  tape.push_back({value, {a.place, b.place}, {da, db}});
  return {static_cast<int>(tape.size()) - 1};
}

Number operator+(Number a, Number b) {
  return write_down(a.value() + b.value(), a, 1.0, b, 1.0);
}
Number operator*(Number a, Number b) {
  return write_down(a.value() * b.value(), a, b.value(), b, a.value());
}
Number tanh(Number a) {
  const double y = std::tanh(a.value());
  return write_down(y, a, 1.0 - y * y);
}

/// d last / d entry for every entry: the chain rule, once backwards. Entries used twice collect two shares.
std::vector<double> gradients() {
  std::vector<double> gradient(tape.size(), 0.0);
  gradient.back() = 1.0;
  for (std::size_t n = tape.size(); n-- > 0;) {
    for (int i = 0; i < 2; ++i) {
      if (tape[n].inputs[i] >= 0)
        gradient[static_cast<std::size_t>(tape[n].inputs[i])] += gradient[n] * tape[n].slopes[i];
    }
  }
  return gradient;
}

}  // namespace scratch

int main() {
  std::cout << "A neuron, o = tanh(x1 w1 + x2 w2 + b) (the example of micrograd), on numbers:\n";
  using scratch::write_down;
  const scratch::Number x1 = write_down(2.0), x2 = write_down(0.0), w1 = write_down(-3.0), w2 = write_down(1.0);
  const scratch::Number b = write_down(6.8813735870195432);
  const scratch::Number o = tanh(x1 * w1 + x2 * w2 + b);
  const std::vector<double> gradient = scratch::gradients();
  const auto of = [&](scratch::Number x) { return gradient[static_cast<std::size_t>(x.place)]; };
  std::cout << "  o = " << o.value() << ", do/dx = (" << of(x1) << ", " << of(x2) << "), do/dw = (" << of(w1) << ", "
            << of(w2) << "), do/db = " << of(b) << '\n';
  claim(std::abs(of(x1) + 1.5) < 1e-12 && std::abs(of(w1) - 1.0) < 1e-12, "do/dx1 = -1.5 and do/dw1 = 1");

  std::cout << "The same on tensors: ops know their derivatives, the tape is a flat list, backward() walks it:\n";
  using namespace ockham;
  Parameter x{.name = "x", .value = Tensor::from({2.0, 0.0}, {1, 2})};
  Parameter w{.name = "w", .value = Tensor::from({-3.0, 1.0}, {1, 2})};
  Parameter bias{.name = "b", .value = Tensor::from({6.8813735870195432}, {1})};
  Tape tape;
  const Variable product = linear(tape.leaf(x), tape.leaf(w));
  const Variable y = tanh(add_bias(product, tape.leaf(bias)));
  backward(y);
  for (const Node& node : tape.nodes())
    std::cout << "  " << (node.op ? std::string(node.op->name()) : "leaf " + node.parameter->name) << ' '
              << node.outputs[0] << '\n';
  claim(y.value().item() == o.value(), "the value is the same");
  claim(x.grad.data<double>()[0] == of(x1) && w.grad.data<double>()[0] == of(w1), "and so are the derivatives");
  claim(bias.grad.item() == of(b), "down to the last bit");
}
