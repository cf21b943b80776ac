#include "ops/conv_unit/conv_unit.h"

#include <algorithm>
#include <cmath>

#include "autograd/registry.h"
#include "engine/parallel.h"
#include "ops/conv2d/conv2d_ref.h"
#include "ops/conv2d/conv2d_rules.h"
#include "ops/conv_unit/conv_unit_filters.h"
#include "ops/conv_unit/conv_unit_op.h"
#include "ops/diagonal.h"
#include "ops/infer.h"
#include "ops/moments/moments_kernels.h"

namespace ockham {

using cpu::Conv2dSize;
using cpu::UnitSample;

std::string ConvUnit::attrs() const {
  const Conv2dAttrs& conv = attrs_.conv;
  return concat(affine_at_ != kNone ? "affine " : "", attrs_.rectifies ? "relu " : "", "stride=", conv.stride,
                " pad=", conv.pad, " dilation=", conv.dilation, " groups=", conv.groups,
                pointwise_at_ != kNone ? " pointwise" : "", attrs_.takes_moments ? " moments" : "");
}

std::vector<Spec> ConvUnit::infer(std::span<const Spec> x) const {
  require_float(*this, x);
  Shape z = check_conv2d(*this, x, attrs_.conv, x[0].shape, x[w_at_].shape);
  if (affine_at_ != kNone && x[affine_at_].shape != Shape{2, x[0].shape[1]})
    throw ShapeError(concat(describe(*this, x), ": affine must be [2,", x[0].shape[1],
                            "], a scale and a shift for each channel of x."));
  if (pointwise_at_ != kNone) {
    const Shape& w = x[pointwise_at_].shape;
    if (w.rank() != 4 || w[2] != 1 || w[3] != 1)
      throw ShapeError(describe(*this, x) + ": w_pointwise must be [K,K1,1,1].");
    z = check_conv2d(*this, x, {}, z, w);
  }
  std::vector<Spec> outputs{{z, x[0].dtype}};
  if (attrs_.takes_moments) {
    if (z[0] < 1)
      throw ShapeError(describe(*this, x) + ": moments need at least one sample.");
    outputs.push_back({{2, z[1]}, x[0].dtype});
  }
  return outputs;
}

std::string ConvUnit::kernel(std::span<const Spec> x) const {
  const auto& first = cpu::conv2d_kernel<float>(cpu::conv2d_size(attrs_.conv, x[0].shape, x[w_at_].shape));
  const bool multiplies = first.form != cpu::Conv2dForm::kDepthwise || pointwise_at_ != kNone;
  if (x[0].dtype == DType::kBFloat16 && multiplies)
    return concat(first.name, ", bfloat16 products: ", gemm_bf16_kernel());
  return std::string(first.name);
}

double ConvUnit::flops(std::span<const Spec> x) const {
  const Conv2dSize s = cpu::conv2d_size(attrs_.conv, x[0].shape, x[w_at_].shape);
  const double pixels = static_cast<double>(s.N * s.P * s.Q);
  const std::int64_t weights = s.w_numel() + (pointwise_at_ == kNone ? 0 : x[pointwise_at_].shape.numel());
  return 2.0 * pixels * static_cast<double>(weights);
}

/// Sample by sample, all that a sample needs while it is in the cache.
template <class Stage, class T>
void ConvUnit::forward_by_samples(const UnitSample<T>& unit, const typename Stage::Shared& layouts, std::int64_t N,
                                  Tensor& y, cpu::PlaneMoments* planes) const {
  const bool is_narrow = unit.x.is_narrow();
  T* const z = is_narrow ? nullptr : y.data<T>();
  BFloat16* const narrow_z = is_narrow ? y.data<BFloat16>() : nullptr;
  parallel_for(N, sample_grain(N), [&](std::int64_t begin, std::int64_t end) {
    ScratchScope scratch;
    UnitSample<T> own = unit;
    own.x = unit.x.for_task(scratch);
    Stage stage(own, layouts, scratch);
    T* q = scratch.take<T>(unit.q_numel());
    T* const z_tile = is_narrow ? scratch.take<T>(unit.z_numel()) : nullptr;
    for (std::int64_t n = begin; n < end; ++n) {
      T* const z_n = is_narrow ? z_tile : z + n * unit.z_numel();
      own.x.enter(n);
      stage.load(n);
      stage.forward(unit.w_pointwise ? q : z_n);
      if (unit.w_pointwise)
        unit.convolve_point(q, z_n);
      if constexpr (std::is_same_v<T, float>) {
        if (is_narrow) {
          convert(unit.z_numel(), z_n, narrow_z + n * unit.z_numel());
          // The moments are those of the rounded map: it is what a norm will divide by its deviation.
          convert(unit.z_numel(), narrow_z + n * unit.z_numel(), z_n);
        }
      }
      unit.take_moments(n, z_n, planes);
    }
  });
}

/// The first convolution of all samples at once, for kernels that want it so.
template <class T>
void ConvUnit::forward_by_stages(const UnitSample<T>& unit, std::int64_t N, Tensor& y,
                                 cpu::PlaneMoments* planes) const {
  const std::int64_t q_numel = unit.q_numel(), z_numel = unit.z_numel();
  T* const z = y.data<T>();
  const Tensor r_all = loaded(unit, N);
  Tensor q_all = unit.w_pointwise ? Tensor({N, q_numel}, y.dtype()) : Tensor();
  unit.convolve(N, r_all ? r_all.data<T>() : unit.x.data(), q_all ? q_all.data<T>() : z);
  parallel_for(N, sample_grain(N), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t n = begin; n < end; ++n) {
      if (q_all)
        unit.convolve_point(q_all.data<T>() + n * q_numel, z + n * z_numel);
      unit.take_moments(n, z + n * z_numel, planes);
    }
  });
}

void ConvUnit::forward(Inputs x, Outputs y, Saved& saved) const {
  saved.tensors.assign(x.begin(), x.end());
  visit_float(compute_type(x[0].dtype()), name(), [&]<class T>() {
    const std::int64_t N = x[0].size(0);
    ScratchScope shared;
    const UnitSample<T> apart = sample_of<T>(saved);
    UnitSample<T> unit = composes_forward(apart, N) ? composed(apart, shared) : apart;
    unit.pack(false, shared);
    const std::int64_t K = unit.z_channels();
    auto* planes = attrs_.takes_moments ? shared.take<cpu::PlaneMoments>(N * K) : nullptr;
    if (!unit.x.is_narrow() && unit.conv_kernel(N).is_for_batches)
      forward_by_stages(unit, N, y[0], planes);
    else
      with_stage(unit, shared, [&]<class Stage>(const typename Stage::Shared& layouts) {
        forward_by_samples<Stage>(unit, layouts, N, y[0], planes);
      });
    if (planes != nullptr)
      cpu::merge_moments(N, K, unit.z_plane(), planes, y[1].data<T>());
  });
  if (attrs_.takes_moments)
    saved.keep(y[0], y[1]);
}

void ConvUnit::weight_diagonal(const Saved& saved, std::int64_t D, Inputs y_bar, std::size_t input, Grouping grouping,
                               Tensor& H) const {
  if ((input != w_at_ && input != pointwise_at_) || attrs_.takes_moments)
    return Op::weight_diagonal(saved, D, y_bar, input, grouping, H);
  Tensor entries = Tensor::zeros(saved[input].shape(), DType::kFloat64);
  visit_float(saved[0].dtype(), name(), [&]<class T>() {
    const UnitSample<T> unit = sample_of<T>(saved);
    const std::int64_t N = saved[0].size(0);
    ScratchScope scratch;
    T* r_tile = scratch.take<T>(unit.conv.x_sample());
    T* q = scratch.take<T>(unit.q_numel());
    T* cotangents = scratch.take<T>(D * std::max(unit.q_numel(), unit.z_numel()));
    for (std::int64_t n = 0; n < N; ++n) {
      const T* r = unit.load(n, r_tile);
      const auto z_bar = [&](std::int64_t d) { return y_bar[0].data<T>() + (d * N + n) * unit.z_numel(); };
      if (input == w_at_) {
        for (std::int64_t d = 0; d < D; ++d) {
          T* const to = cotangents + d * unit.q_numel();
          if (const T* q_bar = unit.transpose_point(z_bar(d), to); q_bar != to)
            std::copy_n(q_bar, unit.q_numel(), to);
        }
        unit.conv_kernel().weight_squares(unit.conv, D, r, cotangents, entries.data<double>());
      } else {
        for (std::int64_t d = 0; d < D; ++d)
          std::copy_n(z_bar(d), unit.z_numel(), cotangents + d * unit.z_numel());
        unit.conv_kernel().forward(unit.conv, r, unit.w, T(0), q);
        unit.point_kernel().weight_squares(unit.point, D, q, cotangents, entries.data<double>());
      }
    }
  });
  add_grouped(entries, grouping, H);
}

namespace {

/// By naive float64 loops: load, the reference convolutions, mean and variance by definition.
std::vector<Tensor> reference(const ConvUnitAttrs& attrs, bool has_affine, bool has_pointwise, Inputs x) {
  Tensor r = x[0].clone();
  const std::int64_t C = r.size(1), plane = r.size(2) * r.size(3);
  for (std::int64_t i = 0; i < r.numel(); ++i) {
    double& value = r.data<double>()[i];
    const std::int64_t c = i / plane % C;
    if (has_affine)
      value = x[1].data<double>()[c] * value + x[1].data<double>()[C + c];
    if (attrs.rectifies)
      value = std::max(value, 0.0);
  }
  const auto convolved = [](const Conv2dAttrs& conv, const Tensor& from, const Tensor& w) {
    const Conv2dSize size = cpu::conv2d_size(conv, from.shape(), w.shape());
    Tensor to({size.N, size.K, size.P, size.Q}, DType::kFloat64);
    cpu::reference_conv2d<double>().forward(size, from.data<double>(), w.data<double>(), 0.0, to.data<double>());
    return to;
  };
  Tensor z = convolved(attrs.conv, r, x[has_affine ? 2 : 1]);
  if (has_pointwise)
    z = convolved({}, z, x[has_affine ? 3 : 2]);
  if (!attrs.takes_moments)
    return {z};
  const std::int64_t K = z.size(1), z_plane = z.size(2) * z.size(3);
  const double M = static_cast<double>(z.size(0) * z_plane);
  Tensor m = Tensor::zeros({2, K}, DType::kFloat64);
  for (std::int64_t i = 0; i < z.numel(); ++i)
    m.data<double>()[i / z_plane % K] += z.data<double>()[i] / M;
  for (std::int64_t i = 0; i < z.numel(); ++i) {
    const std::int64_t k = i / z_plane % K;
    m.data<double>()[K + k] += std::pow(z.data<double>()[i] - m.data<double>()[k], 2) / M;
  }
  return {z, m};
}

/// w_pointwise of an empty shape: none. Affines lie in +-1 or, where they vanish, are zero.
OpSample sample(std::string name, const ConvUnitAttrs& attrs, bool has_affine, const Shape& x, const Shape& w,
                const Shape& w_pointwise = {}, bool affine_vanishes = false) {
  const bool has_pointwise = w_pointwise.rank() != 0;
  std::vector<InputDraw> inputs{{.shape = x, .draw = Draw::kAwayFromZero}};
  if (has_affine)
    inputs.push_back({.shape = {2, x[1]}, .low = affine_vanishes ? 0.0 : -1.0, .high = affine_vanishes ? 0.0 : 1.0});
  const std::size_t first_weight = inputs.size();
  inputs.push_back({.shape = w});
  if (has_pointwise)
    inputs.push_back({.shape = w_pointwise});
  std::vector<std::size_t> diagonal_inputs;
  for (std::size_t i = first_weight; !attrs.takes_moments && i < inputs.size(); ++i)
    diagonal_inputs.push_back(i);
  return {.name = std::move(name),
          .make = [=] { return std::make_unique<ConvUnit>(attrs, has_affine, has_pointwise); },
          .inputs = inputs,
          .reference = [=](Inputs values) { return reference(attrs, has_affine, has_pointwise, values); },
          .diagonal_inputs = diagonal_inputs};
}

BadSample bad(std::vector<Spec> inputs, std::vector<std::string> parts) {
  return {.make = [] { return std::make_unique<ConvUnit>(ConvUnitAttrs{.conv = {.pad = 1}}, true, true); },
          .inputs = std::move(inputs),
          .message_parts = std::move(parts)};
}

constexpr Conv2dAttrs kDepthwise3{.pad = 1, .groups = 3};

OCKHAM_REGISTER_OP(
    conv_unit,
    {.name = "conv_unit",
     .samples = {sample("affine, relu, depthwise, pointwise, moments", {.conv = kDepthwise3}, true, {4, 3, 5, 6},
                        {3, 1, 3, 3}, {2, 3, 1, 1}),
                 sample("relu, strided dilated depthwise, pointwise, moments",
                        {.conv = {.stride = 2, .pad = 2, .dilation = 2, .groups = 2}}, false, {3, 2, 6, 5},
                        {2, 1, 3, 3}, {4, 2, 1, 1}),
                 sample("affine, relu, dense, pointwise", {.takes_moments = false, .conv = {.pad = 2, .dilation = 2}},
                        true, {2, 3, 5, 4}, {4, 3, 3, 3}, {5, 4, 1, 1}),
                 sample("filters composed in all passes", {.conv = {.pad = 2, .dilation = 2}}, true, {3, 2, 6, 5},
                        {4, 2, 3, 3}, {3, 4, 1, 1}),
                 sample("dense before a wider 1x1: not composed", {.conv = {.pad = 1}}, false, {2, 2, 4, 5},
                        {2, 2, 3, 3}, {7, 2, 1, 1}),
                 sample("groups of two before a 1x1: not composed", {.conv = {.pad = 1, .groups = 2}}, true,
                        {2, 4, 4, 5}, {4, 2, 3, 3}, {3, 4, 1, 1}),
                 sample("affine, dense with moments", {.rectifies = false, .conv = {.stride = 2, .pad = 1}}, true,
                        {3, 2, 5, 6}, {4, 2, 3, 3}),
                 sample("scales of zero", {.rectifies = false, .conv = kDepthwise3}, true, {2, 3, 4, 5}, {3, 1, 3, 3},
                        {2, 3, 1, 1}, true),
                 sample("3x3 on 8x8, moments", {.conv = kDepthwise3}, true, {2, 3, 8, 8}, {3, 1, 3, 3}, {2, 3, 1, 1}),
                 sample("dilated 5x5 on 8x16", {.takes_moments = false, .conv = {.pad = 4, .dilation = 2, .groups = 2}},
                        false, {2, 2, 8, 16}, {2, 1, 5, 5}, {3, 2, 1, 1}),
                 sample("dilated 3x3 on 16x8", {.takes_moments = false, .conv = {.pad = 2, .dilation = 2, .groups = 2}},
                        false, {1, 2, 16, 8}, {2, 1, 3, 3}),
                 sample("5x5 on 8x40", {.takes_moments = false, .conv = {.pad = 2, .groups = 1}}, true, {2, 1, 8, 40},
                        {1, 1, 5, 5}),
                 sample("relu, 1x1", {.takes_moments = false}, false, {2, 5, 3, 4}, {3, 5, 1, 1}),
                 sample("plain convolution with moments", {.rectifies = false, .conv = {.pad = 1}}, false, {2, 3, 4, 5},
                        {2, 3, 3, 3}),
                 sample("affine, relu, strided 1x1 with moments", {.conv = {.stride = 2}}, true, {3, 4, 4, 6},
                        {2, 4, 1, 1}),
                 sample("1x1 as wide as a GPU's library takes, moments", {.rectifies = false}, false, {3, 128, 2, 4},
                        {129, 128, 1, 1})},
     .bad = {bad({{{2, 3, 5, 5}}, {{2, 4}}, {{3, 3, 3, 3}}, {{4, 3, 1, 1}}}, {"conv_unit", "affine must be [2,3]"}),
             bad({{{2, 3, 5, 5}}, {{2, 3}}, {{3, 2, 3, 3}}, {{4, 3, 1, 1}}}, {"needs C/groups = 3"}),
             bad({{{2, 3, 5, 5}}, {{2, 3}}, {{3, 3, 3, 3}}, {{4, 3, 3, 3}}}, {"w_pointwise must be [K,K1,1,1]"}),
             bad({{{2, 3, 5, 5}}, {{2, 3}}, {{3, 3, 3, 3}}, {{4, 2, 1, 1}}}, {"w has 2 input channels"}),
             bad({{{0, 3, 5, 5}}, {{2, 3}}, {{3, 3, 3, 3}}, {{4, 3, 1, 1}}}, {"at least one sample"}),
             bad({{{2, 3, 5, 5}}, {{2, 3}}, {{3, 3, 3, 3}}}, {"takes 4 inputs, got 3"})}});

}  // namespace

ConvUnitResult conv_unit(const Variable& x, const Variable& affine, const Variable& w, const Variable& w_pointwise,
                         const ConvUnitAttrs& attrs) {
  std::vector<Variable> inputs{x};
  if (affine.value())
    inputs.push_back(affine);
  inputs.push_back(w);
  if (w_pointwise.value())
    inputs.push_back(w_pointwise);
  std::vector<Variable> outputs = record(
      std::make_shared<const ConvUnit>(attrs, affine.value().is_defined(), w_pointwise.value().is_defined()), inputs);
  return {outputs[0], attrs.takes_moments ? outputs[1] : Variable()};
}

}  // namespace ockham
