#include "nas/train/averaged_weights.h"

#include <algorithm>

#include "autograd/optim/state.h"
#include "engine/allocator.h"
#include "engine/math.h"

namespace ockham::nas {

AveragedWeights::AveragedWeights(Module& network, double decay) : decay_(decay) {
  const MemoryScope scope(MemoryClass::kOptimizer);
  for (Parameter* parameter : network.state()) {
    if (parameter->value.dtype() == DType::kInt64)
      continue;
    parameters_.push_back(parameter);
    averages_.push_back(parameter->value.clone());
  }
}

void AveragedWeights::restart() {
  for (std::size_t p = 0; p < parameters_.size(); ++p)
    copy(parameters_[p]->value, averages_[p]);
}

void AveragedWeights::update(std::uint64_t number) {
  const auto n = static_cast<double>(number);
  const double decay = std::min(decay_, (1.0 + n) / (10.0 + n));
  for (std::size_t p = 0; p < parameters_.size(); ++p) {
    scale(averages_[p], decay);
    axpy(1.0 - decay, parameters_[p]->value, averages_[p]);
  }
}

void AveragedWeights::exchange() {
  for (std::size_t p = 0; p < parameters_.size(); ++p) {
    const Tensor average = averages_[p].clone();
    copy(parameters_[p]->value, averages_[p]);
    copy(average, parameters_[p]->value);
  }
}

std::map<std::string, Tensor> AveragedWeights::state() const {
  std::map<std::string, Tensor> result;
  for (std::size_t p = 0; p < parameters_.size(); ++p)
    result.emplace(parameters_[p]->name, averages_[p]);
  return result;
}

void AveragedWeights::load(const std::map<std::string, Tensor>& state) {
  for (std::size_t p = 0; p < parameters_.size(); ++p)
    copy(stored_like(state, parameters_[p]->name, averages_[p]), averages_[p]);
}

}  // namespace ockham::nas
