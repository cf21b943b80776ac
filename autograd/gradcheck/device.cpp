#include "autograd/gradcheck/device.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <ranges>
#include <utility>

#include "autograd/device_passes.h"
#include "autograd/gradcheck/point.h"
#include "autograd/host_passes.h"
#include "autograd/narrow.h"
#include "autograd/side_interfaces.h"
#include "engine/backend.h"
#include "engine/math.h"

namespace ockham {
namespace {

using gradcheck::Tensors;

constexpr std::int64_t kD = 3;
constexpr std::size_t kNone = 1000;  // no input or output

/// In float64, in which distances are taken.
Tensors in_double(const Tensors& tensors) {
  Tensors result;
  for (const Tensor& t : tensors)
    result.push_back(t ? t.to(DType::kFloat64) : t);
  return result;
}

Tensors moved_to(const Tensors& tensors, Device device) {
  Tensors result;
  for (const Tensor& t : tensors)
    result.push_back(t ? t.to(device) : t);
  return result;
}

/// Tensors that differ where any bit does.
bool equal_bits(const Tensors& a, const Tensors& b) {
  return std::ranges::equal(a, b, [](const Tensor& x, const Tensor& y) {
    return x.is_defined() == y.is_defined() &&
           (!x ||
            (x.spec() == y.spec() && std::equal(x.device_bytes(), x.device_bytes() + x.nbytes(), y.device_bytes())));
  });
}

/// Are these the first directions of those, to the bit?
bool begin_with_bits(const Tensors& all, const Tensors& first) {
  return std::ranges::equal(all, first, [](const Tensor& x, const Tensor& y) {
    return x.is_defined() == y.is_defined() &&
           (!x || std::equal(y.device_bytes(), y.device_bytes() + y.nbytes(), x.device_bytes()));
  });
}

/// One pass with everything that it is given, ready on a device; run() can be recorded.
struct Call {
  std::string name;
  std::function<Tensors()> run;
  bool can_be_recorded = true;
};

/// An op on a device with what its passes are given, the same for every device.
class Bench {
 public:
  Bench(const OpSample& sample, CheckFormat format, Device device, std::uint64_t seed)
      : sample_(sample), format_(format), device_(device), seed_(seed), op_(sample.make()) {
    for (const Tensor& drawn : gradcheck::Subject::draw_of(sample, seed)) {
      Tensor x = is_compute_type(drawn.dtype()) ? drawn.to(compute()) : drawn;
      if (format == CheckFormat::kBFloat16 && x.rank() == 4 && !op_->is_parameter(x_.size()))
        x = x.to(DType::kBFloat16);
      x_.push_back(x.to(device));
      specs_.push_back(x.spec());
    }
  }

  const Op& op() const { return *op_; }
  DType compute() const { return format_ == CheckFormat::kFloat64 ? DType::kFloat64 : DType::kFloat32; }

  /// Every call of every pass. The first one fills what the others need: saved_ and y_specs_.
  std::vector<Call> calls() {
    std::vector<Call> result{{"forward", [this] {
                                saved_ = {};
                                Tensors y = forward_of(*op_, x_, specs_, saved_);
                                y.insert(y.end(), saved_.tensors.begin(), saved_.tensors.end());
                                return y;
                              }}};
    Saved unused;
    for (const Tensor& y : forward_of(*op_, x_, specs_, unused))
      y_specs_.push_back({y.shape(), compute_type(y.dtype())});
    add_vjps(result);
    add_scaled_vjps(result);
    if (format_ == CheckFormat::kBFloat16)
      return result;  // no tangents are taken of rounded maps
    add_jvps(result);
    add_curvature(result);
    add_diagonals(result);
    if (const auto* loss = dynamic_cast<const LossOp*>(op_.get()); loss && loss->factor_columns(unused) > 0)
      result.push_back({"factor", [this, loss] {
                          const std::int64_t all = loss->factor_columns(saved_);
                          const std::int64_t first = std::min<std::int64_t>(1, all - 1);
                          const std::int64_t count = std::min<std::int64_t>(2, all - first);
                          Tensor columns(with_directions(x_[0].shape(), count), compute(), device_);
                          run_factor(*loss, saved_, first, count, columns);
                          return Tensors{columns};
                        }});
    return result;
  }

 private:
  bool is_wanted(std::size_t i) const { return x_[i].dtype() != DType::kInt64 && op_->is_differentiable(i); }

  Tensor noise(const Shape& shape, std::int64_t D, std::uint64_t stream) const {
    return gradcheck::noise(with_directions(shape, D), seed_, stream).to(compute()).to(device_);
  }

  Tensors y_bar(std::int64_t D, std::size_t missing) const {
    Tensors result(y_specs_.size());
    for (std::size_t i = 0; i < result.size(); ++i) {
      if (op_->has_derivative(i) && i != missing)
        result[i] = noise(y_specs_[i].shape, D, 77 + i);
    }
    return result;
  }

  Tensors x_dot(std::int64_t D, std::size_t missing) const {
    Tensors result(x_.size());
    for (std::size_t i = 0; i < result.size(); ++i) {
      if (is_wanted(i) && i != missing)
        result[i] = noise(x_[i].shape(), D, 100 + i);
    }
    return result;
  }

  Tensors nan_like(const std::vector<Spec>& specs, std::int64_t D) const {
    Tensors result;
    for (const Spec& spec : specs)
      result.push_back(Tensor::full(with_directions(spec.shape, D), std::numeric_limits<double>::quiet_NaN(),
                                    compute_type(spec.dtype), device_));
    return result;
  }

  /// A vjp into noise or NaN; `skipped`: an input whose cotangent is not wanted.
  Tensors pull(std::int64_t D, const Tensors& cotangents, const Tensors& old, bool adds, std::size_t skipped,
               const Tensor& factor = {}) const {
    Tensors result(x_.size());
    std::vector<GradSlot> slots(x_.size());
    for (std::size_t i = 0; i < x_.size(); ++i) {
      if (!is_wanted(i) || i == skipped)
        continue;
      result[i] = old[i].clone();
      slots[i] = {&result[i], adds};
    }
    vjp_of(*op_, saved_, D, cotangents, factor, slots);
    return result;
  }

  void add_vjps(std::vector<Call>& result) const {
    const auto add = [&](std::string name, std::int64_t D, bool adds, std::size_t skipped, std::size_t missing) {
      const Tensors cotangents = y_bar(D, missing);
      if (std::ranges::none_of(cotangents, [](const Tensor& t) { return t.is_defined(); }))
        return;
      Tensors old = nan_like(specs_, D);
      for (std::size_t i = 0; adds && i < old.size(); ++i)
        old[i] = noise(x_[i].shape(), D, 300 + i);
      result.push_back({std::move(name), [=, this] { return pull(D, cotangents, old, adds, skipped); }});
    };
    add("vjp", 1, false, kNone, kNone);
    add("vjp of 3", kD, false, kNone, kNone);
    add("vjp that adds", 2, true, kNone, kNone);
    for (std::size_t i = 0; x_.size() > 1 && i < std::min<std::size_t>(4, x_.size()); ++i) {
      if (std::ranges::count_if(std::views::iota(std::size_t{0}, x_.size()),
                                [&](std::size_t k) { return is_wanted(k); }) > 1)
        add(concat("vjp without input ", i), 1, false, i, kNone);
    }
    for (std::size_t i = 0; y_specs_.size() > 1 && i < y_specs_.size(); ++i)
      add(concat("vjp without output ", i), 2, false, kNone, i);
  }

  /// A cotangent that comes scaled, and cotangents that are left so where the device does that.
  void add_scaled_vjps(std::vector<Call>& result) const {
    constexpr std::int64_t kTwo = 2;
    if (op_->as<TakesScaled>() != nullptr) {
      const Tensor factor = noise({y_specs_[0].shape[1]}, 1, 400);
      result.push_back({"vjp of a scaled cotangent", [=, this, cotangents = y_bar(kTwo, kNone)] {
                          return pull(kTwo, cotangents, nan_like(specs_, kTwo), false, kNone, factor);
                        }});
    }
    if (op_->as<LeavesScaled>() != nullptr)
      result.push_back({"vjp that leaves cotangents scaled", [=, this, cotangents = y_bar(kTwo, kNone)] {
                          return pull_offering(kTwo, cotangents, nan_like(specs_, kTwo));
                        }});
  }

  /// The results multiplied out.
  Tensors pull_offering(std::int64_t D, const Tensors& cotangents, const Tensors& old) const {
    Tensors result(x_.size()), factors(x_.size());
    std::vector<GradSlot> slots(x_.size());
    for (std::size_t i = 0; i < x_.size(); ++i) {
      if (leaves_scaled(*op_, i, device_)) {
        slots[i] = {&result[i], false, &factors[i]};
      } else if (is_wanted(i)) {
        result[i] = old[i].clone();
        slots[i] = {&result[i]};
      }
    }
    vjp_of(*op_, saved_, D, cotangents, {}, slots);
    for (std::size_t i = 0; i < x_.size(); ++i) {
      if (factors[i])
        result[i] = times_channels(result[i], factors[i]);
    }
    return result;
  }

  void add_jvps(std::vector<Call>& result) const {
    const auto add = [&](std::string name, std::int64_t D, std::size_t missing) {
      const Tensors tangents = x_dot(D, missing);
      if (std::ranges::none_of(tangents, [](const Tensor& t) { return t.is_defined(); }))
        return;
      result.push_back({std::move(name), [=, this] {
                          Tensors y_dot = nan_like(y_specs_, D);
                          run_jvp(*op_, saved_, D, tangents, y_dot);
                          return differentiable(std::move(y_dot));
                        }});
    };
    add("jvp", 1, kNone);
    add("jvp of 3", kD, kNone);
    for (std::size_t i = 0; x_.size() > 1 && i < std::min<std::size_t>(4, x_.size()); ++i)
      add(concat("jvp without input ", i), 2, i);
  }

  Tensors differentiable(Tensors outputs) const {
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      if (!op_->has_derivative(i))
        outputs[i] = {};
    }
    return outputs;
  }

  void add_curvature(std::vector<Call>& result) const {
    if (!op_->curved())
      return;
    const auto run = [=, this, cotangents = y_bar(1, kNone), tangents = x_dot(kD, kNone)](bool joined) {
      const Tensors x_bar =
          curvature_reads_x_bar(*op_) ? pull(1, cotangents, nan_like(specs_, 1), false, kNone) : Tensors(x_.size());
      Tensors y_dot = nan_like(y_specs_, kD);
      std::vector<double> acc(static_cast<std::size_t>(kD), 0.5);
      if (joined) {
        run_jvp_curvature(*op_, saved_, kD, cotangents, x_bar, tangents, y_dot, acc);
      } else {
        run_jvp(*op_, saved_, kD, tangents, y_dot);
        run_curvature(*op_, saved_, kD, cotangents, x_bar, tangents, y_dot, acc);
      }
      return Tensors{Tensor::from(acc, {kD})};
    };
    result.push_back({"curvature", [=] { return run(false); }, false});
    result.push_back({"curvature with jvp", [=] { return run(true); }, false});
  }

  void add_diagonals(std::vector<Call>& result) const {
    for (const std::size_t input : sample_.diagonal_inputs) {
      for (const Grouping grouping : {Grouping::kEntry, Grouping::kFilter, Grouping::kChannel, Grouping::kLayer}) {
        const int dims = grouping == Grouping::kChannel ? 2 : grouping == Grouping::kFilter ? 1 : 0;
        if (x_[input].rank() < dims)
          continue;
        const Tensor sums = gradcheck::noise(grouped_shape(x_[input].shape(), grouping), seed_, 500).to(device_);
        result.push_back({concat("diagonal of input ", input, ", grouping ", static_cast<int>(grouping)),
                          [=, this, cotangents = y_bar(2, kNone)] {
                            Tensor H = sums.clone();
                            run_weight_diagonal(*op_, saved_, 2, cotangents, input, grouping, H);
                            return Tensors{H};
                          }});
      }
    }
  }

  const OpSample& sample_;
  CheckFormat format_;
  Device device_;
  std::uint64_t seed_;
  std::unique_ptr<Op> op_;
  Tensors x_;
  std::vector<Spec> specs_;
  std::vector<Spec> y_specs_;
  Saved saved_;
};

double tolerance_of(CheckFormat format, const Tensors& results) {
  std::int64_t largest = 1;
  for (const Tensor& t : results)
    largest = std::max(largest, t ? t.numel() : 1);
  switch (format) {
    case CheckFormat::kFloat64:
      return 1e-10;
    case CheckFormat::kFloat32:
      return 1e-5 * std::sqrt(static_cast<double>(largest));
    case CheckFormat::kTf32:
      return 0x1p-9;
    case CheckFormat::kBFloat16:
      break;
  }
  return 0x1p-6;  // the CPU rounds the factors of products to eight bits, which a device need not
}

/// Does the call ask the device's library for products?
bool has_products(const Call& call, Device device) {
  Backend& backend = backend_of(device);
  const std::int64_t before = backend.library_products(device.index);
  call.run();
  return backend.library_products(device.index) != before;
}

/// The results of a step that is recorded, then run.
Tensors recorded(const Call& call, Device device) {
  Tensors results;
  const auto step = backend_of(device).record(device.index, [&] { results = call.run(); });
  step->run();
  return moved_to(results, {});
}

}  // namespace

std::vector<CheckResult> check_on_device(const OpSample& sample, CheckFormat format, Device device,
                                         std::uint64_t seed) {
  const MathModeScope mode(device, format == CheckFormat::kTf32 ? MathMode::kTf32 : MathMode::kFp32);
  Bench host(sample, format, {}, seed);
  Bench other(sample, format, device, seed);
  if (format == CheckFormat::kBFloat16 && host.op().as<ReadsBFloat16>() == nullptr)
    return {};
  const std::vector<Call> expected = host.calls();
  const std::vector<Call> calls = other.calls();
  if (format == CheckFormat::kTf32 && !has_products(calls.front(), device))
    return {};
  std::vector<CheckResult> results;
  Tensors before;  // of the call before, which is that of one direction where this is of 3
  const auto add = [&](const std::string& what, double error, double tolerance) {
    results.push_back({concat(sample.name, ": ", what), error, tolerance});
  };
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const Tensors wanted = expected[i].run();
    const std::int64_t on_host = passes_on_host();
    const Tensors here = moved_to(calls[i].run(), {});
    add(calls[i].name, gradcheck::distance(in_double(here), in_double(wanted)), tolerance_of(format, wanted));
    if (has_passes(other.op(), device))
      add(concat(calls[i].name, ", kernels"), static_cast<double>(passes_on_host() - on_host), 0.0);
    add(concat(calls[i].name, ", repeat"), equal_bits(here, moved_to(calls[i].run(), {})) ? 0.0 : 1.0, 0.0);
    if (calls[i].name.ends_with(" of 3"))
      add(concat(calls[i].name, ", alone"), begin_with_bits(here, before) ? 0.0 : 1.0, 0.0);
    before = here;
    if (calls[i].can_be_recorded && has_passes(other.op(), device)) {
      add(concat(calls[i].name, ", recorded"), equal_bits(here, recorded(calls[i], device)) ? 0.0 : 1.0, 0.0);
      calls[i].run();  // so that what forward() saved was not made in a step that is gone
    }
  }
  return results;
}

bool runs_on_device(const OpCase& op_case, Device device) {
  return std::ranges::all_of(op_case.samples,
                             [&](const OpSample& sample) { return has_passes(*sample.make(), device); });
}

}  // namespace ockham
