#pragma once
// Networks small enough for tests of milliseconds, with states that hide nothing: every weight, switch and running
// statistic is different from its initial value.
#include "engine/math.h"
#include "engine/random.h"
#include "nas/network/evaluation_network.h"
#include "nas/spaces/cells/supernet.h"
#include "nas/train/score.h"
#include "ops/softmax_cross_entropy/softmax_cross_entropy.h"

namespace ockham::test {

inline Tensor noise(const Shape& shape, DType dtype, std::uint64_t stream) {
  Tensor t(shape, dtype);
  fill_normal(t, {.seed = 5, .purpose = Purpose::kTest, .step = stream});
  return t;
}

/// Images of noise with labels 0, 1, 2, ...
inline nas::Batch noise_batch(std::int64_t count, const nas::FrameSpec& frame, DType dtype = DType::kFloat64,
                              std::uint64_t stream = 0) {
  nas::Batch batch{noise({count, frame.image_channels, frame.image_size, frame.image_size}, dtype, stream),
                   Tensor({count}, DType::kInt64)};
  for (std::int64_t n = 0; n < count; ++n)
    batch.labels.data<std::int64_t>()[n] = n % frame.classes;
  return batch;
}

/// The given search network at 3 cells (normal, reduction, reduction), 4 channels, 3 classes, 8x8 images.
inline nas::SupernetSpec tiny(nas::SupernetSpec spec) {
  spec.frame.channels = 4;
  spec.frame.cells = 3;
  spec.frame.classes = 3;
  spec.frame.image_size = 8;
  return spec;
}

inline nas::EvaluationSpec tiny_evaluation(std::int64_t image_size = 8) {
  return {.frame = {.channels = 4, .cells = 3, .classes = 3, .image_size = image_size}};
}

/// Moves everything but convolution weights, which are random anyway, away from ones and zeros.
inline void shake(Module& net, std::uint64_t stream = 100) {
  for (Parameter* parameter : net.state()) {
    Tensor& value = parameter->value;
    const RandomKey key{.seed = 6, .purpose = Purpose::kTest, .step = stream++};
    if (parameter->name.ends_with("running_var"))
      fill_uniform(value, key, 0.5, 2.0);
    else if (parameter->name.ends_with("running_mean"))
      fill_normal(value, key, 0.0, 0.3);
    else if (parameter->kind == ParameterKind::kSwitch || value.rank() == 1)
      axpy(0.3, noise(value.shape(), value.dtype(), stream), value);
  }
}

inline Parameter& parameter_named(Module& net, std::string_view name) {
  for (Parameter* parameter : net.state()) {
    if (parameter->name == name)
      return *parameter;
  }
  throw std::runtime_error("no parameter " + std::string(name));
}

inline bool has_parameter(Module& net, std::string_view name) {
  return std::ranges::any_of(net.state(), [&](const Parameter* p) { return p->name == name; });
}

inline double read(const Tensor& t, std::int64_t i) {
  return visit_float(t.dtype(), "test", [&]<class T>() { return static_cast<double>(t.data<T>()[i]); });
}

inline void write(Tensor& t, std::int64_t i, double value) {
  visit_float(t.dtype(), "test", [&]<class T>() { t.data<T>()[i] = static_cast<T>(value); });
}

/// Largest |a - b| over the largest |b|.
inline double relative_gap(const Tensor& a, const Tensor& b) {
  Tensor gap = a.clone();
  axpy(-1.0, b.contiguous(), gap);
  return max_abs(gap) / max_abs(b);
}

inline bool has_equal_bits(const Tensor& a, const Tensor& b) {
  const auto bytes = [](const Tensor& t) {
    return t.dtype() == DType::kInt64
               ? std::as_bytes(t.span<std::int64_t>())
               : visit_float(t.dtype(), "test", [&]<class T>() { return std::as_bytes(t.span<T>()); });
  };
  return a.spec() == b.spec() && std::ranges::equal(bytes(a), bytes(b));
}

/// Copies of all values of a network, to compare with later.
inline std::vector<Tensor> values_of(const std::vector<Parameter*>& parameters) {
  std::vector<Tensor> values;
  for (const Parameter* parameter : parameters)
    values.push_back(parameter->value.clone());
  return values;
}

inline Variable loss_of(nas::Supernet& net, const Context& context, const nas::Batch& batch) {
  return softmax_cross_entropy(net.forward(context, batch.images), batch.labels);
}

}  // namespace ockham::test
