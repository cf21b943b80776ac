#pragma once
// Updates on other devices than the CPU: what a backend registers (engine/per_device.h). Tensors of a call lie on one
// device; a parameter without a grad stays as it is.
#include <span>
#include <vector>

#include "autograd/optim/adam.h"
#include "autograd/optim/sgd.h"
#include "engine/per_device.h"

namespace ockham {

struct SgdUpdate {
  std::span<Parameter* const> parameters;
  std::span<Tensor> momentum;  ///< by parameter
  const SgdOptions& options;
  const Tensor& scalars;  ///< float64: learning rate
  const Tensor& norm;     ///< float64 []: nothing happens unless it is finite; undefined: it was not measured
};

struct AdamUpdate {
  std::span<Parameter* const> parameters;
  std::span<Tensor> mean;    ///< by parameter
  std::span<Tensor> square;  ///< by parameter
  const AdamOptions& options;
  const Tensor& scalars;  ///< float64: learning rate / (1 - beta1^t), 1 / sqrt(1 - beta2^t)
  const Tensor& norm;     ///< as for SgdUpdate
};

inline constinit PerDevice<void(const SgdUpdate&)> sgd_on{"sgd"};
inline constinit PerDevice<void(const AdamUpdate&)> adam_on{"adam"};
/// clip_gradients() with the norm, float64 [], left on the device.
inline constinit PerDevice<void(const std::vector<Parameter*>&, double limit, Tensor& norm)> clip_on{"clip_gradients"};

}  // namespace ockham
