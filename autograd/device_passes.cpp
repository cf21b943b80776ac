#include "autograd/device_passes.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <set>
#include <typeindex>
#include <unordered_map>

#include "autograd/host_passes.h"
#include "autograd/side_interfaces.h"
#include "engine/log.h"

namespace ockham {
namespace {

using PassesByType = std::unordered_map<std::type_index, std::unique_ptr<DevicePasses>>;

/// Filled while the program starts, and so reached through a function.
PassesByType& passes_of(Device::Kind kind) {
  static PassesByType all[kDeviceKinds];
  return all[static_cast<std::size_t>(kind)];
}

const DevicePasses& passes_or_none(const Op& op, Device device) {
  static const DevicePasses kNone;
  const PassesByType& passes = passes_of(device.kind);
  const auto it = passes.find(typeid(op));
  return it == passes.end() ? kNone : *it->second;
}

std::atomic<std::int64_t> on_host_so_far = 0;

/// Once for each op and pass.
void tell_of_host(const Op& op, const char* pass, Device device) {
  ++on_host_so_far;
  static std::mutex mutex;
  static std::set<std::pair<std::string, std::string_view>> told;
  const std::lock_guard lock(mutex);
  if (told.emplace(op.name(), pass).second)
    log_text(LogLevel::kWarning, device, ": ", op.name(), " has no ", pass,
             " of its own there, so the host does it, on copies.");
}

void vjp_on_cpu(const Op& op, const Saved& saved, std::int64_t D, Inputs y_bar, std::span<GradSlot> x_bar,
                const Tensor& factor) {
  factor ? op.as<TakesScaled>()->vjp_scaled(saved, D, y_bar, factor, x_bar) : op.vjp(saved, D, y_bar, x_bar);
}

Tensor on_host(const Tensor& t) {
  return t ? t.to(Device{}) : t;
}

std::vector<Tensor> on_host(Inputs tensors) {
  std::vector<Tensor> copies;
  for (const Tensor& t : tensors)
    copies.push_back(on_host(t));
  return copies;
}

Saved on_host(const Saved& saved) {
  return {on_host(saved.tensors)};
}

/// Tensors that a pass on the host fills in place of those of the device.
class HostOutputs {
 public:
  explicit HostOutputs(Outputs outputs) : outputs_(outputs) {
    for (const Tensor& t : outputs)
      copies_.push_back(t ? Tensor(t.spec()) : Tensor());
  }
  Outputs copies() { return copies_; }
  /// The results, to where they belong.
  void deliver() {
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      if (outputs_[i])
        outputs_[i] = copies_[i].to(outputs_[i].device());
    }
  }

 private:
  Outputs outputs_;
  std::vector<Tensor> copies_;
};

/// Slots that a pass on the host fills in place of those of the device.
class HostSlots {
 public:
  explicit HostSlots(std::span<GradSlot> slots) : slots_(slots), copies_(slots.size()), host_(slots.size()) {
    for (std::size_t i = 0; i < slots.size(); ++i) {
      if (!slots[i])
        continue;
      copies_[i] = slots[i].accumulate ? on_host(*slots[i].dst) : Tensor(slots[i].dst->spec());
      host_[i] = {&copies_[i], slots[i].accumulate};
    }
  }
  std::span<GradSlot> slots() { return host_; }
  void deliver(Device device) {
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      if (slots_[i])
        *slots_[i].dst = copies_[i].to(device);
    }
  }

 private:
  std::span<GradSlot> slots_;
  std::vector<Tensor> copies_;
  std::vector<GradSlot> host_;
};

/// The device of all tensors of a call.
Device common_device(const Op& op, std::initializer_list<Inputs> lists) {
  const Tensor* first = nullptr;
  for (Inputs tensors : lists) {
    for (const Tensor& t : tensors) {
      if (!t)
        continue;
      if (first == nullptr)
        first = &t;
      else if (t.device() != first->device())
        throw DeviceError(concat(op.name(), ": ", first->spec(), " is on ", first->device(), ", ", t.spec(), " on ",
                                 t.device(), "; bring all inputs of an op to one device."));
    }
  }
  return first ? first->device() : Device{};
}

}  // namespace

bool register_passes(const std::type_info& op, Device::Kind kind, std::unique_ptr<DevicePasses> passes) {
  passes_of(kind)[op] = std::move(passes);
  return true;
}

std::int64_t passes_on_host() {
  return on_host_so_far;
}

bool has_passes(const Op& op, Device device) {
  return passes_of(device.kind).contains(typeid(op));
}

bool takes_scaled(const Op& op, Device device) {
  return op.as<TakesScaled>() != nullptr && (device.is_cpu() || passes_or_none(op, device).takes_scaled());
}

bool leaves_scaled(const Op& op, std::size_t input, Device device) {
  const auto* leaves = op.as<LeavesScaled>();
  return leaves != nullptr && leaves->may_scale(input) &&
         (device.is_cpu() || passes_or_none(op, device).leaves_scaled());
}

Device device_of(Inputs tensors) {
  const auto it = std::ranges::find_if(tensors, [](const Tensor& t) { return t.is_defined(); });
  return it == tensors.end() ? Device{} : it->device();
}

void run_forward(const Op& op, Inputs x, Outputs y, Saved& saved) {
  const Device device = common_device(op, {x, y});
  if (device.is_cpu())
    return op.forward(x, y, saved);
  if (passes_or_none(op, device).forward(op, x, y, saved))
    return;
  tell_of_host(op, "forward", device);
  HostOutputs outputs(y);
  Saved on_cpu;
  const std::vector<Tensor> inputs = on_host(x);
  op.forward(inputs, outputs.copies(), on_cpu);
  outputs.deliver();
  for (const Tensor& t : on_cpu.tensors) {
    const auto given = std::ranges::find_if(
        inputs, [&](const Tensor& input) { return t.shares_storage_with(input) && t.shape() == input.shape(); });
    saved.keep(given != inputs.end() ? x[static_cast<std::size_t>(given - inputs.begin())] : t.to(device));
  }
}

void run_vjp(const Op& op, const Saved& saved, std::int64_t D, Inputs y_bar, std::span<GradSlot> x_bar,
             const Tensor& factor) {
  const Device device = common_device(op, {saved.tensors, y_bar});
  if (device.is_cpu())
    return vjp_on_cpu(op, saved, D, y_bar, x_bar, factor);
  const DevicePasses& passes = passes_or_none(op, device);
  if (factor ? passes.vjp_scaled(op, saved, D, y_bar, factor, x_bar) : passes.vjp(op, saved, D, y_bar, x_bar))
    return;
  tell_of_host(op, "vjp", device);
  HostSlots slots(x_bar);
  vjp_on_cpu(op, on_host(saved), D, on_host(y_bar), slots.slots(), on_host(factor));
  slots.deliver(device);
}

void run_jvp(const Op& op, const Saved& saved, std::int64_t D, Inputs x_dot, Outputs y_dot) {
  const Device device = common_device(op, {saved.tensors, x_dot, y_dot});
  if (device.is_cpu())
    return op.jvp(saved, D, x_dot, y_dot);
  if (passes_or_none(op, device).jvp(op, saved, D, x_dot, y_dot))
    return;
  tell_of_host(op, "jvp", device);
  HostOutputs outputs(y_dot);
  op.jvp(on_host(saved), D, on_host(x_dot), outputs.copies());
  outputs.deliver();
}

void run_curvature(const Op& op, const Saved& saved, std::int64_t D, Inputs y_bar, Inputs x_bar, Inputs x_dot,
                   Inputs y_dot, std::span<double> acc) {
  const Device device = common_device(op, {saved.tensors, y_bar, x_bar, x_dot, y_dot});
  if (device.is_cpu())
    return op.curvature(saved, D, y_bar, x_bar, x_dot, y_dot, acc);
  if (passes_or_none(op, device).curvature(op, saved, D, y_bar, x_bar, x_dot, y_dot, acc))
    return;
  tell_of_host(op, "curvature", device);
  op.curvature(on_host(saved), D, on_host(y_bar), on_host(x_bar), on_host(x_dot), on_host(y_dot), acc);
}

void run_jvp_curvature(const Op& op, const Saved& saved, std::int64_t D, Inputs y_bar, Inputs x_bar, Inputs x_dot,
                       Outputs y_dot, std::span<double> acc) {
  const auto* joint = op.as<HasJointCurvature>();
  if (joint != nullptr && device_of(y_dot).is_cpu())
    return joint->jvp_curvature(saved, D, y_bar, x_bar, x_dot, y_dot, acc);
  run_jvp(op, saved, D, x_dot, y_dot);
  run_curvature(op, saved, D, y_bar, x_bar, x_dot, y_dot, acc);
}

void run_weight_diagonal(const Op& op, const Saved& saved, std::int64_t D, Inputs y_bar, std::size_t input,
                         Grouping grouping, Tensor& H) {
  const Device device = common_device(op, {saved.tensors, y_bar, {&H, 1}});
  if (device.is_cpu())
    return op.weight_diagonal(saved, D, y_bar, input, grouping, H);
  if (passes_or_none(op, device).weight_diagonal(op, saved, D, y_bar, input, grouping, H))
    return;
  tell_of_host(op, "weight_diagonal", device);
  Tensor sums = H.to(Device{});
  op.weight_diagonal(on_host(saved), D, on_host(y_bar), input, grouping, sums);
  H = sums.to(device);
}

Tensor run_sample_gradients(const Op& op, const Saved& saved, std::int64_t D, Inputs y_bar, std::size_t input) {
  const auto& side = *op.as<HasSampleGradients>();
  if (common_device(op, {saved.tensors, y_bar}).is_cpu())
    return side.sample_gradients(saved, D, y_bar, input);
  return side.sample_gradients(on_host(saved), D, on_host(y_bar), input);
}

void run_recursion(const Op& op, const Saved& saved, Inputs y_bar, Inputs h_y, std::span<GradSlot> h_x) {
  const auto& rule = *op.as<HasRecursion>();
  const Device device = common_device(op, {saved.tensors, y_bar, h_y});
  if (device.is_cpu())
    return rule.recursion(saved, y_bar, h_y, h_x);
  HostSlots slots(h_x);
  rule.recursion(on_host(saved), on_host(y_bar), on_host(h_y), slots.slots());
  slots.deliver(device);
}

void run_factor(const LossOp& op, const Saved& saved, std::int64_t first, std::int64_t count, Tensor& columns) {
  const Device device = common_device(op, {saved.tensors, {&columns, 1}});
  if (device.is_cpu())
    return op.factor(saved, first, count, columns);
  if (passes_or_none(op, device).factor(op, saved, first, count, columns))
    return;
  tell_of_host(op, "factor", device);
  HostOutputs outputs({&columns, 1});
  op.factor(on_host(saved), first, count, outputs.copies()[0]);
  outputs.deliver();
}

void run_recursion_seed(const LossOp& op, const Saved& saved, Tensor& h) {
  if (h.device().is_cpu())
    return op.recursion_seed(saved, h);
  HostOutputs outputs({&h, 1});
  op.recursion_seed(on_host(saved), outputs.copies()[0]);
  outputs.deliver();
}

double run_factor_tail(const LossOp& op, const Saved& saved, std::int64_t r) {
  return op.factor_tail(on_host(saved), r);
}

}  // namespace ockham
