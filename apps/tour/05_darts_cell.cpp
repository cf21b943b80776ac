// Tour 5 of 5: an edge of a DARTS cell. Four operations run side by side, mixed by the softmax of four switches
// (Liu, Simonyan, Yang 2019, eq. 2). Weights and switches learn together; the largest switch names the operation.
//
// The task needs the convolution: stripes lie across or upright, and only a filter tells them apart, since both
// pictures have the same mean, maximum and pixels.
#include <cmath>
#include <iomanip>

#include "apps/tour/claim.h"
#include "autograd/hessian.h"
#include "autograd/optim/adam.h"
#include "autograd/optim/sgd.h"
#include "autograd/reverse.h"
#include "engine/random.h"
#include "ops/ops.h"

using namespace ockham;

namespace {

constexpr std::int64_t kImages = 32;
constexpr std::int64_t kSize = 8;
constexpr const char* kOperations[] = {"skip", "max pool", "average pool", "convolution"};

Tensor draw(const Shape& shape, std::uint64_t stream, double deviation) {
  Tensor t(shape);
  fill_normal(t, {.seed = 11, .purpose = Purpose::kInit, .step = stream}, 0.0, deviation);
  return t;
}

/// Image n has stripes of width 2 across (label 0) or upright (label 1), shifted and with noise.
Tensor stripes() {
  Tensor images = draw({kImages, 1, kSize, kSize}, 1, 0.2);
  for (std::int64_t i = 0; i < images.numel(); ++i) {
    const std::int64_t n = i / (kSize * kSize);
    const std::int64_t along = n % 2 == 0 ? i / kSize % kSize : i % kSize;
    images.data<float>()[i] += (along + n / 2) / 2 % 2 == 0 ? 1.0f : -1.0f;
  }
  return images;
}

struct Edge {
  Parameter filter{.name = "filter", .value = draw({1, 1, 3, 3}, 2, 0.3)};
  Parameter classifier{.name = "classifier", .value = draw({2, 1}, 3, 0.5)};
  Parameter bias{.name = "bias", .value = Tensor::zeros({2})};
  Parameter switches{.name = "switches", .value = Tensor::zeros({1, 4}), .kind = ParameterKind::kSwitch};

  Variable loss(Tape& tape, const Tensor& images, const Tensor& labels) {
    const Variable x = images;
    const std::vector<Variable> branches = {x, max_pool2d(x, {.kernel = 3, .stride = 1, .pad = 1}),
                                            avg_pool2d(x, {.kernel = 3, .stride = 1, .pad = 1}),
                                            conv2d(x, tape.leaf(filter), {.pad = 1})};
    const Variable mix = weighted_sum(softmax(tape.leaf(switches)), branches);
    const Variable features = global_avg_pool(relu(mix));
    return softmax_cross_entropy(add_bias(linear(features, tape.leaf(classifier)), tape.leaf(bias)), labels);
  }
};

}  // namespace

int main() {
  const Tensor images = stripes();
  Tensor labels({kImages}, DType::kInt64);
  for (std::int64_t n = 0; n < kImages; ++n)
    labels.data<std::int64_t>()[n] = n % 2;

  Edge edge;
  Sgd sgd({&edge.filter, &edge.classifier, &edge.bias}, {.momentum = 0.9});
  Adam adam({&edge.switches}, {.beta1 = 0.5});
  Tape tape;
  double first = 0.0;
  double last = 0.0;
  for (int step = 0; step < 150; ++step) {
    tape.clear();
    const Variable loss = edge.loss(tape, images, labels);
    backward(loss);
    sgd.step(0.05);
    adam.step(0.02);
    last = loss.value().item();
    first = step == 0 ? last : first;
    if (step % 50 == 0)
      std::cout << "step " << step << ": loss " << last << '\n';
  }
  std::cout << "end: loss " << last << '\n';
  claim(last < 0.5 * first, "the loss fell below half");

  tape.clear();
  Parameter* const which[] = {&edge.switches};
  const HessianResult exact = hessian_diagonal(edge.loss(tape, images, labels), which);
  const Tensor strength = softmax(edge.switches.value).value();
  for (std::int64_t k = 0; k < 4; ++k)
    std::cout << "  " << std::setw(13) << std::left << kOperations[k] << std::right << strength.data<float>()[k]
              << "  curvature " << exact.diagonal[0].data<double>()[k] << '\n';
  const float* s = strength.data<float>();
  claim(std::max_element(s, s + 4) - s == 3, "the convolution has the largest switch");
}
