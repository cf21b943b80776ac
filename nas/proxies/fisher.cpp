// The Fisher proxy: how much the loss would change if a channel of a layer were switched off, to second order.
#include <map>

#include "autograd/sweep.h"
#include "engine/math.h"
#include "nas/proxies/proxies.h"
#include "ops/add_bias/add_bias.h"
#include "ops/softmax_cross_entropy/softmax_cross_entropy.h"

namespace ockham::nas::proxies {
namespace {

/// A convolution's or linear layer's output, which the tape does not keep, from its inputs, which it does.
Tensor output_again(const Node& node) {
  std::vector<Tensor> y{Tensor(node.outputs[0].shape, node.outputs[0].dtype)};
  Saved unused;
  node.op->forward(node.saved.tensors, y, unused);
  return y[0];
}

/// sum over channels of n_c / 2 * mean over images of (sum over pixels of a * a_bar)^2
double layer_score(const Tensor& weight, const Tensor& a, const Tensor& a_bar) {
  const std::int64_t images = a.size(0), channels = a.size(1);
  double squares = 0.0;
  for (const double product : grouped_dot(a, a_bar, images * channels))
    squares += product * product;
  return 0.5 * static_cast<double>(weight.numel() / channels) * squares / static_cast<double>(images);
}

}  // namespace

double fisher(const SearchNetwork& subject, const Batch& batch) {
  Tape tape;
  // One op a layer: a fused convolution does not show its output.
  const Context context{.tape = &tape, .batch_norm = BatchNormMode::kBatch, .fuses = false};
  const Variable loss = softmax_cross_entropy(subject.forward(context, batch.images), batch.labels);
  double score = 0.0;
  std::map<int, Tensor> biases;  // by the node that they are added to, which is met after them
  PullOptions options;
  options.reaches_leaves = false;
  options.visit = [&](int index, Inputs y_bar, Inputs) {
    const Node& node = tape.nodes()[static_cast<std::size_t>(index)];
    if (node.op->name() == "add_bias") {
      const ValueId bias = node.inputs[1];
      biases[node.inputs[0].node] = tape.nodes()[static_cast<std::size_t>(bias.node)].parameter->value;
    } else if (node.op->name() == "conv2d" || node.op->name() == "linear") {
      const auto bias = biases.find(index);
      Tensor a = output_again(node);
      if (bias != biases.end())
        a = add_bias(a, bias->second).value();
      score += layer_score(node.saved[1], a, y_bar[0]);
    }
  };
  pull_back(tape, loss.id(), Tensor::full(with_directions(loss.shape(), 1), 1.0, loss.dtype()), options);
  return score;
}

}  // namespace ockham::nas::proxies
