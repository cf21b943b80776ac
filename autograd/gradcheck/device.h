#pragma once
// The checks of an op on another device: every pass against the CPU's, on every registered sample. Used by the tests
// over the emulation, by the self-check on a real device, and by an author at work.
#include <string>
#include <vector>

#include "autograd/gradcheck/gradcheck.h"

namespace ockham {

/// What a device is compared in. kBFloat16: maps in bfloat16, only for ops that read them themselves. kTf32: float32 in
/// MathMode::kTf32, only for samples whose forward pass has a product that the mode changes.
enum class CheckFormat { kFloat64, kFloat32, kBFloat16, kTf32 };

/// One sample on `device` against the CPU:
///   forward     outputs, and what was saved for the later passes, tensor by tensor
///   vjp         for 1 and 3 cotangents; overwriting NaN, adding to noise, with slots not wanted and cotangents
///   missing;
///               and where the op has it of a scaled cotangent, and leaving cotangents scaled
///   jvp         for 1 and 3 tangents; with tangents missing
///   curvature   for 3 tangents, alone and joined with jvp
///   diagonal    weight_diagonal of OpSample::diagonal_inputs, every grouping that the parameter has
///   factor      of a loss: its columns
///   repeat      the device twice, to the bit: 0
///   alone       the first of 3 cotangents or tangents, to the bit what it gives as the only one: 0
///   kernels     passes that the host did for the device: 0; left out where the device has no passes for the op
///   recorded    the same work recorded and run, to the bit: 0; left out where the device has no passes for the op
/// Tolerances, of the largest entry: float64 1e-10; float32 1e-5 sqrt(largest numel), as far as sums in another order
/// go; bfloat16 2^-6, two steps of its mantissa, for maps, and the same for sums of them; tf32 2^-9, four times what
/// rounding a factor to ten bits changes it by at most.
/// @throws Error from a pass
std::vector<CheckResult> check_on_device(const OpSample& sample, CheckFormat format, Device device,
                                         std::uint64_t seed = 1);

/// Has the op passes of its own for every sample of the case on the device? Else it runs on the host, on copies.
bool runs_on_device(const OpCase& op_case, Device device);

}  // namespace ockham
