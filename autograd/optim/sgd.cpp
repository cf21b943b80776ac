#include "autograd/optim/sgd.h"

#include <algorithm>
#include <utility>

#include "autograd/optim/on_device.h"
#include "autograd/optim/pieces.h"
#include "engine/allocator.h"
#include "engine/math.h"

namespace ockham {

bool is_bias(const Parameter& parameter) {
  const std::string& name = parameter.name;
  return name == "bias" || name.ends_with(".bias");
}

Sgd::Sgd(std::vector<Parameter*> parameters, const SgdOptions& options)
    : parameters_(std::move(parameters)), options_(options), scalars_(parameters_, 1) {
  const MemoryScope scope(MemoryClass::kOptimizer);
  for (const Parameter* parameter : parameters_)
    momentum_.push_back(Tensor::zeros(parameter->value.shape(), parameter->value.dtype(), parameter->value.device()));
}

void Sgd::prepare(double lr) {
  lr_ = lr;
  scalars_.put({lr});
}

void Sgd::apply(const Tensor& norm) {
  // Gradient; momentum and weight, each read and written.
  profiled([&] { update(norm); }, [&] { return update_call("sgd", parameters_, 5.0); });
}

void Sgd::update(const Tensor& norm) {
  if (scalars_.values())
    return sgd_on(scalars_.values().device(), {parameters_, momentum_, options_, scalars_.values(), norm});
  if (!allows_update(norm))
    return;
  for_each_piece(pieces_of(parameters_, kStepPiece), [&](const Piece& piece, std::size_t) {
    Parameter& parameter = *parameters_[piece.parameter];
    visit_float(parameter.value.dtype(), "sgd", [&]<class T>() {
      T* w = parameter.value.data<T>();
      T* v = momentum_[piece.parameter].data<T>();
      const T* g = std::as_const(parameter.grad).data<T>();
      const T rate = static_cast<T>(is_bias(parameter) ? lr_ * options_.bias_rate : lr_);
      const T momentum = static_cast<T>(options_.momentum);
      const T decay = static_cast<T>(decays(parameter, options_) ? options_.weight_decay : 0.0);
      const bool nesterov = options_.nesterov;
      for (std::int64_t i = piece.begin; i < piece.end; ++i) {
        const T gradient = g[i] + decay * w[i];
        v[i] = momentum * v[i] + gradient;
        w[i] -= rate * (nesterov ? gradient + momentum * v[i] : v[i]);
      }
    });
  });
}

std::map<std::string, Tensor> Sgd::state() const {
  std::map<std::string, Tensor> result;
  for (std::size_t p = 0; p < parameters_.size(); ++p)
    result.emplace("momentum." + parameters_[p]->name, momentum_[p]);
  return result;
}

void Sgd::load(const std::map<std::string, Tensor>& state) {
  for (std::size_t p = 0; p < parameters_.size(); ++p)
    copy(stored_like(state, "momentum." + parameters_[p]->name, momentum_[p]), momentum_[p]);
}

Tensor& Sgd::momentum_of(const Parameter& parameter) {
  const auto it = std::ranges::find(parameters_, &parameter);
  if (it == parameters_.end())
    throw Error(concat("sgd: parameter ", parameter.name, " is not one that this optimiser updates."));
  return momentum_[static_cast<std::size_t>(it - parameters_.begin())];
}

}  // namespace ockham
