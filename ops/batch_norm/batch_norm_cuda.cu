// Sums over channels, then numbers of each channel, then one walk over the map: y = direct g + centred (x - mean) +
// constant, with x for x and g for a cotangent or a tangent.
#include "autograd/device_passes.h"
#include "engine/cuda/channels.h"
#include "engine/cuda/reduce.h"
#include "engine/math.h"
#include "ops/batch_norm/batch_norm_op.h"
#include "ops/diagonal.h"

namespace ockham::cuda {

/// The numbers of a channel and direction.
template <class T>
struct BlendFactors {
  T direct, centred, mean, constant;
};

template <class T>
struct BlendChannels {
  static constexpr int kThreads = PlaneTiling::kThreads;
  PlaneTiling tiling;
  std::int64_t C, D;
  bool adds;
  const BlendFactors<T>* factors;  ///< [D, C]
  const T* g;                      ///< D directions; null: direct is 0
  const T* x;                      ///< null: centred is 0
  T* y;
  std::int64_t blocks() const { return D * tiling.blocks(); }
  void operands(Operands& o) const {
    const std::int64_t numel = tiling.planes * tiling.P;
    o.reads(factors, D * C);
    o.reads(g, D * numel);
    o.reads(x, numel);
    o.writes(y, D * numel);
  }
  /// Directions of a plane follow each other, so that x is read from the cache again.
  __device__ void operator()(std::int64_t block) const {
    const std::int64_t d = block % D;
    const PlaneTiling::Place place = tiling.place(block / D);
    if (!place.is_inside)
      return;
    const BlendFactors<T> of = factors[d * C + static_cast<unsigned>(place.plane) % static_cast<unsigned>(C)];
    const std::int64_t at = place.plane * tiling.P + place.at;
    const std::int64_t at_d = d * tiling.planes * tiling.P + at;
    Values<T> result{};
    if (adds)
      result = load_values<T>(y, at_d, tiling.wide());
    Values<T> of_g{};
    if (g != nullptr)
      of_g = load_values<T>(g, at_d, tiling.wide());
    Values<T> centred{};
    if (x != nullptr) {
      centred = load_values<T>(x, at, tiling.wide());
      for (T& value : centred.at)
        value -= of.mean;
    }
    for (int i = 0; i < kWidth<T>; ++i)
      result.at[i] += of.direct * of_g.at[i] + of.centred * centred.at[i] + of.constant;
    store_values(y, at_d, result, tiling.wide());
  }
};

/// What the later passes read, the results, and the numbers of y.
template <class T>
struct BatchNormStatistics {
  double eps;
  const T* given_mean;  ///< [C]; null: those of the batch
  const T* given_variance;
  const T* gamma;  ///< null: not affine
  const T* beta;
  double* mean;  ///< [C]
  double* inverse_s;
  T* mean_result;  ///< null: not wanted
  T* variance_result;
  BlendFactors<T>* factors;

  void operands(Operands& o, std::int64_t C) const {
    for (const T* data : {given_mean, given_variance, gamma, beta})
      o.reads(data, C);
    for (double* data : {mean, inverse_s})
      o.writes(data, C);
    for (T* data : {mean_result, variance_result})
      o.writes(data, C);
    o.writes(factors, C);
  }
  /// Of the batch.
  __device__ void operator()(std::int64_t c, double batch_mean, double variance) const {
    mean_result[c] = static_cast<T>(batch_mean);
    variance_result[c] = static_cast<T>(variance);
    put(c, batch_mean, variance);
  }
  /// Given ones.
  void operands(Operands& o, std::int64_t, std::int64_t C) const { operands(o, C); }
  __device__ void operator()(std::int64_t, std::int64_t c, std::int64_t, const ChannelSums&) const {
    put(c, static_cast<double>(given_mean[c]), static_cast<double>(given_variance[c]));
  }
  __device__ void put(std::int64_t c, double centre, double variance) const {
    mean[c] = centre;
    inverse_s[c] = 1.0 / sqrt(variance + eps);
    const double slope = (gamma ? static_cast<double>(gamma[c]) : 1.0) * inverse_s[c];
    factors[c] = {T(0), static_cast<T>(slope), static_cast<T>(centre), beta ? beta[c] : T(0)};
  }
};

/// What all passes read of a channel.
template <class T>
struct BatchNormChannels {
  double share;  ///< 1/m
  bool uses_batch;
  const double* mean;
  const double* inverse_s;
  const T* gamma;  ///< null: 1
  void operands(Operands& o, std::int64_t C) const {
    o.reads(mean, C);
    o.reads(inverse_s, C);
    o.reads(gamma, C);
  }
  /// J, without the projector where statistics are given: symmetric, so for cotangents and tangents g alike.
  __device__ double direct(std::int64_t c) const {
    return (gamma ? static_cast<double>(gamma[c]) : 1.0) * inverse_s[c];
  }
  __device__ double centred(std::int64_t c, const ChannelSums& g) const {
    return uses_batch ? -direct(c) * inverse_s[c] * inverse_s[c] * g.cross * share : 0.0;
  }
  __device__ double constant(std::int64_t c, const ChannelSums& g) const {
    return uses_batch ? -direct(c) * g.sum * share : 0.0;
  }
};

template <class T>
struct BatchNormPull {
  BatchNormChannels<T> of;
  BlendFactors<T>* factors;  ///< null: x_bar is not wanted
  T* gamma_bar;              ///< null: not wanted
  bool gamma_adds;
  T* beta_bar;
  bool beta_adds;
  void operands(Operands& o, std::int64_t D, std::int64_t C) const {
    of.operands(o, C);
    o.writes(factors, D * C);
    o.writes(gamma_bar, D * C);
    o.writes(beta_bar, D * C);
  }
  __device__ void operator()(std::int64_t d, std::int64_t c, std::int64_t C, const ChannelSums& g) const {
    const std::int64_t i = d * C + c;
    if (factors != nullptr)
      factors[i] = {static_cast<T>(of.direct(c)), static_cast<T>(of.centred(c, g)), static_cast<T>(of.mean[c]),
                    static_cast<T>(of.constant(c, g))};
    if (gamma_bar != nullptr)
      put(gamma_bar[i], gamma_adds, g.cross * of.inverse_s[c]);
    if (beta_bar != nullptr)
      put(beta_bar[i], beta_adds, g.sum);
  }
  static __device__ void put(T& target, bool adds, double value) {
    target = static_cast<T>(adds ? static_cast<double>(target) + value : value);
  }
};

template <class T>
struct BatchNormPush {
  BatchNormChannels<T> of;
  const T* gamma_dot;  ///< null: zeros
  const T* beta_dot;
  BlendFactors<T>* factors;
  void operands(Operands& o, std::int64_t D, std::int64_t C) const {
    of.operands(o, C);
    o.reads(gamma_dot, D * C);
    o.reads(beta_dot, D * C);
    o.writes(factors, D * C);
  }
  __device__ void operator()(std::int64_t d, std::int64_t c, std::int64_t C, const ChannelSums& t) const {
    const std::int64_t i = d * C + c;
    const double centred = gamma_dot ? static_cast<double>(gamma_dot[i]) * of.inverse_s[c] : 0.0;
    const double constant = beta_dot ? static_cast<double>(beta_dot[i]) : 0.0;
    factors[i] = {static_cast<T>(of.direct(c)), static_cast<T>(centred + of.centred(c, t)), static_cast<T>(of.mean[c]),
                  static_cast<T>(constant + of.constant(c, t))};
  }
};

struct StoreSums {
  ChannelSums* sums;  ///< [D, C]
  void operands(Operands& o, std::int64_t D, std::int64_t C) const { o.writes(sums, D * C); }
  __device__ void operator()(std::int64_t d, std::int64_t c, std::int64_t C, const ChannelSums& total) const {
    sums[d * C + c] = total;
  }
};

/// Terms of the curvature with batch statistics: batch_norm_train.cpp.
template <class T>
struct BendBatchNorm {
  BatchNormChannels<T> of;
  const T* gamma_dot;  ///< null: zeros
  const T* beta_dot;
  const ChannelSums* lambda;   ///< [C], of y_bar against x
  const ChannelSums* tangent;  ///< [D, C], of t against x
  const ChannelSums* t_y_dot;  ///< of t against y_dot, x_bar and y_bar
  const ChannelSums* t_x_bar;
  const ChannelSums* t_y_bar;  ///< null where gamma does not move
  double* terms;               ///< [D, C]
  void operands(Operands& o, std::int64_t D, std::int64_t C) const {
    of.operands(o, C);
    o.reads(gamma_dot, D * C);
    o.reads(beta_dot, D * C);
    o.reads(lambda, C);
    for (const ChannelSums* sums : {tangent, t_y_dot, t_x_bar, t_y_bar})
      o.reads(sums, D * C);
    o.writes(terms, D * C);
  }
  __device__ void operator()(std::int64_t d, std::int64_t c, std::int64_t C, const ChannelSums&) const {
    const std::int64_t i = d * C + c;
    const double inverse_s = of.inverse_s[c];
    const double dgamma = gamma_dot ? static_cast<double>(gamma_dot[i]) : 0.0;
    const double dbeta = beta_dot ? static_cast<double>(beta_dot[i]) : 0.0;
    const double xhat_t = tangent[i].cross * inverse_s;
    const double g = lambda[c].cross * inverse_s;
    const double t_Jt = t_y_dot[i].cross - dgamma * xhat_t - dbeta * tangent[i].sum;
    double term = -inverse_s * of.share * (g * t_Jt + 2.0 * xhat_t * t_x_bar[i].cross);
    if (dgamma != 0.0)
      term += 2.0 * dgamma * inverse_s * (t_y_bar[i].cross - (lambda[c].sum * tangent[i].sum + g * xhat_t) * of.share);
    terms[i] = term;
  }
};

/// Terms of the curvature with given statistics: 2 dgamma <lambda, t>/s.
template <class T>
struct BendGivenNorm {
  const double* inverse_s;
  const T* gamma_dot;
  double* terms;  ///< [D, C]
  void operands(Operands& o, std::int64_t D, std::int64_t C) const {
    o.reads(inverse_s, C);
    o.reads(gamma_dot, D * C);
    o.writes(terms, D * C);
  }
  __device__ void operator()(std::int64_t d, std::int64_t c, std::int64_t C, const ChannelSums& t) const {
    const std::int64_t i = d * C + c;
    terms[i] = 2.0 * static_cast<double>(gamma_dot[i]) * t.cross * inverse_s[c];
  }
};

/// squares[c, d, n] = the square of the gradient of gamma or beta, planes (n, c) being channels.
struct SquareGradients {
  std::int64_t N, C, D;
  const double* inverse_s;  ///< of gamma; null: of beta
  double* squares;          ///< [C, D, N]
  void operands(Operands& o, std::int64_t, std::int64_t) const {
    o.reads(inverse_s, C);
    o.writes(squares, C * D * N);
  }
  __device__ void operator()(std::int64_t d, std::int64_t plane, std::int64_t, const ChannelSums& g) const {
    const std::int64_t c = plane % C;
    const double gradient = inverse_s ? g.cross * inverse_s[c] : g.sum;
    squares[(c * D + d) * N + plane / C] = gradient * gradient;
  }
};

namespace {

constexpr std::size_t kGamma = BatchNormOp::kGamma;
constexpr std::size_t kBeta = BatchNormOp::kBeta;

/// A map [N, C, P].
struct Map {
  explicit Map(const Tensor& x) : N(x.size(0)), C(x.size(1)), P(x.rank() == 4 ? x.size(2) * x.size(3) : 1) {}
  std::int64_t N, C, P;
};

template <class T>
const T* data_or_null(const Tensor& t) {
  return t ? t.device_data<T>() : nullptr;
}

/// Room for one `Item` of doubles or Ts per direction and channel.
template <class Item>
struct PerChannel {
  PerChannel(std::int64_t D, std::int64_t C, DType dtype, Device device)
      : tensor({D, C, static_cast<std::int64_t>(sizeof(Item) / size_of(dtype))}, dtype, device) {}
  Item* data() { return reinterpret_cast<Item*>(tensor.device_bytes()); }
  Tensor tensor;
};

template <class T>
using Factors = PerChannel<BlendFactors<T>>;

template <class T>
Factors<T> factors_of(std::int64_t D, const Tensor& x) {
  return {D, x.size(1), kDTypeOf<T>, x.device()};
}

template <class T>
void blend(std::int64_t D, Factors<T>& factors, const T* g, const Tensor& x, bool reads_x, Tensor& y, bool adds) {
  const Map map(x);
  const T* const from = reads_x ? x.device_data<T>() : nullptr;
  T* const to = y.device_data<T>();
  launch(BlendChannels<T>{.tiling = tiling_of<T>(map.N * map.C, map.P, is_wide<T>(map.P, g, from, to)),
                          .C = map.C,
                          .D = D,
                          .adds = adds,
                          .factors = factors.data(),
                          .g = g,
                          .x = from,
                          .y = to});
}

template <class T>
BatchNormChannels<T> channels(const BatchNormOp& op, const Saved& saved) {
  const Map map(saved[0]);
  return {.share = 1.0 / static_cast<double>(std::max<std::int64_t>(1, map.N * map.P)),
          .uses_batch = op.uses_batch(),
          .mean = saved[1].device_data<double>(),
          .inverse_s = saved[2].device_data<double>(),
          .gamma = op.is_affine() ? saved[3].device_data<T>() : nullptr};
}

/// finish() for every direction and channel, with the sums of g against x about the mean where they are needed.
template <class T, class Finish>
void finish_channels(std::int64_t D, const Tensor& g, const Saved& saved, bool needs_sums, const Finish& finish) {
  const Map map(saved[0]);
  if (needs_sums)
    merge_sums<T>(D, g, saved[0], saved[1], map.N, map.C, map.P, finish);
  else
    launch(ForChannels<Finish>{.D = D, .C = map.C, .finish = finish});
}

/// A tangent of a parameter, which an op that is not affine lacks.
template <class T>
const T* parameter_dot(const BatchNormOp& op, Inputs x_dot, std::size_t input) {
  return op.is_affine() ? data_or_null<T>(x_dot[input]) : nullptr;
}

template <class T>
void normalise(const BatchNormOp& op, Inputs x, Outputs y, Saved& saved) {
  const Map map(x[0]);
  Tensor mean({map.C}, DType::kFloat64, x[0].device());
  Tensor inverse_s(mean.spec(), x[0].device());
  Factors<T> factors = factors_of<T>(1, x[0]);
  BatchNormStatistics<T> statistics{.eps = op.eps(),
                                    .given_mean = nullptr,
                                    .given_variance = nullptr,
                                    .gamma = op.is_affine() ? x[kGamma].device_data<T>() : nullptr,
                                    .beta = op.is_affine() ? x[kBeta].device_data<T>() : nullptr,
                                    .mean = mean.device_data<double>(),
                                    .inverse_s = inverse_s.device_data<double>(),
                                    .mean_result = nullptr,
                                    .variance_result = nullptr,
                                    .factors = factors.data()};
  if (op.uses_batch()) {
    statistics.mean_result = y[1].device_data<T>();
    statistics.variance_result = y[2].device_data<T>();
    merge_moments<T>(x[0], map.N, map.C, map.P, statistics);
  } else {
    statistics.given_mean = x[x.size() - 2].device_data<T>();
    statistics.given_variance = x[x.size() - 1].device_data<T>();
    launch(ForChannels<BatchNormStatistics<T>>{.D = 1, .C = map.C, .finish = statistics});
  }
  blend<T>(1, factors, nullptr, x[0], true, y[0], false);
  saved.keep(x[0], mean, inverse_s);
  if (op.is_affine())
    saved.keep(x[kGamma]);
}

template <class T>
void pull(const BatchNormOp& op, const Saved& saved, std::int64_t D, const Tensor& y_bar, std::span<GradSlot> x_bar) {
  const GradSlot gamma = op.is_affine() ? x_bar[kGamma] : GradSlot{};
  const GradSlot beta = op.is_affine() ? x_bar[kBeta] : GradSlot{};
  Factors<T> factors = factors_of<T>(D, saved[0]);
  finish_channels<T>(D, y_bar, saved, gamma || beta || op.uses_batch(),
                     BatchNormPull<T>{.of = channels<T>(op, saved),
                                      .factors = x_bar[0] ? factors.data() : nullptr,
                                      .gamma_bar = gamma ? gamma.dst->device_data<T>() : nullptr,
                                      .gamma_adds = gamma.accumulate,
                                      .beta_bar = beta ? beta.dst->device_data<T>() : nullptr,
                                      .beta_adds = beta.accumulate});
  if (x_bar[0])
    blend<T>(D, factors, y_bar.device_data<T>(), saved[0], op.uses_batch(), *x_bar[0].dst, x_bar[0].accumulate);
}

template <class T>
void push(const BatchNormOp& op, const Saved& saved, std::int64_t D, Inputs x_dot, Tensor& y_dot) {
  const T* const gamma_dot = parameter_dot<T>(op, x_dot, kGamma);
  Factors<T> factors = factors_of<T>(D, saved[0]);
  finish_channels<T>(D, x_dot[0], saved, x_dot[0] && op.uses_batch(),
                     BatchNormPush<T>{.of = channels<T>(op, saved),
                                      .gamma_dot = gamma_dot,
                                      .beta_dot = parameter_dot<T>(op, x_dot, kBeta),
                                      .factors = factors.data()});
  blend<T>(D, factors, data_or_null<T>(x_dot[0]), saved[0], gamma_dot != nullptr || op.uses_batch(), y_dot, false);
}

/// [D, C] terms with batch statistics.
template <class T>
void bend(const BatchNormOp& op, const Saved& saved, std::int64_t D, Inputs y_bar, Inputs x_bar, Inputs x_dot,
          Inputs y_dot, Tensor& terms) {
  const Map map(saved[0]);
  const auto sums = [&](std::int64_t directions, const Tensor& a, const Tensor& b, const Tensor& pivots) {
    PerChannel<ChannelSums> result(directions, map.C, DType::kFloat64, a.device());
    merge_sums<T>(directions, a, b, pivots, map.N, map.C, map.P, StoreSums{result.data()});
    return result;
  };
  const T* const gamma_dot = parameter_dot<T>(op, x_dot, kGamma);
  PerChannel<ChannelSums> lambda = sums(1, y_bar[0], saved[0], saved[1]);
  PerChannel<ChannelSums> tangent = sums(D, x_dot[0], saved[0], saved[1]);
  PerChannel<ChannelSums> t_y_dot = sums(D, x_dot[0], y_dot[0], {});
  PerChannel<ChannelSums> t_x_bar = sums(D, x_dot[0], x_bar[0], {});
  PerChannel<ChannelSums> t_y_bar = gamma_dot ? sums(D, x_dot[0], y_bar[0], {}) : t_x_bar;
  launch(ForChannels<BendBatchNorm<T>>{.D = D,
                                       .C = map.C,
                                       .finish = {.of = channels<T>(op, saved),
                                                  .gamma_dot = gamma_dot,
                                                  .beta_dot = parameter_dot<T>(op, x_dot, kBeta),
                                                  .lambda = lambda.data(),
                                                  .tangent = tangent.data(),
                                                  .t_y_dot = t_y_dot.data(),
                                                  .t_x_bar = t_x_bar.data(),
                                                  .t_y_bar = t_y_bar.data(),
                                                  .terms = terms.device_data<double>()}});
}

/// The mean of every plane's channel: [N, C].
Tensor mean_of_planes(const Tensor& mean, std::int64_t N) {
  return mean.reshape({1, mean.numel()}).expand({N, mean.numel()}).contiguous();
}

}  // namespace

class BatchNormCuda : public DevicePasses {
 public:
  bool forward(const Op& op, Inputs x, Outputs y, Saved& saved) const override {
    visit_float(x[0].dtype(), op.name(), [&]<class T>() { normalise<T>(of(op), x, y, saved); });
    return true;
  }
  bool vjp(const Op& op, const Saved& saved, std::int64_t D, Inputs y_bar, std::span<GradSlot> x_bar) const override {
    if (std::ranges::any_of(y_bar.subspan(1), [](const Tensor& t) { return t.is_defined(); }))
      return false;  // statistics have no derivative: the host says so
    visit_float(saved[0].dtype(), op.name(), [&]<class T>() { pull<T>(of(op), saved, D, y_bar[0], x_bar); });
    return true;
  }
  bool jvp(const Op& op, const Saved& saved, std::int64_t D, Inputs x_dot, Outputs y_dot) const override {
    visit_float(saved[0].dtype(), op.name(), [&]<class T>() { push<T>(of(op), saved, D, x_dot, y_dot[0]); });
    for (Tensor& statistic : y_dot.subspan(1))
      fill(statistic, 0.0);
    return true;
  }

 protected:
  static const BatchNormOp& of(const Op& op) { return static_cast<const BatchNormOp&>(op); }
};

class BatchNormTrainCuda : public BatchNormCuda {
 public:
  bool curvature(const Op& op, const Saved& saved, std::int64_t D, Inputs y_bar, Inputs x_bar, Inputs x_dot,
                 Inputs y_dot, std::span<double> acc) const override {
    if (!x_dot[0])
      return true;  // affine in gamma and beta
    Tensor terms({D, saved[0].size(1)}, DType::kFloat64, saved[0].device());
    visit_float(saved[0].dtype(), op.name(),
                [&]<class T>() { bend<T>(of(op), saved, D, y_bar, x_bar, x_dot, y_dot, terms); });
    add_row_sums(terms, 1.0, acc);
    return true;
  }
};

class BatchNormEvalCuda : public BatchNormCuda {
 public:
  bool curvature(const Op& op, const Saved& saved, std::int64_t D, Inputs y_bar, Inputs, Inputs x_dot, Inputs,
                 std::span<double> acc) const override {
    if (!of(op).is_affine() || !x_dot[0] || !x_dot[kGamma])
      return true;
    const Map map(saved[0]);
    Tensor terms({D, map.C}, DType::kFloat64, saved[0].device());
    visit_float(saved[0].dtype(), op.name(), [&]<class T>() {
      merge_sums<T>(D, x_dot[0], y_bar[0], {}, map.N, map.C, map.P,
                    BendGivenNorm<T>{.inverse_s = saved[2].device_data<double>(),
                                     .gamma_dot = x_dot[kGamma].device_data<T>(),
                                     .terms = terms.device_data<double>()});
    });
    add_row_sums(terms, 1.0, acc);
    return true;
  }

  /// gamma: sum over directions and samples of <y_bar, xhat>^2; beta: of (sum y_bar)^2.
  bool weight_diagonal(const Op& op, const Saved& saved, std::int64_t D, Inputs y_bar, std::size_t input,
                       Grouping grouping, Tensor& H) const override {
    if (!of(op).is_affine() || (input != kGamma && input != kBeta))
      return false;
    const Map map(saved[0]);
    Tensor squares({map.C, D, map.N}, DType::kFloat64, H.device());
    visit_float(saved[0].dtype(), op.name(), [&]<class T>() {
      merge_sums<T>(D, y_bar[0], saved[0], mean_of_planes(saved[1], map.N), 1, map.N * map.C, map.P,
                    SquareGradients{.N = map.N,
                                    .C = map.C,
                                    .D = D,
                                    .inverse_s = input == kGamma ? saved[2].device_data<double>() : nullptr,
                                    .squares = squares.device_data<double>()});
    });
    Tensor entries({map.C}, DType::kFloat64, H.device());
    sum_rows(squares, entries);
    add_grouped(entries, grouping, H);
    return true;
  }
};

OCKHAM_CUDA_PASSES(batch_norm_train, BatchNormTrain, BatchNormTrainCuda);
OCKHAM_CUDA_PASSES(batch_norm_eval, BatchNormEval, BatchNormEvalCuda);

}  // namespace ockham::cuda
