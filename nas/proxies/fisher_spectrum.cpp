// How evenly the Fisher matrix of a few weights of every layer spreads over its eigenvectors.
#include <cmath>
#include <map>

#include "autograd/device_passes.h"
#include "autograd/sweep.h"
#include "engine/math.h"
#include "nas/proxies/kernel_scores.h"
#include "nas/proxies/proxies.h"
#include "nas/train/parameter_vectors.h"
#include "ops/softmax/softmax.h"
#include "ops/softmax_cross_entropy/softmax_cross_entropy.h"

namespace ockham::nas::proxies {
namespace {

/// Without norms logits of many paths are huge and their probabilities 0 and 1, of which no matrix is left.
constexpr double kSmoothing = 0.05;

/// Weights normal with variance 2 / fan in, norms and their running statistics the identity, biases 0: without batch
/// statistics no norm takes care of scales.
void draw_weights(Module& network, std::uint64_t seed) {
  std::uint64_t stream = 0;
  for (Parameter* parameter : network.state()) {
    Tensor& value = parameter->value;
    if (parameter->kind == ParameterKind::kWeight && value.rank() >= 2) {
      fill_normal(value, {seed, Purpose::kProbe, stream++});
      scale(value, std::sqrt(2.0 * static_cast<double>(value.size(0)) / static_cast<double>(value.numel())));
    } else if (parameter->kind != ParameterKind::kSwitch) {
      fill(value, parameter->name.ends_with("weight") || parameter->name.ends_with("running_var") ? 1.0 : 0.0);
    }
  }
}

/// By parameter: its place in the matrix.
using Places = std::map<const Parameter*, std::size_t>;

/// Columns c [columns, C] with sum c c^T = diag(p) - p p^T, of p = softmax(logits) mixed with equal parts for all
/// classes: the factor that algorithm R pulls back, of the loss at log p.
Tensor factor_of(const Tensor& logits, double smoothing) {
  Parameter log_p{.name = "log_p", .value = softmax(logits.to(DType::kFloat64)).value().clone()};
  const double equal = smoothing / static_cast<double>(logits.size(1));
  for (double& p : log_p.value.span<double>())
    p = std::log((1.0 - smoothing) * p + equal);
  Tape tape;
  const Variable loss = softmax_cross_entropy(tape.leaf(log_p), Tensor::zeros({1}, DType::kInt64));  // no label counts
  const Node& end = tape.nodes()[static_cast<std::size_t>(loss.id().node)];
  const auto& loss_op = dynamic_cast<const LossOp&>(*end.op);
  const std::int64_t D = loss_op.factor_columns(end.saved);
  Tensor columns(with_directions(logits.shape(), D), DType::kFloat64);
  run_factor(loss_op, end.saved, 0, D, columns);
  return columns.to(logits.dtype());
}

/// [columns, K]: for each column of the factor the derivatives of the logits along it by the first entry of every
/// weight, for one image. Zeros where the logits do not depend on one.
std::vector<double> factor_rows(const SearchNetwork& subject, const Tensor& image, const Places& places,
                                double smoothing) {
  Tape tape;
  const Variable logits = subject.forward({.tape = &tape}, image);
  if (!logits.is_recorded())
    return {};
  Tensor columns = factor_of(logits.value(), smoothing);
  PullOptions options;
  options.D = columns.size(0);
  std::vector<double> rows(static_cast<std::size_t>(options.D) * places.size());
  for (const auto& [node, cotangents] : pull_back(tape, logits.id(), std::move(columns), options)) {
    const auto place = places.find(tape.nodes()[static_cast<std::size_t>(node)].parameter);
    if (place == places.end())
      continue;
    const Tensor values = cotangents.contiguous().to(DType::kFloat64);
    for (std::int64_t c = 0; c < options.D; ++c)
      rows[static_cast<std::size_t>(c) * places.size() + place->second] =
          values.data<double>()[c * values.numel() / options.D];
  }
  return rows;
}

}  // namespace

std::vector<double> fisher_matrix(const SearchNetwork& subject, const Tensor& images, double smoothing) {
  Places places;
  for (const Parameter* weight : subject.weights())
    places.emplace(weight, places.size());
  const std::size_t K = places.size();
  std::vector<double> F(K * K);
  for (std::int64_t n = 0; n < images.size(0); ++n) {
    const Tensor image = images.slice(0, n, n + 1).contiguous();
    add_gram(factor_rows(subject, image, places, smoothing), static_cast<std::int64_t>(K), F);
  }
  for (double& entry : F)
    entry /= static_cast<double>(images.size(0));
  return F;
}

double fisher_spectrum(const SearchNetwork& subject, const Tensor& images, std::uint64_t seed) {
  const Restored restored(*subject.module);
  draw_weights(*subject.module, seed);
  const std::vector<double> F = fisher_matrix(subject, images, kSmoothing);
  return spectrum_entropy(F, static_cast<std::int64_t>(subject.weights().size()));
}

}  // namespace ockham::nas::proxies
