#include "nas/bayes/variational.h"

#include <algorithm>
#include <cmath>

#include "autograd/optim/state.h"
#include "engine/error.h"
#include "nas/train/parameter_vectors.h"

namespace ockham::nas {
namespace {

/// Calls body(place, parameter, index in the parameter) for every entry.
template <class Body>
void each_entry(const std::vector<Parameter*>& parameters, Body&& body) {
  std::size_t place = 0;
  for (Parameter* parameter : parameters) {
    for (std::int64_t i = 0; i < parameter->value.numel(); ++i)
      body(place++, *parameter, i);
  }
}

double entry(const Tensor& tensor, std::int64_t i) {
  double value = 0.0;
  visit_float(tensor.dtype(), "variational", [&]<class T>() { value = static_cast<double>(tensor.data<T>()[i]); });
  return value;
}

}  // namespace

VariationalPosterior::VariationalPosterior(std::vector<Parameter*> parameters, const VariationalOptions& options)
    : parameters_(std::move(parameters)), options_(options) {
  const auto [rule, N, delta, initial, beta1, beta2] = options_;
  if (!(N >= 1.0) || !(delta > 0.0) || !(initial >= delta))
    throw UsageError(concat("variational posterior: ", N, " examples, prior precision ", delta, ", initial precision ",
                            initial, "; needs N >= 1 and initial >= prior > 0."));
  const OnHost values(parameters_, &Parameter::value);
  each_entry(parameters_, [&](std::size_t, const Parameter& parameter, std::int64_t i) {
    mu_.push_back(entry(parameter.value, i));
  });
  m_.resize(mu_.size());
  s_.assign(mu_.size(), (initial - delta) / N);
  gradient_.resize(mu_.size());
  curvature_.resize(mu_.size());
}

void VariationalPosterior::put(const std::vector<double>& values) {
  const OnHost on_host(parameters_, &Parameter::value);
  each_entry(parameters_, [&](std::size_t place, Parameter& parameter, std::int64_t i) {
    visit_float(parameter.value.dtype(), "variational",
                [&]<class T>() { parameter.value.data<T>()[i] = static_cast<T>(values[place]); });
  });
}

void VariationalPosterior::perturb(const RandomKey& key) {
  put(draw(key));
}

void VariationalPosterior::restore() {
  put(mu_);
}

void VariationalPosterior::accumulate(const std::vector<Tensor>& curvature) {
  const bool is_newton = options_.rule == VariationalRule::kNewton;
  if (is_newton != !curvature.empty() || (is_newton && curvature.size() != parameters_.size()))
    throw Error(concat("variational posterior: got ", curvature.size(),
                       " curvatures; the Newton rules take one for each "
                       "of ",
                       parameters_.size(), " parameters, Vadam none."));
  const OnHost grads(parameters_, &Parameter::grad);
  std::size_t place = 0;
  for (std::size_t p = 0; p < parameters_.size(); ++p) {
    const Tensor& grad = parameters_[p]->grad;
    if (!grad)
      throw Error(concat("variational posterior: ", parameters_[p]->name, " has no gradient; run backward() first."));
    for (std::int64_t i = 0; i < grad.numel(); ++i, ++place) {
      const double g = entry(grad, i);
      gradient_[place] += g;
      curvature_[place] += is_newton ? entry(curvature[p], i) : g * g;
    }
  }
  ++draws_;
}

void VariationalPosterior::step(double lr) {
  if (draws_ == 0)
    throw Error("variational posterior: a step needs at least one accumulate() before it.");
  const double weight_decay = options_.prior_precision / options_.examples;
  const double b1 = options_.beta1, b2 = options_.beta2;
  const double draws = static_cast<double>(draws_), t = static_cast<double>(++steps_);
  const double bias1 = 1.0 - std::pow(b1, t), bias2 = 1.0 - std::pow(b2, t);
  for (std::size_t j = 0; j < mu_.size(); ++j) {
    m_[j] = b1 * m_[j] + (1.0 - b1) * (gradient_[j] / draws + weight_decay * mu_[j]);
    s_[j] = std::max(0.0, b2 * s_[j] + (1.0 - b2) * curvature_[j] / draws);
    const double scale = options_.rule == VariationalRule::kVadam ? std::sqrt(s_[j] / bias2) : s_[j];
    mu_[j] -= lr * m_[j] / bias1 / (scale + weight_decay);
  }
  std::ranges::fill(gradient_, 0.0);
  std::ranges::fill(curvature_, 0.0);
  draws_ = 0;
  restore();
}

std::vector<double> VariationalPosterior::sigma() const {
  std::vector<double> result;
  for (const double s : s_)
    result.push_back(1.0 / std::sqrt(options_.examples * s + options_.prior_precision));
  return result;
}

double VariationalPosterior::divergence() const {
  const double delta = options_.prior_precision;
  const std::vector<double> widths = sigma();
  double total = 0.0;
  for (std::size_t j = 0; j < mu_.size(); ++j) {
    const double variance = widths[j] * widths[j];
    total += 0.5 * (delta * (mu_[j] * mu_[j] + variance) - 1.0 - std::log(delta * variance));
  }
  return total;
}

std::vector<double> VariationalPosterior::draw(const RandomKey& key) const {
  std::vector<double> result = sigma();
  for (std::size_t j = 0; j < result.size(); ++j)
    result[j] = mu_[j] + result[j] * normal(key, j);
  return result;
}

std::map<std::string, Tensor> VariationalPosterior::state() const {
  const Shape shape{static_cast<std::int64_t>(mu_.size())};
  return {{"variational.mean", Tensor::from(mu_, shape)},
          {"variational.momentum", Tensor::from(m_, shape)},
          {"variational.s", Tensor::from(s_, shape)},
          {"variational.steps", Tensor::from(std::vector<double>{static_cast<double>(steps_)}, {1})}};
}

void VariationalPosterior::load(const std::map<std::string, Tensor>& state) {
  const auto read = [&](const std::string& name, std::vector<double>& to) {
    const Tensor stored = stored_like(state, name, Tensor::from(to, {static_cast<std::int64_t>(to.size())}));
    std::ranges::copy(stored.span<double>(), to.begin());
  };
  std::vector<double> steps(1);
  read("variational.mean", mu_);
  read("variational.momentum", m_);
  read("variational.s", s_);
  read("variational.steps", steps);
  steps_ = static_cast<std::int64_t>(steps[0]);
}

}  // namespace ockham::nas
