#include "autograd/sweep.h"

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <utility>

#include "autograd/device_passes.h"
#include "autograd/narrow.h"
#include "autograd/profile.h"
#include "autograd/side_interfaces.h"
#include "engine/allocator.h"
#include "engine/device_math.h"
#include "engine/math.h"

namespace ockham {
namespace {

std::size_t bytes_of(const Spec& spec) {
  return static_cast<std::size_t>(spec.shape.numel()) * size_of(spec.dtype);
}

Tensor directions_of(const Spec& spec, std::int64_t D, Device device) {
  return Tensor(with_directions(spec.shape, D), compute_type(spec.dtype), device);
}

bool is_any_defined(Inputs tensors) {
  return std::ranges::any_of(tensors, [](const Tensor& t) { return t.is_defined(); });
}

/// A sweep's pass costs a forward evaluation per direction for each operand it differentiates; of an op's operands two
/// at most share its arithmetic (a convolution's input and weight).
double evaluations_of(std::int64_t D, std::ptrdiff_t operands) {
  return static_cast<double>(D * std::min<std::ptrdiff_t>(operands, 2));
}

/// factor: of y_bar[0] per channel; undefined: none.
void pull_through(const Node& node, std::int64_t D, Inputs y_bar, const Tensor& factor, std::span<GradSlot> slots) {
  profiled([&] { vjp_of(*node.op, node.saved, D, y_bar, factor, slots); },
           [&] {
             double bytes = defined_bytes(y_bar) + defined_bytes(node.saved.tensors);
             std::ptrdiff_t wanted = 0;
             for (const GradSlot& slot : slots) {
               if (slot) {
                 bytes += defined_bytes({slot.dst, 1});
                 ++wanted;
               }
             }
             return describe_call("vjp", *node.op, node.input_specs, D, bytes, evaluations_of(D, wanted));
           });
}

void push_through(const Node& node, std::int64_t D, Inputs x_dot, std::vector<Tensor>& y_dot) {
  profiled([&] { run_jvp(*node.op, node.saved, D, x_dot, y_dot); },
           [&] {
             const auto given = std::ranges::count_if(x_dot, [](const Tensor& t) { return t.is_defined(); });
             return describe_call("jvp", *node.op, node.input_specs, D,
                                  defined_bytes(x_dot) + defined_bytes(node.saved.tensors) + defined_bytes(y_dot),
                                  evaluations_of(D, given));
           });
}

/// The last node that reads each node's outputs; -1 where none does.
std::vector<int> last_uses(const Tape& tape) {
  std::vector<int> last(tape.nodes().size(), -1);
  for (std::size_t n = 0; n < tape.nodes().size(); ++n) {
    for (const ValueId& id : tape.nodes()[n].inputs) {
      if (id.node >= 0)
        last[static_cast<std::size_t>(id.node)] = static_cast<int>(n);
    }
  }
  return last;
}

/// One reverse sweep: the cotangents gathered so far, per node and output.
class PullBack {
 public:
  PullBack(Tape& tape, const PullOptions& options)
      : tape_(tape), options_(options), bars_(tape.nodes().size()), factors_(tape.nodes().size()) {
    for (std::size_t n = 0; n < bars_.size(); ++n)
      bars_[n].resize(tape.nodes()[n].outputs.size());
  }

  std::map<int, Tensor> run(ValueId root, Tensor seed) {
    if (!seed.device().is_cpu())
      count_readers();
    bars_[static_cast<std::size_t>(root.node)][static_cast<std::size_t>(root.output)] = std::move(seed);
    std::map<int, Tensor> leaves;
    for (int n = root.node; n >= 0; --n) {
      Node& node = tape_.nodes()[static_cast<std::size_t>(n)];
      bring_together(n);
      std::vector<Tensor> y_bar = std::move(bars_[static_cast<std::size_t>(n)]);
      if (is_any_defined(y_bar)) {
        if (node.op == nullptr)
          leaves.emplace(n, y_bar[0]);
        else
          pull(n, node, y_bar, std::exchange(factors_[static_cast<std::size_t>(n)], {}));
      }
      if (options_.frees_saved && node.op != nullptr) {
        node.saved.tensors.clear();
        node.is_freed = true;
      }
    }
    return leaves;
  }

 private:
  bool is_wanted(const Node& node, std::size_t input) const {
    const int source = node.inputs[input].node;
    if (source < 0 || !node.op->is_differentiable(input))
      return false;
    if (options_.active != nullptr && !(*options_.active)[static_cast<std::size_t>(source)])
      return false;
    return options_.reaches_leaves || tape_.nodes()[static_cast<std::size_t>(source)].op != nullptr;
  }

  Tensor& bar_of(ValueId id) { return bars_[static_cast<std::size_t>(id.node)][static_cast<std::size_t>(id.output)]; }

  /// The first cotangent of a value may stay scaled if its own op reads it so and nobody else looks at it.
  bool may_stay_scaled(const Node& node, std::size_t input, Device device) const {
    const ValueId id = node.inputs[input];
    if (options_.visit || id.output != 0 || !leaves_scaled(*node.op, input, device) ||
        std::ranges::count(node.inputs, id) != 1)
      return false;
    const Node& source = tape_.nodes()[static_cast<std::size_t>(id.node)];
    return source.op != nullptr && takes_scaled(*source.op, device);
  }

  /// Multiplies out what another cotangent is to be added to.
  void multiply_out(ValueId id) {
    Tensor& factor = factors_[static_cast<std::size_t>(id.node)];
    if (id.output == 0 && factor)
      bar_of(id) = times_channels(bar_of(id), std::exchange(factor, {}));
  }

  void pull(int index, const Node& node, std::span<const Tensor> y_bar, const Tensor& factor) {
    node.require_saved();
    const Device device = device_of(y_bar);
    const bool is_kept = options_.keeps_x_bar && curvature_reads_x_bar(*node.op);
    std::vector<GradSlot> slots(node.inputs.size());
    std::vector<Tensor> x_bar(is_kept ? node.inputs.size() : 0);
    bool is_any_wanted = false;
    for (std::size_t i = 0; i < slots.size(); ++i) {
      if (!is_wanted(node, i))
        continue;
      is_any_wanted = true;
      Tensor& target = is_kept ? x_bar[i] : bar_of(node.inputs[i]);
      if (!is_kept && !target && may_stay_scaled(node, i, device)) {
        slots[i] = {&target, false, &factors_[static_cast<std::size_t>(node.inputs[i].node)]};
        continue;
      }
      multiply_out(node.inputs[i]);
      if (const ValueId id = node.inputs[i]; target && !is_kept && stays_apart(id, device)) {
        slots[i] = {&apart_[{id.node, id.output}].emplace_back(directions_of(node.input_specs[i], 1, device))};
        continue;
      }
      own(target);
      slots[i] = {&target, target.is_defined()};
      if (!target) {
        std::optional<MemoryScope> scope;
        if (options_.active == nullptr && tape_.nodes()[static_cast<std::size_t>(node.inputs[i].node)].op == nullptr)
          scope.emplace(MemoryClass::kGradients);  // of an ordinary sweep: the cotangent of a leaf is its gradient
        target = directions_of(node.input_specs[i], options_.D, device);
      }
    }
    if (is_kept && is_any_wanted)
      pull_through(node, options_.D, y_bar, factor, slots);
    if (options_.visit)
      options_.visit(index, y_bar, x_bar);
    if (is_kept)
      add_contributions(node, x_bar);
    else if (is_any_wanted)
      pull_through(node, options_.D, y_bar, factor, slots);
  }

  /// On another device than the CPU a further cotangent of a value that many read is written by itself and added with
  /// all others when the value's op is reached: adding one by one, its readers would wait for each other, however many
  /// could run at once. Not for several directions, which would take too much memory.
  bool stays_apart(ValueId id, Device device) const {
    constexpr int kFew = 6;  // a pool that edges share is read once by each later node of its cell, and by its norm
    return !device.is_cpu() && options_.D == 1 && !options_.visit &&
           readers_[static_cast<std::size_t>(id.node)][static_cast<std::size_t>(id.output)] > kFew;
  }

  void count_readers() {
    for (const Node& node : tape_.nodes()) {
      readers_.emplace_back(node.outputs.size());
      for (const ValueId& id : node.inputs) {
        if (id.node >= 0)
          ++readers_[static_cast<std::size_t>(id.node)][static_cast<std::size_t>(id.output)];
      }
    }
  }

  void bring_together(int n) {
    for (std::size_t output = 0; output < bars_[static_cast<std::size_t>(n)].size(); ++output) {
      const auto it = apart_.find({n, static_cast<int>(output)});
      if (it == apart_.end())
        continue;
      Tensor& sum = bars_[static_cast<std::size_t>(n)][output];
      own(sum);
      add_all_on(sum.device(), std::vector<Tensor>(it->second.begin(), it->second.end()), sum);
      apart_.erase(it);
    }
  }

  void add_contributions(const Node& node, std::span<const Tensor> x_bar) {
    for (std::size_t i = 0; i < x_bar.size(); ++i) {
      if (!x_bar[i])
        continue;
      Tensor& target = bar_of(node.inputs[i]);
      own(target);
      if (target)
        axpy(1.0, x_bar[i], target);
      else
        target = x_bar[i];
    }
  }

  /// A cotangent that visit() may have kept is not added to in place.
  static void own(Tensor& target) {
    if (target && !target.is_sole_owner())
      target = target.clone();
  }

  Tape& tape_;
  const PullOptions& options_;
  std::vector<std::vector<Tensor>> bars_;
  std::vector<Tensor> factors_;            // of the cotangent of each node's first output
  std::vector<std::vector<int>> readers_;  // how many inputs each value is; on other devices than the CPU
  std::map<std::pair<int, int>, std::deque<Tensor>> apart_;  // by node and output
};

}  // namespace

std::vector<char> dependents_of(const Tape& tape, std::span<const int> leaves) {
  std::vector<char> active(tape.nodes().size(), 0);
  for (int leaf : leaves)
    active[static_cast<std::size_t>(leaf)] = 1;
  for (std::size_t n = 0; n < active.size(); ++n) {
    for (const ValueId& id : tape.nodes()[n].inputs) {
      if (id.node >= 0 && active[static_cast<std::size_t>(id.node)])
        active[n] = 1;
    }
  }
  return active;
}

std::vector<int> leaf_nodes(const Tape& tape, std::span<Parameter* const> parameters) {
  std::map<const Parameter*, int> index;
  for (std::size_t n = 0; n < tape.nodes().size(); ++n) {
    if (tape.nodes()[n].parameter != nullptr)
      index.emplace(tape.nodes()[n].parameter, static_cast<int>(n));
  }
  std::vector<int> result;
  for (const Parameter* parameter : parameters) {
    const auto it = index.find(parameter);
    if (it == index.end())
      throw Error(concat("tape: parameter ", parameter->name,
                         " was not used in this step; ask for derivatives of parameters that the loss depends on."));
    result.push_back(it->second);
  }
  return result;
}

std::map<int, Tensor> pull_back(Tape& tape, ValueId root, Tensor seed, const PullOptions& options) {
  return PullBack(tape, options).run(root, std::move(seed));
}

Tensor push_forward(const Tape& tape, ValueId root, const std::map<int, Tensor>& seeds, std::int64_t D,
                    const PushStep& step) {
  require_wide(tape);
  const std::vector<int> last = last_uses(tape);
  std::vector<std::vector<Tensor>> dots(tape.nodes().size());
  for (const auto& [leaf, tangent] : seeds)
    dots[static_cast<std::size_t>(leaf)] = {tangent};
  for (int n = 0; n <= root.node; ++n) {
    const Node& node = tape.nodes()[static_cast<std::size_t>(n)];
    if (node.op == nullptr)
      continue;
    std::vector<Tensor> x_dot(node.inputs.size());
    for (std::size_t i = 0; i < x_dot.size(); ++i) {
      const ValueId id = node.inputs[i];
      if (id.node >= 0 && !dots[static_cast<std::size_t>(id.node)].empty())
        x_dot[i] = dots[static_cast<std::size_t>(id.node)][static_cast<std::size_t>(id.output)];
    }
    if (!is_any_defined(x_dot))
      continue;
    node.require_saved();
    std::vector<Tensor> y_dot;
    for (const Spec& spec : node.outputs)
      y_dot.push_back(directions_of(spec, D, device_of(x_dot)));
    if (!step || !step(n, x_dot, y_dot))
      push_through(node, D, x_dot, y_dot);
    dots[static_cast<std::size_t>(n)] = std::move(y_dot);
    for (const ValueId& id : node.inputs) {
      if (id.node >= 0 && last[static_cast<std::size_t>(id.node)] == n)
        dots[static_cast<std::size_t>(id.node)].clear();
    }
  }
  const std::vector<Tensor>& result = dots[static_cast<std::size_t>(root.node)];
  return result.empty() ? Tensor() : result[static_cast<std::size_t>(root.output)];
}

std::size_t peak_bytes_per_direction(const Tape& tape, ValueId root, const std::vector<char>& active) {
  // A tangent lives from its node to its last reader, a cotangent from its last reader to its node: the same interval.
  const std::vector<int> last = last_uses(tape);
  std::vector<std::size_t> released(tape.nodes().size(), 0);
  std::size_t live = 0;
  std::size_t peak = 0;
  for (int n = 0; n <= root.node; ++n) {
    const auto index = static_cast<std::size_t>(n);
    if (!active[index])
      continue;
    std::size_t bytes = 0;
    for (const Spec& spec : tape.nodes()[index].outputs)
      bytes += bytes_of(spec);
    live += bytes;
    peak = std::max(peak, live);
    released[static_cast<std::size_t>(std::max(last[index], n))] += bytes;
    live -= released[index];
  }
  return peak;
}

}  // namespace ockham
