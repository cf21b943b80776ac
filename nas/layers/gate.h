#pragma once
// Gates that a search learns drop probabilities of, and what it has to know about them.
#include "nas/layers/layer.h"
#include "ops/concrete_gate/concrete_gate.h"

namespace ockham::nas {

struct GateOptions {
  double drop = 0.1;         ///< p at the start, in (0, 1)
  double temperature = 0.2;  ///< of the relaxed gates (ops/concrete_gate)
};

/// Gates that share one drop probability p = sigmoid(logit), and the kernels whose inputs they multiply. All pointers
/// are to parts of a network, which outlives this.
struct GatedGroup {
  Parameter* logit = nullptr;  ///< of kind kSwitch; may hold those of several groups
  std::int64_t entry = 0;      ///< this group's logit in it
  std::vector<Parameter*> kernels = {};
  double constant_square = 0.0;         ///< stands for the kernels' squared norm in a group without any
  std::vector<double>* keep = nullptr;  ///< a 0 or 1 for each gate: what a pass multiplies by that is no training

  std::int64_t gates() const { return static_cast<std::int64_t>(keep->size()); }
  /// p
  double drop_probability() const;
};

/// Kernels of the convolutions in a module whose name holds `part`.
std::vector<Parameter*> kernels_of(Module& module, std::string_view part = "");

/// p of a logit, and back.
double drop_probability(double logit);
double drop_logit(double probability);
/// How gate `stream` of a network is drawn in a training pass.
ConcreteGateAttrs drawn_gate(const Context& context, double temperature, std::uint64_t stream);

/// The gates before a convolution, one for each of its input channels: relaxed and drawn for every example where the
/// context trains, else the zeros and ones of group().keep, all kept at first. Kept channels are not scaled up.
/// Parameter "logit" [1]. Zhou et al. 2020 (PGNAS, arXiv:1906.09557).
class ChannelGate : public Layer {
 public:
  /// Gates of one network need streams of their own. @throws UsageError unless 0 < drop < 1
  ChannelGate(std::int64_t channels, const GateOptions& options, std::uint64_t stream, const Initial& initial);
  Variable forward(const Context& context, const Variable& x) override;
  /// Zeros and ones wait for the next reader, as a norm does.
  Deferred run(const Context& context, const Deferred& x) override;
  bool takes_deferred() const override { return true; }

  /// With the kernel of the convolution behind it.
  GatedGroup group(Parameter& kernel) { return {.logit = &logit_, .kernels = {&kernel}, .keep = &keep_}; }

 private:
  Parameter& logit_;
  std::vector<double> keep_;
  double temperature_;
  std::uint64_t stream_;
};

}  // namespace ockham::nas
