#include "autograd/narrow.h"

#include <algorithm>

#include "autograd/device_passes.h"
#include "autograd/side_interfaces.h"

namespace ockham {
namespace {

bool is_narrow(const Tensor& t) {
  return t.is_defined() && t.dtype() == DType::kBFloat16;
}

Tensor widened(const Tensor& t) {
  return is_narrow(t) ? t.to(DType::kFloat32) : t;
}

std::vector<Tensor> widened(Inputs tensors) {
  std::vector<Tensor> result;
  for (const Tensor& t : tensors)
    result.push_back(widened(t));
  return result;
}

/// An output of an op on bfloat16 inputs, as it is stored.
Spec stored(const Spec& y) {
  const bool is_map = y.shape.rank() == 4 && y.dtype == DType::kFloat32;
  return {y.shape, is_map ? DType::kBFloat16 : y.dtype};
}

/// What an op saved of the wide copies it was given is kept as the narrow tensors that they stand for.
void narrow_saved(Saved& saved, Inputs wide, Inputs narrow) {
  for (Tensor& kept : saved.tensors) {
    for (std::size_t i = 0; i < wide.size(); ++i) {
      if (!is_narrow(narrow[i]) || !kept.shares_storage_with(wide[i]))
        continue;
      kept = kept.shape() == narrow[i].shape() ? narrow[i] : kept.contiguous().to(DType::kBFloat16);
      break;
    }
  }
}

}  // namespace

std::vector<Tensor> forward_of(const Op& op, Inputs x, std::span<const Spec> specs, Saved& saved) {
  require_input_count(op, specs);
  const Device device = device_of(x);
  std::vector<Tensor> y;
  if (std::ranges::none_of(x, is_narrow)) {
    for (const Spec& spec : op.infer(specs))
      y.emplace_back(spec, device);
    run_forward(op, x, y, saved);
    return y;
  }
  std::vector<Spec> wide_specs(specs.begin(), specs.end());
  for (Spec& spec : wide_specs)
    spec.dtype = compute_type(spec.dtype);
  const std::vector<Spec> outputs = op.infer(wide_specs);
  if (op.as<ReadsBFloat16>() != nullptr) {
    std::vector<Tensor> given(x.begin(), x.end());
    for (Tensor& t : given) {
      if (t.rank() != 4)
        t = widened(t);
    }
    for (const Spec& spec : outputs)
      y.emplace_back(stored(spec), device);
    run_forward(op, given, y, saved);
    return y;
  }
  const std::vector<Tensor> wide_x = widened(x);
  std::vector<Tensor> wide_y;
  for (const Spec& spec : outputs)
    wide_y.emplace_back(spec, device);
  run_forward(op, wide_x, wide_y, saved);
  for (const Tensor& t : wide_y)
    y.push_back(t.to(stored(t.spec()).dtype));
  narrow_saved(saved, wide_x, x);
  narrow_saved(saved, wide_y, y);
  return y;
}

void vjp_of(const Op& op, const Saved& saved, std::int64_t D, Inputs y_bar, const Tensor& factor,
            std::span<GradSlot> x_bar) {
  if (std::ranges::none_of(saved.tensors, is_narrow) || op.as<ReadsBFloat16>() != nullptr)
    run_vjp(op, saved, D, y_bar, x_bar, factor);
  else
    run_vjp(op, {widened(saved.tensors)}, D, y_bar, x_bar, factor);
}

void require_wide(const Tape& tape) {
  for (const Node& node : tape.nodes()) {
    for (const Spec& spec : node.outputs) {
      if (spec.dtype == DType::kBFloat16)
        throw DTypeError(concat("hessian: ", node.op->name(), " on this tape made ", spec,
                                ", but second derivatives are taken of float32 or float64 maps only; record the loss "
                                "again on float32 images."));
    }
  }
}

}  // namespace ockham
