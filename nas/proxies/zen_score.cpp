// Zen-score: how far a small step of the input moves the features of a network with random weights.
#include <algorithm>
#include <cmath>

#include "nas/layers/layer.h"
#include "nas/proxies/proxies.h"
#include "nas/train/parameter_vectors.h"

namespace ockham::nas::proxies {
namespace {

constexpr std::string_view kVariance = "running_var";

/// Draws fresh tensors, each from a stream of its own.
class Normals {
 public:
  explicit Normals(std::uint64_t seed) : seed_(seed) {}
  void fill(Tensor& x) { fill_normal(x, {seed_, Purpose::kProbe, next_++}); }
  Tensor draw(const Shape& shape, DType dtype) {
    Tensor x(shape, dtype);
    fill(x);
    return x;
  }

 private:
  std::uint64_t seed_;
  std::uint64_t next_ = 0;
};

/// Weights normal, norms plain, running variances 0: one training pass leaves kMomentum times its batch's.
void draw_weights(Module& network, Normals& normals) {
  for (Parameter* parameter : network.state()) {
    if (parameter->kind == ParameterKind::kWeight && parameter->value.rank() >= 2)
      normals.fill(parameter->value);
    else if (parameter->kind == ParameterKind::kWeight)
      fill(parameter->value, parameter->name.ends_with("weight") ? 1.0 : 0.0);
    else if (parameter->name.ends_with(kVariance) || parameter->name.ends_with("num_batches_tracked"))
      fill(parameter->value, 0.0);
  }
}

/// sum over the norms that one training pass ran of log sqrt(mean variance)
double log_scales(Module& network) {
  double total = 0.0;
  const std::vector<Parameter*> state = network.state();
  for (const Parameter* variance : state) {
    if (!variance->name.ends_with(kVariance))
      continue;
    const std::string norm = variance->name.substr(0, variance->name.size() - kVariance.size());
    const auto batches = std::ranges::find(state, norm + "num_batches_tracked", &Parameter::name);
    if (batches == state.end() || (*batches)->value.item() == 0.0)
      continue;
    const double mean = sum(variance->value) / static_cast<double>(variance->value.numel()) / BatchNorm::kMomentum;
    total += 0.5 * std::log(mean);
  }
  return total;
}

double absolute_difference(const Tensor& a, const Tensor& b) {
  double total = 0.0;
  visit_float(a.dtype(), "zen_score", [&]<class T>() {
    for (std::int64_t i = 0; i < a.numel(); ++i)
      total += std::abs(static_cast<double>(a.data<T>()[i]) - static_cast<double>(b.data<T>()[i]));
  });
  return total;
}

}  // namespace

double zen_score(const SearchNetwork& features, std::int64_t channels, std::int64_t size, const ZenOptions& options) {
  if (options.batch < 1 || options.repeats < 1)
    throw UsageError(concat("zen_score: a batch of ", options.batch, " images, ", options.repeats,
                            " repeats; both must be at least 1."));
  const Restored restored(*features.module);
  const std::vector<Parameter*> weights = features.weights();
  const DType dtype = weights.empty() ? DType::kFloat64 : weights.front()->value.dtype();
  const Shape images{options.batch, channels, size, size};
  Normals normals(options.seed);
  double total = 0.0;
  for (std::int64_t repeat = 0; repeat < options.repeats; ++repeat) {
    draw_weights(*features.module, normals);
    const Tensor x = normals.draw(images, dtype);
    const Tensor there = features.forward({.batch_norm = BatchNormMode::kBatch, .is_training = true}, x).value();
    total += log_scales(*features.module);
    Tensor moved = x.clone();  // what f(x) is may be x itself
    axpy(options.gamma, normals.draw(images, dtype), moved);
    const Tensor beside = features.forward({.batch_norm = BatchNormMode::kBatch}, moved).value();
    total += std::log(absolute_difference(there, beside) / static_cast<double>(options.batch));
  }
  return total / static_cast<double>(options.repeats);
}

}  // namespace ockham::nas::proxies
