#include "ops/concrete_gate/concrete_gate.h"

#include <cmath>

#include "autograd/registry.h"
#include "engine/lanes.h"
#include "engine/parallel.h"
#include "ops/concrete_gate/concrete_gate_op.h"
#include "ops/infer.h"

namespace ockham {

namespace {

using Gate = ConcreteValue<double>;

template <class T>
void scale_plane(double factor, const T* x, std::int64_t numel, bool adds, T* y) {
  const T f = static_cast<T>(factor);
  for (std::int64_t i = 0; i < numel; ++i)
    y[i] = adds ? y[i] + f * x[i] : f * x[i];
}

}  // namespace

double concrete_keep(double logit, double u1, double u2, double temperature) {
  return Gate::of(logit, u1, u2, temperature).keep;
}

std::string ConcreteGate::attrs() const {
  return concat("temperature=", attrs_.temperature, attrs_.one_per_group ? " one_per_group" : "");
}

std::vector<Spec> ConcreteGate::infer(std::span<const Spec> x) const {
  require_float(*this, x);
  if (x[0].shape.rank() < 2 || x[1].shape.rank() != 1)
    throw ShapeError(concat(describe(*this, x), ": needs x [N, C, ...] and logit [G]."));
  const std::int64_t C = x[0].shape[1], G = x[1].shape[0];
  if (group_.empty() ? G != 1 && G != C : std::ssize(group_) != C)
    throw ShapeError(concat(describe(*this, x), ": ", C, " channels, ", G, " logits and ", group_.size(),
                            " groups; give one group a channel, or none with one logit or one for each channel."));
  for (const std::int64_t g : group_) {
    if (g < 0 || g >= G)
      throw ShapeError(concat(describe(*this, x), ": group ", g, " is not in [0, ", G, "), the logits."));
  }
  return {x[0]};
}

void ConcreteGate::forward(Inputs x, Outputs y, Saved& saved) const {
  saved.keep(x[0], x[1]);
  visit_float(x[0].dtype(), name(), [&]<class T>() {
    each_plane(saved, [&](std::int64_t plane, std::int64_t numel, const Gate& gate) {
      scale_plane<T>(gate.keep, x[0].data<T>() + plane * numel, numel, false, y[0].data<T>() + plane * numel);
    });
  });
}

void ConcreteGate::vjp(const Saved& saved, std::int64_t D, Inputs y_bar, std::span<GradSlot> x_bar) const {
  const std::int64_t planes = saved[0].size(0) * saved[0].size(1);
  std::vector<double> sums(static_cast<std::size_t>(x_bar[1] ? D * planes : 0));
  visit_float(saved[0].dtype(), name(), [&]<class T>() {
    each_plane(saved, [&](std::int64_t plane, std::int64_t numel, const Gate& gate) {
      for (std::int64_t d = 0; d < D; ++d) {
        const std::int64_t at = (d * planes + plane) * numel;
        const T* g = y_bar[0].data<T>() + at;
        if (x_bar[0])
          scale_plane<T>(gate.keep, g, numel, x_bar[0].accumulate, x_bar[0].dst->data<T>() + at);
        if (x_bar[1])
          sums[static_cast<std::size_t>(d * planes + plane)] =
              gate.slope * lane_dot(numel, g, saved[0].data<T>() + plane * numel);
      }
    });
  });
  if (x_bar[1])
    x_bar[1].add(by_group(saved, D, sums).to(saved[1].dtype()));
}

void ConcreteGate::jvp(const Saved& saved, std::int64_t D, Inputs x_dot, Outputs y_dot) const {
  const std::int64_t planes = saved[0].size(0) * saved[0].size(1);
  visit_float(saved[0].dtype(), name(), [&]<class T>() {
    each_plane(saved, [&](std::int64_t plane, std::int64_t numel, const Gate& gate) {
      for (std::int64_t d = 0; d < D; ++d) {
        const std::int64_t at = (d * planes + plane) * numel;
        const double moved = logit_dot<T>(saved, x_dot, d, plane) * gate.slope;
        T* to = y_dot[0].data<T>() + at;
        scale_plane<T>(moved, saved[0].data<T>() + plane * numel, numel, false, to);
        if (x_dot[0])
          scale_plane<T>(gate.keep, x_dot[0].data<T>() + at, numel, true, to);
      }
    });
  });
}

void ConcreteGate::curvature(const Saved& saved, std::int64_t D, Inputs y_bar, Inputs, Inputs x_dot, Inputs,
                             std::span<double> acc) const {
  if (!x_dot[1])
    return;
  const std::int64_t planes = saved[0].size(0) * saved[0].size(1);
  std::vector<double> parts(static_cast<std::size_t>(D * planes));
  visit_float(saved[0].dtype(), name(), [&]<class T>() {
    each_plane(saved, [&](std::int64_t plane, std::int64_t numel, const Gate& gate) {
      const T* g = y_bar[0].data<T>() + plane * numel;
      const double along_x = lane_dot(numel, g, saved[0].data<T>() + plane * numel);
      for (std::int64_t d = 0; d < D; ++d) {
        const double t = logit_dot<T>(saved, x_dot, d, plane);
        double& part = parts[static_cast<std::size_t>(d * planes + plane)];
        part = gate.bend * t * t * along_x;
        if (x_dot[0])
          part += 2.0 * gate.slope * t * lane_dot(numel, g, x_dot[0].data<T>() + (d * planes + plane) * numel);
      }
    });
  });
  for (std::size_t i = 0; i < parts.size(); ++i)
    acc[i / static_cast<std::size_t>(planes)] += parts[i];
}

std::int64_t ConcreteGate::noise_of(const Saved& saved, std::int64_t plane) const {
  return attrs_.one_per_group ? plane / saved[0].size(1) * saved[1].size(0) + group_of(saved, plane) : plane;
}

template <class Body>
void ConcreteGate::each_plane(const Saved& saved, Body&& body) const {
  constexpr std::int64_t kChunk = 1 << 15;
  const std::int64_t planes = saved[0].size(0) * saved[0].size(1);
  const std::int64_t numel = saved[0].numel() / std::max<std::int64_t>(1, planes);
  const RandomKey stream = key({}).now();
  std::vector<double> logits(static_cast<std::size_t>(saved[1].numel()));
  visit_float(saved[1].dtype(), name(), [&]<class T>() { std::ranges::copy(saved[1].span<T>(), logits.begin()); });
  parallel_for(planes, std::max<std::int64_t>(1, kChunk / std::max<std::int64_t>(1, numel)),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t plane = begin; plane < end; ++plane) {
                   const double logit = logits[static_cast<std::size_t>(group_of(saved, plane))];
                   body(plane, numel, Gate::drawn(logit, stream, noise_of(saved, plane), attrs_.temperature));
                 }
               });
}

template <class T>
double ConcreteGate::logit_dot(const Saved& saved, Inputs x_dot, std::int64_t d, std::int64_t plane) const {
  return x_dot[1] ? static_cast<double>(x_dot[1].data<T>()[d * saved[1].numel() + group_of(saved, plane)]) : 0.0;
}

Tensor ConcreteGate::by_group(const Saved& saved, std::int64_t D, const std::vector<double>& sums) const {
  const std::int64_t planes = std::ssize(sums) / D, G = saved[1].numel();
  Tensor result = Tensor::zeros({D * G}, DType::kFloat64);
  for (std::int64_t i = 0; i < D * planes; ++i)
    result.data<double>()[i / planes * G + group_of(saved, i % planes)] += sums[static_cast<std::size_t>(i)];
  return result;
}

namespace {

constexpr RandomKey kSampleKey{11, Purpose::kTest, 3};

OpSample sample(std::string name, const Shape& x, std::int64_t logits, std::vector<std::int64_t> group,
                bool one_per_group = false) {
  const ConcreteGateAttrs attrs{.temperature = 0.7, .key = kSampleKey, .one_per_group = one_per_group};
  return {.name = std::move(name),
          .make = [=] { return std::make_unique<ConcreteGate>(attrs, group); },
          .inputs = {{.shape = x}, {.shape = {logits}}},
          .reference =
              [=](Inputs in) {
                Tensor y = in[0].clone();
                const std::int64_t C = y.size(1), numel = y.numel() / (y.size(0) * C);
                for (std::int64_t i = 0; i < y.numel(); ++i) {
                  const std::int64_t plane = i / numel, c = plane % C;
                  const std::int64_t g = !group.empty() ? group[static_cast<std::size_t>(c)] : logits == 1 ? 0 : c;
                  const std::int64_t noise = one_per_group ? plane / C * logits + g : plane;
                  const auto u = [&](std::int64_t k) {
                    return uniform(kSampleKey, static_cast<std::uint64_t>(2 * noise + k));
                  };
                  const double drop = 1.0 / (1.0 + std::exp(-(in[1].data<double>()[g] + std::log(-std::log(u(0))) -
                                                              std::log(-std::log(u(1)))) /
                                                            0.7));
                  y.data<double>()[i] *= 1.0 - drop;
                }
                return std::vector<Tensor>{y};
              }};
}

BadSample bad(std::vector<std::int64_t> group, std::vector<Spec> inputs, std::vector<std::string> parts) {
  return {.make = [=] { return std::make_unique<ConcreteGate>(ConcreteGateAttrs{}, group); },
          .inputs = std::move(inputs),
          .message_parts = std::move(parts)};
}

OCKHAM_REGISTER_OP(concrete_gate,
                   {.name = "concrete_gate",
                    .samples = {sample("one logit", {3, 5, 2, 4}, 1, {}), sample("a logit a channel", {4, 3, 2}, 3, {}),
                                sample("groups", {2, 5, 3}, 3, {2, 0, 0, 1, 2}),
                                sample("no plane", {6, 4}, 2, {1, 0, 1, 1}),
                                sample("one gate a group", {3, 5, 2}, 3, {2, 0, 0, 1, 2}, true)},
                    .bad = {bad({}, {{{3}}, {{1}}}, {"concrete_gate(temperature=0.2)", "x [N, C, ...]"}),
                            bad({}, {{{2, 4}}, {{3}}}, {"4 channels, 3 logits and 0 groups"}),
                            bad({0, 1}, {{{2, 3}}, {{2}}}, {"3 channels", "2 groups"}),
                            bad({0, 2}, {{{5, 2}}, {{2}}}, {"group 2", "[0, 2)"}),
                            bad({}, {{{2, 3}, DType::kFloat64}, {{1}}}, {"concrete_gate", "float64[2,3]"})}});

}  // namespace

Variable concrete_gate(const Variable& x, const Variable& logit, const ConcreteGateAttrs& attrs,
                       std::vector<std::int64_t> group) {
  if (!(attrs.temperature > 0.0))
    throw UsageError(concat("concrete_gate: temperature ", attrs.temperature, " is not positive."));
  if (attrs.moving && attrs.moving.spec() != Spec{{2}, DType::kFloat64})
    throw UsageError(concat("concrete_gate: what moves is ", attrs.moving.spec(),
                            ", must be float64[2], of which the first is the number of the step."));
  return record_one(std::make_shared<const ConcreteGate>(attrs, std::move(group)), {x, logit});
}

}  // namespace ockham
