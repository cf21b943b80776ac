#pragma once
// The list of ops with the samples on which all their pieces are checked (gradcheck/gradcheck.h). An op registers
// itself with one line in its .cpp; the automatic tests, the self-check app and the documentation read the list.
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "autograd/op.h"

namespace ockham {

/// How a check draws an input.
enum class Draw {
  kUniform,       ///< uniform in [low, high]
  kAwayFromZero,  ///< uniform, |x| >= 0.05: for kinks at zero
  kSeparated,     ///< distinct values at least 1e-3 apart: for arg-max
  kLabels,        ///< int64 in [0, high)
};

struct InputDraw {
  Shape shape = {};
  Draw draw = Draw::kUniform;
  double low = -1.0;
  double high = 1.0;
};

struct OpSample {
  std::string name;                           ///< what is special about it: "stride 2, dilation 2, groups 3"
  std::function<std::unique_ptr<Op>()> make;  ///< the op with this sample's attributes
  std::vector<InputDraw> inputs;              ///< sizes all different, so that swapped axes show
  /// The outputs by naive float64 loops or plain mathematics, sharing no code with the kernels.
  std::function<std::vector<Tensor>(Inputs)> reference;
  /// Inputs that are parameters with a weight_diagonal().
  std::vector<std::size_t> diagonal_inputs = {};
  /// False: dimension 0 of the inputs counts no samples (a vector of switches), so nothing is claimed of rows.
  bool has_samples = true;
};

/// Inputs that infer() must refuse, and parts that its message must contain.
struct BadSample {
  std::function<std::unique_ptr<Op>()> make;
  std::vector<Spec> inputs;
  std::vector<std::string> message_parts;
};

struct OpCase {
  std::string name;
  std::vector<OpSample> samples;
  std::vector<BadSample> bad = {};
  /// No pass has a parallel loop, so there is nothing that the number of threads could change.
  bool is_serial = false;
};

class OpRegistry {
 public:
  static OpRegistry& instance();
  bool add(OpCase op_case);
  /// In order of name, whatever the order of static initialisation was.
  std::vector<OpCase> cases() const;

 private:
  std::vector<OpCase> cases_;
};

}  // namespace ockham

/// At namespace scope in ops/NAME/NAME.cpp: OCKHAM_REGISTER_OP(relu, {.name = "relu", .samples = {...}});
#define OCKHAM_REGISTER_OP(name, ...) \
  [[maybe_unused]] static const bool registered_##name = ::ockham::OpRegistry::instance().add(__VA_ARGS__)
