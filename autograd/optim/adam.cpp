#include "autograd/optim/adam.h"

#include <cmath>
#include <utility>

#include "autograd/optim/on_device.h"
#include "autograd/optim/pieces.h"
#include "engine/allocator.h"
#include "engine/math.h"

namespace ockham {

Adam::Adam(std::vector<Parameter*> parameters, const AdamOptions& options)
    : parameters_(std::move(parameters)), options_(options), scalars_(parameters_, 2) {
  const MemoryScope scope(MemoryClass::kOptimizer);
  for (const Parameter* parameter : parameters_) {
    const Tensor& value = parameter->value;
    mean_.push_back(Tensor::zeros(value.shape(), value.dtype(), value.device()));
    square_.push_back(Tensor::zeros(value.shape(), value.dtype(), value.device()));
  }
}

void Adam::prepare(double lr) {
  ++steps_;
  const double mean_bias = 1.0 - std::pow(options_.beta1, static_cast<double>(steps_));
  const double square_bias = 1.0 - std::pow(options_.beta2, static_cast<double>(steps_));
  rate_ = lr / mean_bias;
  scale_ = 1.0 / std::sqrt(square_bias);
  scalars_.put({rate_, scale_});
}

void Adam::apply(const Tensor& norm) {
  // Gradient; both moments and weight, each read and written.
  profiled([&] { update(norm); }, [&] { return update_call("adam", parameters_, 7.0); });
}

void Adam::update(const Tensor& norm) {
  if (scalars_.values())
    return adam_on(scalars_.values().device(), {parameters_, mean_, square_, options_, scalars_.values(), norm});
  if (!allows_update(norm))
    return;
  for_each_piece(pieces_of(parameters_, kStepPiece), [&](const Piece& piece, std::size_t) {
    Parameter& parameter = *parameters_[piece.parameter];
    visit_float(parameter.value.dtype(), "adam", [&]<class T>() {
      T* w = parameter.value.data<T>();
      T* m = mean_[piece.parameter].data<T>();
      T* v = square_[piece.parameter].data<T>();
      const T* g = std::as_const(parameter.grad).data<T>();
      const auto b1 = static_cast<T>(options_.beta1);
      const auto b2 = static_cast<T>(options_.beta2);
      const auto decay = static_cast<T>(options_.weight_decay);
      const auto rate = static_cast<T>(rate_);
      const auto scale = static_cast<T>(scale_);
      const auto epsilon = static_cast<T>(options_.epsilon);
      for (std::int64_t i = piece.begin; i < piece.end; ++i) {
        const T gradient = g[i] + decay * w[i];
        m[i] = b1 * m[i] + (T(1) - b1) * gradient;
        v[i] = b2 * v[i] + (T(1) - b2) * gradient * gradient;
        w[i] -= rate * m[i] / (std::sqrt(v[i]) * scale + epsilon);
      }
    });
  });
}

std::map<std::string, Tensor> Adam::state() const {
  std::map<std::string, Tensor> result{{"steps", Tensor::from<std::int64_t>({steps_}, {})}};
  for (std::size_t p = 0; p < parameters_.size(); ++p) {
    result.emplace("exp_avg." + parameters_[p]->name, mean_[p]);
    result.emplace("exp_avg_sq." + parameters_[p]->name, square_[p]);
  }
  return result;
}

void Adam::load(const std::map<std::string, Tensor>& state) {
  steps_ = static_cast<std::int64_t>(stored_like(state, "steps", Tensor({}, DType::kInt64)).item());
  for (std::size_t p = 0; p < parameters_.size(); ++p) {
    copy(stored_like(state, "exp_avg." + parameters_[p]->name, mean_[p]), mean_[p]);
    copy(stored_like(state, "exp_avg_sq." + parameters_[p]->name, square_[p]), square_[p]);
  }
}

}  // namespace ockham
