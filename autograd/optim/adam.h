#pragma once
#include "autograd/optim/optimizer.h"
#include "autograd/optim/state.h"

namespace ockham {

struct AdamOptions {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0.0;  ///< added to the gradient (the l2 form), for kWeight and kSwitch alike
};

/// m = b1 m + (1-b1) g;  v = b2 v + (1-b2) g^2;  w -= lr * (m / (1-b1^t)) / (sqrt(v / (1-b2^t)) + eps).
/// Kingma and Ba 2015, algorithm 1.
class Adam : public Optimizer {
 public:
  Adam(std::vector<Parameter*> parameters, const AdamOptions& options);
  void prepare(double lr) override;
  void apply(const Tensor& norm = {}) override;
  std::map<std::string, Tensor> state() const override;
  void load(const std::map<std::string, Tensor>& state) override;

 private:
  void update(const Tensor& norm);

  std::vector<Parameter*> parameters_;
  std::vector<Tensor> mean_;
  std::vector<Tensor> square_;
  std::int64_t steps_ = 0;
  AdamOptions options_;
  double rate_ = 0.0;   // lr / (1 - b1^t)
  double scale_ = 0.0;  // 1 / sqrt(1 - b2^t)
  DeviceScalars scalars_;
};

}  // namespace ockham
