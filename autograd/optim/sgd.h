#pragma once
#include "autograd/optim/optimizer.h"
#include "autograd/optim/state.h"

namespace ockham {

struct SgdOptions {
  double momentum = 0.9;
  double weight_decay = 0.0;  ///< for kWeight parameters only: switches are never decayed
  bool nesterov = false;
  bool decays_vectors = true;  ///< weight decay of parameters of one dimension: norms and biases
  /// Rate of biases and of the shifts of norms, as a multiple of the others'. Page 2018, Jordan 2024
  /// (arXiv:2404.00498).
  double bias_rate = 1.0;
};

/// "bias" of a module.
bool is_bias(const Parameter& parameter);

/// Does weight decay draw on this parameter?
inline bool decays(const Parameter& parameter, const SgdOptions& options) {
  return parameter.kind == ParameterKind::kWeight && (options.decays_vectors || parameter.value.rank() > 1);
}

/// v = momentum * v + (g + weight_decay * w);  w -= lr * (nesterov ? g + weight_decay * w + momentum * v : v).
/// Sutskever et al. 2013, in the form without dampening that PyTorch uses.
class Sgd : public Optimizer {
 public:
  Sgd(std::vector<Parameter*> parameters, const SgdOptions& options);
  void prepare(double lr) override;
  void apply(const Tensor& norm = {}) override;
  std::map<std::string, Tensor> state() const override;
  void load(const std::map<std::string, Tensor>& state) override;
  /// The momentum buffer of a parameter, to clear entries that were pruned. @throws Error for a stranger
  Tensor& momentum_of(const Parameter& parameter);

 private:
  void update(const Tensor& norm);

  std::vector<Parameter*> parameters_;
  std::vector<Tensor> momentum_;
  SgdOptions options_;
  double lr_ = 0.0;
  DeviceScalars scalars_;
};

}  // namespace ockham
