#pragma once
// DARTS: Adam on the softmax logits, with the architecture gradient of nas/methods/darts/darts_gradient.h. Liu,
// Simonyan, Yang 2019, arXiv:1806.09055; settings of its public program.
#include "autograd/optim/adam.h"
#include "nas/methods/relaxed.h"

namespace ockham::nas {

struct DartsOptions {
  RelaxedOptions relaxed = {};
  AdamOptions adam{.beta1 = 0.5, .beta2 = 0.999, .weight_decay = 1e-3};
  bool is_second_order = false;  ///< unrolled: four gradients a step in place of one
};

class Darts : public RelaxedMethod {
 public:
  Darts(const SearchSpace& space, const DartsOptions& options);

  std::map<std::string, Tensor> state() const override;
  void load(const std::map<std::string, Tensor>& state) override;

 private:
  void architecture_step(const Batch& train, const Batch& valid, const StepPlace& place) override;

  DartsOptions options_;
  Adam adam_;
  RepeatedStep repeated_;  // of the first-order architecture step
};

}  // namespace ockham::nas
