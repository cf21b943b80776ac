#include "nas/methods/balenas/balenas.h"

#include <algorithm>
#include <numeric>

#include "nas/train/micro_batches.h"

namespace ockham::nas {
namespace {

VariationalOptions with_rule(VariationalOptions options, ArchitectureCurvature curvature) {
  options.rule = curvature == ArchitectureCurvature::kVadam ? VariationalRule::kVadam : VariationalRule::kNewton;
  return options;
}

/// Streams of draws: one a step and sample, apart from initialisation and data order.
RandomKey draw_key(std::uint64_t seed, std::uint64_t number) {
  return {.seed = seed, .purpose = Purpose::kArchitecture, .step = number};
}

}  // namespace

Balenas::Balenas(const SearchSpace& space, const BalenasOptions& options)
    : RelaxedMethod(space, options.relaxed),
      options_(options),
      gaussian_(network().architecture, with_rule(options.variational, options.curvature)) {}

std::vector<Tensor> Balenas::curvature_of(const Batch& valid) const {
  if (options_.curvature == ArchitectureCurvature::kVadam)
    return {};
  Batch part = part_of(valid, 0, std::min(options_.curvature_images, valid.images.size(0)));
  part.images = part.images.to(options().dtype);  // maps in bfloat16 have no second derivatives
  return options_.curvature == ArchitectureCurvature::kVon ? architecture_hessian(network(), part, options_.hessian)
                                                           : mean_squared_gradients(network(), part);
}

void Balenas::architecture_step(const Batch&, const Batch& valid, const StepPlace& place) {
  const auto draws = static_cast<std::uint64_t>(options_.draws);
  for (std::uint64_t k = 0; k < draws; ++k) {
    gaussian_.perturb(draw_key(options().seed, place.number * (draws + 1) + k));
    network().differentiate(valid, place.number);
    gaussian_.accumulate(curvature_of(valid));
  }
  gaussian_.step(options().architecture_lr);
}

Score Balenas::step(const Batch& train, const Batch& valid, const StepPlace& place) {
  architecture_step(train, valid, place);
  if (options_.samples_weight_steps) {
    const auto draws = static_cast<std::uint64_t>(options_.draws);
    gaussian_.perturb(draw_key(options().seed, place.number * (draws + 1) + draws));
  }
  const Score score = weights().step(train, place);
  gaussian_.restore();
  return score;
}

std::vector<Figure> Balenas::figures() const {
  const std::vector<double> sigma = gaussian_.sigma();
  std::vector<Figure> result = RelaxedMethod::figures();
  result.push_back(
      {"sigma_mean", std::accumulate(sigma.begin(), sigma.end(), 0.0) / static_cast<double>(sigma.size())});
  result.push_back({"sigma_min", std::ranges::min(sigma)});
  result.push_back({"sigma_max", std::ranges::max(sigma)});
  result.push_back({"kl", gaussian_.divergence()});
  return result;
}

PosteriorTable Balenas::posterior() const {
  PosteriorTable table = RelaxedMethod::posterior();
  table.columns["mean"] = gaussian_.mean();
  table.columns["sigma"] = gaussian_.sigma();
  return table;
}

std::map<std::string, Tensor> Balenas::state() const {
  std::map<std::string, Tensor> result = RelaxedMethod::state();
  add_state("gaussian.", gaussian_.state(), result);
  return result;
}

void Balenas::load(const std::map<std::string, Tensor>& state) {
  RelaxedMethod::load(state);
  gaussian_.load(part_of_state("gaussian.", state));
}

}  // namespace ockham::nas
