#pragma once
// Parameters of a network as one vector, for methods that move them and come back.
#include "autograd/module.h"
#include "engine/math.h"

namespace ockham::nas {

/// Copies.
inline std::vector<Tensor> values_of(const std::vector<Parameter*>& parameters) {
  std::vector<Tensor> values;
  for (const Parameter* parameter : parameters)
    values.push_back(parameter->value.clone());
  return values;
}

/// All their entries, one after another.
inline std::vector<double> numbers_of(const std::vector<Parameter*>& parameters) {
  std::vector<double> numbers;
  for (const Parameter* parameter : parameters) {
    const Tensor values = parameter->value.to(Device{}).to(DType::kFloat64).contiguous();
    numbers.insert(numbers.end(), values.span<double>().begin(), values.span<double>().end());
  }
  return numbers;
}

/// Their grads as they are, no copies.
inline std::vector<Tensor> grads_of(const std::vector<Parameter*>& parameters) {
  std::vector<Tensor> grads;
  for (const Parameter* parameter : parameters)
    grads.push_back(parameter->grad);
  return grads;
}

/// Parameters = start + step * direction.
inline void place(const std::vector<Parameter*>& parameters, const std::vector<Tensor>& start, double step,
                  const std::vector<Tensor>& direction) {
  for (std::size_t p = 0; p < parameters.size(); ++p) {
    copy(start[p], parameters[p]->value);
    axpy(step, direction[p], parameters[p]->value);
  }
}

/// Brings a part of the parameters, values or grads, to the host's memory for as long as it lives, and what was made of
/// them back at its end, in one transfer each way. Does nothing where they are there already.
class OnHost {
 public:
  OnHost(const std::vector<Parameter*>& parameters, Tensor Parameter::*part);
  ~OnHost();
  OnHost(const OnHost&) = delete;
  OnHost& operator=(const OnHost&) = delete;

 private:
  std::vector<Parameter*> parameters_;
  Tensor Parameter::*part_;
  std::vector<Tensor> there_;  // by parameter, on the device
  Tensor all_;                 // on the host, one after another
};

/// Puts the state and the gradients of a network back when it ends, to the bit.
class Restored {
 public:
  explicit Restored(Module& network) : state_(network.state()), values_(values_of(state_)), grads_(grads_of(state_)) {
    for (const Parameter* parameter : state_)
      places_.push_back(parameter->value);
  }
  ~Restored() {
    for (std::size_t i = 0; i < state_.size(); ++i) {
      copy(values_[i], places_[i]);
      state_[i]->value = places_[i];  // where it was: recorded steps read it there
      state_[i]->grad = grads_[i];
    }
  }
  Restored(const Restored&) = delete;
  Restored& operator=(const Restored&) = delete;

 private:
  std::vector<Parameter*> state_;
  std::vector<Tensor> places_, values_, grads_;
};

}  // namespace ockham::nas
