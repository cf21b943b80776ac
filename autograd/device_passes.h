#pragma once
// The passes of an op on tensors of another device than the CPU. A backend registers them by the type of the op, beside
// its kernels (ops/NAME/NAME_cuda.cu); whatever is not there, or answers false, the op's own pass does on the host, on
// copies, and the log says so once. So Saved holds the same tensors in the same order wherever forward() ran.
#include <memory>
#include <typeinfo>

#include "autograd/op.h"

namespace ockham {

/// Arguments are those of the functions of Op (op.h), all tensors on one device; true: done. Where a pass reads numbers
/// that the host decides by, it answers false for those it cannot serve before it does anything.
class DevicePasses {
 public:
  virtual ~DevicePasses() = default;
  virtual bool forward(const Op&, Inputs, Outputs, Saved&) const { return false; }
  virtual bool vjp(const Op&, const Saved&, std::int64_t, Inputs, std::span<GradSlot>) const { return false; }
  /// vjp() where y_bar[0] is to be multiplied by a factor per channel; for an op that TakesScaled.
  virtual bool vjp_scaled(const Op&, const Saved&, std::int64_t, Inputs, const Tensor& /*factor*/,
                          std::span<GradSlot>) const {
    return false;
  }
  /// Whether vjp_scaled() is there, and whether vjp() takes offers of GradSlot::factor.
  virtual bool takes_scaled() const { return false; }
  virtual bool leaves_scaled() const { return false; }
  virtual bool jvp(const Op&, const Saved&, std::int64_t, Inputs, Outputs) const { return false; }
  virtual bool curvature(const Op&, const Saved&, std::int64_t, Inputs, Inputs, Inputs, Inputs,
                         std::span<double>) const {
    return false;
  }
  virtual bool weight_diagonal(const Op&, const Saved&, std::int64_t, Inputs, std::size_t, Grouping, Tensor&) const {
    return false;
  }
  /// Of a LossOp.
  virtual bool factor(const Op&, const Saved&, std::int64_t, std::int64_t, Tensor&) const { return false; }
};

/// @return true; a second registration of one type replaces the first
bool register_passes(const std::type_info& op, Device::Kind kind, std::unique_ptr<DevicePasses> passes);

/// True if the device has passes of its own for the op: what the self-check lists.
bool has_passes(const Op& op, Device device);

/// Whether run_vjp() of the op takes a factor there, and whether it takes offers of GradSlot::factor for an input.
bool takes_scaled(const Op& op, Device device);
bool leaves_scaled(const Op& op, std::size_t input, Device device);

/// The passes of `op` where its tensors are: on the CPU the op's own, elsewhere the device's, else on the host.
/// @throws DeviceError if the tensors lie on several devices, naming op and tensors
void run_forward(const Op& op, Inputs x, Outputs y, Saved& saved);
/// factor: of y_bar[0] per channel, only where takes_scaled(); undefined: none.
void run_vjp(const Op& op, const Saved& saved, std::int64_t D, Inputs y_bar, std::span<GradSlot> x_bar,
             const Tensor& factor = {});
void run_jvp(const Op& op, const Saved& saved, std::int64_t D, Inputs x_dot, Outputs y_dot);
void run_curvature(const Op& op, const Saved& saved, std::int64_t D, Inputs y_bar, Inputs x_bar, Inputs x_dot,
                   Inputs y_dot, std::span<double> acc);
/// jvp() and curvature(), in one where the op has that.
void run_jvp_curvature(const Op& op, const Saved& saved, std::int64_t D, Inputs y_bar, Inputs x_bar, Inputs x_dot,
                       Outputs y_dot, std::span<double> acc);
void run_weight_diagonal(const Op& op, const Saved& saved, std::int64_t D, Inputs y_bar, std::size_t input,
                         Grouping grouping, Tensor& H);
/// HasSampleGradients::sample_gradients(), on the host everywhere and for the host: some numbers a sample.
Tensor run_sample_gradients(const Op& op, const Saved& saved, std::int64_t D, Inputs y_bar, std::size_t input);
/// HasRecursion::recursion(), on the host everywhere: the published approximation is there for comparison alone.
void run_recursion(const Op& op, const Saved& saved, Inputs y_bar, Inputs h_y, std::span<GradSlot> h_x);
void run_factor(const LossOp& op, const Saved& saved, std::int64_t first, std::int64_t count, Tensor& columns);
void run_recursion_seed(const LossOp& op, const Saved& saved, Tensor& h);
double run_factor_tail(const LossOp& op, const Saved& saved, std::int64_t r);

/// Where the first defined tensor is; the CPU if none is.
Device device_of(Inputs tensors);

}  // namespace ockham

/// At namespace scope in ops/NAME/NAME_cuda.cu: OCKHAM_CUDA_PASSES(relu, ElementwiseOp<Relu>, ReluCuda);
#define OCKHAM_CUDA_PASSES(name, op, passes)                     \
  [[maybe_unused]] static const bool registered_on_cuda_##name = \
      ::ockham::register_passes(typeid(op), ::ockham::Device::Kind::kCuda, std::make_unique<passes>())
