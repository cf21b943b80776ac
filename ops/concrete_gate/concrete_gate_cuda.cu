#include "autograd/device_passes.h"
#include "engine/cuda/map.h"
#include "engine/cuda/per_element.h"
#include "ops/concrete_gate/concrete_gate_op.h"

namespace ockham::cuda {

using Gate = ConcreteValue<double>;

/// Brings the groups of some channels to the device, as arguments.
struct GateGroups {
  static constexpr int kThreads = 128;
  int count;
  std::uint32_t group[kThreads];
  std::uint32_t* to;

  std::int64_t blocks() const { return 1; }
  void operands(Operands& o) const { o.writes(to, count); }
  __device__ void operator()(std::int64_t) const {
    if (static_cast<int>(threadIdx.x) < count)
      to[threadIdx.x] = group[threadIdx.x];
  }
};

/// Element p: the gate of plane p.
template <class T>
struct GateValues : PerElement<GateValues<T>> {
  std::int64_t n, C, G;
  MovingKey key;
  double temperature;
  bool one_per_group;
  const std::uint32_t* group;  ///< [C]
  const T* logit;
  Gate* gates;

  void operands(Operands& o) const {
    o.reads(group, C);
    o.reads(logit, G);
    o.reads(key.number, 1);
    o.writes(gates, n);
  }
  __device__ void element(std::int64_t p) const {
    const std::int64_t g = group[p % C];
    gates[p] = Gate::drawn(static_cast<double>(logit[g]), key.now(), one_per_group ? p / C * G + g : p, temperature);
  }
};

/// Planes of all directions, a block each: numbers of the plane in its direction, and where its elements are.
struct GatedPlanes {
  std::int64_t D, planes, numel;  ///< numel: of a plane
  std::int64_t C, G;
  const std::uint32_t* group;
  const Gate* gates;

  std::int64_t count() const { return D * planes; }
  void operands(Operands& o) const {
    o.reads(group, C);
    o.reads(gates, planes);
  }
};

/// y = keep x, and its adjoint: x_bar (+)= keep y_bar, logit_parts[d, p] = slope <y_bar, x>. What is null is left out.
template <class T>
struct GateVjp {
  static constexpr int kThreads = 256;
  GatedPlanes at;
  const T* g;
  const T* x;
  T* x_bar;
  bool adds;
  double* logit_parts;

  std::int64_t blocks() const { return at.count(); }
  void operands(Operands& o) const {
    at.operands(o);
    o.reads(g, at.count() * at.numel);
    o.reads(x, at.planes * at.numel);
    o.writes(x_bar, at.count() * at.numel);
    o.writes(logit_parts, at.count());
  }
  __device__ void operator()(std::int64_t block) const {
    const std::int64_t p = block % at.planes;
    const T keep = static_cast<T>(at.gates[p].keep);
    double total = 0.0;
    for (std::int64_t i = threadIdx.x; i < at.numel; i += kThreads) {
      const T gi = g[block * at.numel + i];
      if (logit_parts != nullptr)
        total += static_cast<double>(gi) * static_cast<double>(x[p * at.numel + i]);
      if (x_bar != nullptr) {
        T& to = x_bar[block * at.numel + i];
        to = adds ? to + keep * gi : keep * gi;
      }
    }
    if (logit_parts == nullptr)
      return;  // all threads of the block
    total = block_sum<kThreads>(total);
    if (threadIdx.x == 0)
      logit_parts[block] = at.gates[p].slope * total;
  }
};

/// logit_bar[d, g] (+)= the sum of parts[d, p] over the planes of group g.
template <class T>
struct GateGroupSums {
  static constexpr int kThreads = 256;
  GatedPlanes at;
  const double* parts;
  T* logit_bar;
  bool adds;

  std::int64_t blocks() const { return at.D * at.G; }
  void operands(Operands& o) const {
    at.operands(o);
    o.reads(parts, at.count());
    o.writes(logit_bar, at.D * at.G);
  }
  __device__ void operator()(std::int64_t block) const {
    const std::int64_t d = block / at.G;
    double total = 0.0;
    for (std::int64_t p = threadIdx.x; p < at.planes; p += kThreads) {
      if (at.group[p % at.C] == block % at.G)
        total += parts[d * at.planes + p];
    }
    total = block_sum<kThreads>(total);
    if (threadIdx.x == 0)
      logit_bar[block] = adds ? logit_bar[block] + static_cast<T>(total) : static_cast<T>(total);
  }
};

/// y_dot = keep x_dot + slope logit_dot x; a null tangent is zero.
template <class T>
struct GateJvp {
  static constexpr int kBlocksAtOnce = 2;  // more would spill registers
  static constexpr int kThreads = 256;
  GatedPlanes at;
  const T* x;
  const T* x_dot;
  const T* logit_dot;
  T* y_dot;

  std::int64_t blocks() const { return at.count(); }
  void operands(Operands& o) const {
    at.operands(o);
    o.reads(x, at.planes * at.numel);
    o.reads(x_dot, at.count() * at.numel);
    o.reads(logit_dot, at.D * at.G);
    o.writes(y_dot, at.count() * at.numel);
  }
  __device__ void operator()(std::int64_t block) const {
    const std::int64_t p = block % at.planes;
    const Gate gate = at.gates[p];
    const double t =
        logit_dot != nullptr ? static_cast<double>(logit_dot[block / at.planes * at.G + at.group[p % at.C]]) : 0.0;
    const T moved = static_cast<T>(t * gate.slope);
    const T keep = static_cast<T>(gate.keep);
    for (std::int64_t i = threadIdx.x; i < at.numel; i += kThreads) {
      const T value = moved * x[p * at.numel + i];
      y_dot[block * at.numel + i] = x_dot != nullptr ? value + keep * x_dot[block * at.numel + i] : value;
    }
  }
};

/// parts[d, p] = <y_bar, D2f[t, t]> of plane p; concrete_gate_op.h has the formula.
template <class T>
struct GateCurvature {
  static constexpr int kThreads = 256;
  GatedPlanes at;
  const T* g;
  const T* x;
  const T* x_dot;
  const T* logit_dot;
  double* parts;

  std::int64_t blocks() const { return at.count(); }
  void operands(Operands& o) const {
    at.operands(o);
    o.reads(g, at.planes * at.numel);
    o.reads(x, at.planes * at.numel);
    o.reads(x_dot, at.count() * at.numel);
    o.reads(logit_dot, at.D * at.G);
    o.writes(parts, at.count());
  }
  __device__ void operator()(std::int64_t block) const {
    const std::int64_t p = block % at.planes;
    const std::int64_t d = block / at.planes;
    double along_x = 0.0;
    double along_t = 0.0;
    for (std::int64_t i = threadIdx.x; i < at.numel; i += kThreads) {
      const auto gi = static_cast<double>(g[p * at.numel + i]);
      along_x += gi * static_cast<double>(x[p * at.numel + i]);
      if (x_dot != nullptr)
        along_t += gi * static_cast<double>(x_dot[block * at.numel + i]);
    }
    along_x = block_sum<kThreads>(along_x);
    along_t = block_sum<kThreads>(along_t);
    if (threadIdx.x == 0) {
      const Gate gate = at.gates[p];
      const auto t = static_cast<double>(logit_dot[d * at.G + at.group[p % at.C]]);
      parts[block] = gate.bend * t * t * along_x + 2.0 * gate.slope * t * along_t;
    }
  }
};

class ConcreteGateCuda : public DevicePasses {
 public:
  bool forward(const Op& op, Inputs x, Outputs y, Saved& saved) const override {
    saved.keep(x[0], x[1]);
    visit_float(x[0].dtype(), op.name(), [&]<class T>() {
      const Drawn<T> drawn(op, saved, 1);
      launch(GateVjp<T>{.at = drawn.at,
                        .g = x[0].device_data<T>(),
                        .x = nullptr,
                        .x_bar = y[0].device_data<T>(),
                        .adds = false,
                        .logit_parts = nullptr});
    });
    return true;
  }

  bool vjp(const Op& op, const Saved& saved, std::int64_t D, Inputs y_bar, std::span<GradSlot> x_bar) const override {
    if (!x_bar[0] && !x_bar[1])
      return true;
    visit_float(saved[0].dtype(), op.name(), [&]<class T>() {
      const Drawn<T> drawn(op, saved, D);
      Tensor parts;
      if (x_bar[1])
        parts = Tensor({drawn.at.count()}, DType::kFloat64, saved[0].device());
      launch(GateVjp<T>{.at = drawn.at,
                        .g = y_bar[0].device_data<T>(),
                        .x = saved[0].device_data<T>(),
                        .x_bar = x_bar[0] ? x_bar[0].dst->template device_data<T>() : nullptr,
                        .adds = x_bar[0].accumulate,
                        .logit_parts = x_bar[1] ? parts.device_data<double>() : nullptr});
      if (x_bar[1])
        launch(GateGroupSums<T>{.at = drawn.at,
                                .parts = parts.device_data<double>(),
                                .logit_bar = x_bar[1].dst->template device_data<T>(),
                                .adds = x_bar[1].accumulate});
    });
    return true;
  }

  bool jvp(const Op& op, const Saved& saved, std::int64_t D, Inputs x_dot, Outputs y_dot) const override {
    visit_float(saved[0].dtype(), op.name(), [&]<class T>() {
      const Drawn<T> drawn(op, saved, D);
      launch(GateJvp<T>{.at = drawn.at,
                        .x = saved[0].device_data<T>(),
                        .x_dot = data_or_null<T>(x_dot[0]),
                        .logit_dot = data_or_null<T>(x_dot[1]),
                        .y_dot = y_dot[0].device_data<T>()});
    });
    return true;
  }

  bool curvature(const Op& op, const Saved& saved, std::int64_t D, Inputs y_bar, Inputs, Inputs x_dot, Inputs,
                 std::span<double> acc) const override {
    if (!x_dot[1])
      return true;

    visit_float(saved[0].dtype(), op.name(), [&]<class T>() {
      const Drawn<T> drawn(op, saved, D);
      Tensor parts({D, drawn.at.planes}, DType::kFloat64, saved[0].device());
      launch(GateCurvature<T>{.at = drawn.at,
                              .g = y_bar[0].device_data<T>(),
                              .x = saved[0].device_data<T>(),
                              .x_dot = data_or_null<T>(x_dot[0]),
                              .logit_dot = x_dot[1].device_data<T>(),
                              .parts = parts.device_data<double>()});
      add_row_sums(parts, 1.0, acc);
    });
    return true;
  }

 private:
  template <class T>
  static const T* data_or_null(const Tensor& t) {
    return t ? t.device_data<T>() : nullptr;
  }

  /// The gates of all planes, drawn anew from what is saved.
  template <class T>
  struct Drawn {
    Tensor group;
    Tensor gates;
    GatedPlanes at;

    Drawn(const Op& base, const Saved& saved, std::int64_t D) {
      const auto& op = static_cast<const ConcreteGate&>(base);
      const Tensor& x = saved[0];
      const std::int64_t planes = x.size(0) * x.size(1), C = x.size(1), G = saved[1].numel();
      group = Tensor({C * std::int64_t{sizeof(std::uint32_t)}}, DType::kUInt8, x.device());
      gates = Tensor({planes * std::int64_t{sizeof(Gate)} / 8}, DType::kFloat64, x.device());
      at = {.D = D,
            .planes = planes,
            .numel = x.numel() / std::max<std::int64_t>(1, planes),
            .C = C,
            .G = G,
            .group = reinterpret_cast<std::uint32_t*>(group.device_bytes()),
            .gates = reinterpret_cast<Gate*>(gates.device_bytes())};
      write_groups(op);
      launch(GateValues<T>{.n = planes,
                           .C = C,
                           .G = G,
                           .key = op.key(x.device()),
                           .temperature = op.attributes().temperature,
                           .one_per_group = op.attributes().one_per_group,
                           .group = at.group,
                           .logit = saved[1].template device_data<T>(),
                           .gates = reinterpret_cast<Gate*>(gates.device_bytes())});
    }

    void write_groups(const ConcreteGate& op) {
      for (std::int64_t first = 0; first < at.C; first += GateGroups::kThreads) {
        GateGroups kernel{.count = static_cast<int>(std::min<std::int64_t>(GateGroups::kThreads, at.C - first)),
                          .group = {},
                          .to = reinterpret_cast<std::uint32_t*>(group.device_bytes()) + first};
        for (int c = 0; c < kernel.count; ++c)
          kernel.group[c] = static_cast<std::uint32_t>(op.group_of(first + c, at.G));
        launch(kernel);
      }
    }
  };
};

OCKHAM_CUDA_PASSES(concrete_gate, ConcreteGate, ConcreteGateCuda);

}  // namespace ockham::cuda
