#pragma once
// Recurrent networks as state-space systems: layers of tanh cells or LSTM cells, unrolled on the tape, and a linear
// readout at every step. Elman 1990; Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000; names
// of weights and order of gates are PyTorch's, but that a layer has one bias, as a second adds nothing.
//
// Each weight is used once a step, so that algorithm R (autograd/hessian.h) is not exact here and is refused; so would
// be a sum of the second derivatives by a copy of the weight for every step, which leaves out those by two copies.
// Exact are algorithm F, a tangent sweep a weight, and Gauss-Newton by the same sweeps for that matrix's diagonal. The
// supplement of Zhou, Yang, Wang, Pan 2019 has a diagonal recursion through the steps: an estimate, and what
// Curvature::kRecursion gives here.
#include <vector>

#include "autograd/module.h"

namespace ockham::nas {

enum class RecurrentCell {
  kTanh,  ///< x_t = tanh(W_x x_{t-1} + W_i u_t + b)
  kLstm,  ///< i, f, g, o of W_x x_{t-1} + W_i u_t + b;  c_t = f c_{t-1} + i g;  x_t = o tanh(c_t)
};

struct RecurrentSpec {
  RecurrentCell cell = RecurrentCell::kTanh;
  std::int64_t inputs = 1;
  std::vector<std::int64_t> states = {1};  ///< by layer
  std::int64_t outputs = 1;
};

class RecurrentNetwork : public Module {
 public:
  /// What a layer has, in gates x states rows: 1 for kTanh, 4 for kLstm.
  struct Layer {
    Parameter* input;  ///< "weight_ih_l0": W_i
    Parameter* state;  ///< "weight_hh_l0": W_x
    Parameter* bias;   ///< "bias_l0"
  };

  /// Weights uniform in +-1/sqrt(states), the readout's likewise. @throws UsageError for sizes that are not positive
  RecurrentNetwork(const RecurrentSpec& spec, Initial& initial);

  /// From states of zero. @param u [N, T, inputs], T >= 1
  /// @return [N, T * outputs], the outputs of a step side by side @throws ShapeError
  Variable forward(const Context& context, const Variable& u);

  const RecurrentSpec& spec() const { return spec_; }
  const std::vector<Layer>& layers() const { return layers_; }
  Parameter& readout() { return readout_; }      ///< "readout.weight": W_o
  Parameter& readout_bias() { return offset_; }  ///< "readout.bias"
  std::int64_t gates() const { return spec_.cell == RecurrentCell::kLstm ? 4 : 1; }

 private:
  RecurrentSpec spec_;
  std::vector<Layer> layers_;
  Parameter& readout_;
  Parameter& offset_;
};

}  // namespace ockham::nas
