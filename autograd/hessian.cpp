#include "autograd/hessian.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "autograd/curvature.h"
#include "autograd/device_passes.h"
#include "autograd/narrow.h"
#include "autograd/profile.h"
#include "autograd/reverse.h"
#include "autograd/side_interfaces.h"
#include "autograd/sweep.h"
#include "engine/device_memory.h"

namespace ockham {

std::size_t cache_share() {
  constexpr long kMost = 8L << 20;  // more was slower; and a virtual machine may be told of a whole socket's cache
#ifdef _SC_LEVEL3_CACHE_SIZE
  static const long last_level = sysconf(_SC_LEVEL3_CACHE_SIZE);
#else
  static const long last_level = 0;
#endif
  return static_cast<std::size_t>(last_level > 0 ? std::min(last_level / 4, kMost) : kMost);
}

namespace {

/// In place of a cache's share where launches cost more than loads: of the largest tensor's D directions.
constexpr std::size_t kDeviceShare = std::size_t{256} << 20;

const Node& node_at(const Tape& tape, int index) {
  return tape.nodes()[static_cast<std::size_t>(index)];
}

const LossOp& loss_op_of(const Variable& loss) {
  if (!loss.is_recorded())
    throw Error("hessian: the loss depends on no parameter of a tape.");
  node_at(*loss.tape(), loss.id().node).require_saved();
  const auto* op = dynamic_cast<const LossOp*>(node_at(*loss.tape(), loss.id().node).op.get());
  if (op == nullptr)
    throw Error(concat("hessian: the last op is ", node_at(*loss.tape(), loss.id().node).op->name(),
                       ", which is no loss with a known factor; end the program with softmax_cross_entropy."));
  return *op;
}

/// What a request needs to know of its tape.
struct Request {
  Tape& tape;
  const Variable& loss;
  std::span<Parameter* const> parameters;
  const HessianOptions& options;
  std::vector<int> leaves = leaf_nodes(tape, parameters);
  std::vector<char> active = dependents_of(tape, leaves);

  const Node& loss_node() const { return node_at(tape, loss.id().node); }

  /// Directions at once, of `wanted` in all: as asked for, or as many as the cache holds of the largest tensor; fewer
  /// where memory is short; then equal shares. To be asked when all that stays during the sweeps is there.
  std::int64_t choose_directions(std::int64_t wanted) const {
    const std::size_t share = loss.device().is_cpu() ? options.cache_bytes : kDeviceShare;
    std::int64_t D = options.directions > 0 ? options.directions : std::int64_t(share / largest_tensor());
    if (options.memory_limit != 0)
      D = std::min(D, fitting_directions());
    D = std::clamp<std::int64_t>(D, 1, wanted);
    const std::int64_t groups = (wanted + D - 1) / D;
    return (wanted + groups - 1) / groups;
  }

  std::size_t largest_tensor() const {
    std::size_t largest = 1;
    for (std::size_t n = 0; n < active.size(); ++n) {
      if (active[n] && tape.nodes()[n].op != nullptr) {
        for (const Spec& spec : tape.nodes()[n].outputs)
          largest = std::max(largest, static_cast<std::size_t>(spec.shape.numel()) * size_of(spec.dtype));
      }
    }
    return largest;
  }

  std::int64_t fitting_directions() const {
    const std::size_t in_use = memory_statistics(loss.device()).bytes_in_use;
    const std::size_t room = options.memory_limit - std::min(options.memory_limit, in_use);
    const std::size_t peak = peak_bytes_per_direction(tape, loss.id(), active);
    const std::size_t each = peak + peak / 8;  // an eighth for the scratch of kernels
    if (each > room)
      throw Error(concat("hessian: one direction needs ", each, " bytes beside the ", in_use,
                         " in use, more than the limit of ", options.memory_limit,
                         "; raise the memory limit or lower the Hessian batch."));
    return static_cast<std::int64_t>(room / std::max<std::size_t>(1, each));
  }
};

HessianResult reverse_diagonal(const Request& r) {
  const LossOp& loss_op = loss_op_of(r.loss);
  const Node& end = r.loss_node();
  HessianResult result;
  for (const Parameter* parameter : r.parameters)
    result.diagonal.push_back(Tensor::zeros(grouped_shape(parameter->value.shape(), r.options.grouping),
                                            DType::kFloat64, parameter->value.device()));
  std::map<int, std::size_t> slot;
  for (std::size_t i = 0; i < r.leaves.size(); ++i)
    slot.emplace(r.leaves[i], i);

  PullOptions options;
  options.active = &r.active;
  options.reaches_leaves = false;
  options.visit = [&](int index, Inputs y_bar, Inputs) {
    const Node& node = node_at(r.tape, index);
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      if (const auto it = slot.find(node.inputs[i].node); it != slot.end())
        profiled(
            [&] {
              run_weight_diagonal(*node.op, node.saved, options.D, y_bar, i, r.options.grouping,
                                  result.diagonal[it->second]);
            },
            [&] {
              return describe_call("weight_diagonal", *node.op, node.input_specs, options.D,
                                   defined_bytes(node.saved.tensors) + defined_bytes(y_bar),
                                   static_cast<double>(options.D));
            });
    }
  };
  const std::int64_t all = loss_op.factor_columns(end.saved);
  const std::int64_t D = r.choose_directions(all);
  const Spec& logits = end.input_specs[0];
  for (std::int64_t first = 0; first < all; first += D) {
    options.D = std::min(D, all - first);
    Tensor columns(with_directions(logits.shape, options.D), logits.dtype, device_of(end.saved.tensors));
    profiled([&] { run_factor(loss_op, end.saved, first, options.D, columns); },
             [&] {
               return describe_call("factor", loss_op, end.input_specs, options.D,
                                    defined_bytes(end.saved.tensors) + defined_bytes({&columns, 1}), 0.0);
             });
    pull_back(r.tape, end.inputs[0], std::move(columns), options);
    result.columns = first + options.D;
    result.tail = result.columns < all ? run_factor_tail(loss_op, end.saved, result.columns) : 0.0;
    if (result.tail < r.options.tolerance)
      break;
  }
  for (Tensor& diagonal : result.diagonal)
    diagonal = diagonal.to(Device{});
  result.directions = D;
  return result;
}

/// One entry of one parameter.
struct Entry {
  int leaf;
  std::size_t parameter;
  std::int64_t index;
};

/// Entries in the order of the node that first reads their leaf: neighbours share the operator downstream, so a group
/// of D enters at one place and everything before it is skipped.
std::vector<Entry> entries_by_entrance(const Request& r) {
  std::vector<int> first_use(r.tape.nodes().size(), 0);
  for (std::size_t n = r.tape.nodes().size(); n-- > 0;) {
    for (const ValueId& id : r.tape.nodes()[n].inputs) {
      if (id.node >= 0)
        first_use[static_cast<std::size_t>(id.node)] = static_cast<int>(n);
    }
  }
  std::vector<Entry> entries;
  for (std::size_t p = 0; p < r.parameters.size(); ++p) {
    for (std::int64_t i = 0; i < r.parameters[p]->value.numel(); ++i)
      entries.push_back({r.leaves[p], p, i});
  }
  std::ranges::stable_sort(entries, {}, [&](const Entry& e) { return first_use[static_cast<std::size_t>(e.leaf)]; });
  return entries;
}

/// Unit tangents for the entries of one group: leaf -> [D, ...].
std::map<int, Tensor> unit_seeds(const Request& r, std::span<const Entry> group) {
  const auto D = static_cast<std::int64_t>(group.size());
  std::map<int, Tensor> seeds;
  for (std::int64_t d = 0; d < D; ++d) {
    const Entry& e = group[static_cast<std::size_t>(d)];
    const Tensor& value = r.parameters[e.parameter]->value;
    Tensor& seed = seeds.try_emplace(e.leaf).first->second;
    if (!seed)
      seed = Tensor::zeros(with_directions(value.shape(), D), value.dtype());
    visit_float(value.dtype(), "hessian", [&]<class T>() { seed.data<T>()[d * value.numel() + e.index] = T(1); });
  }
  for (auto& [leaf, seed] : seeds)
    seed = seed.to(r.loss.value().device());
  return seeds;
}

HessianResult forward_diagonal(const Request& r) {
  const std::vector<Entry> entries = entries_by_entrance(r);
  const auto total = static_cast<std::int64_t>(entries.size());
  if (total > r.options.max_tangents)
    throw Error(concat("hessian: ", total, " entries would need as many tangent sweeps, more than the limit of ",
                       r.options.max_tangents,
                       "; use running or frozen batch-norm statistics, where all weights come from C - 1 reverse "
                       "sweeps, or raise max_tangents."));
  if (r.options.grouping != Grouping::kEntry)
    throw Error("hessian: grouped sums need algorithm R; ask for entries or use running batch-norm statistics.");
  HessianResult result;
  std::vector<std::int64_t> offset;
  std::int64_t length = 0;
  for (const Parameter* parameter : r.parameters) {
    result.diagonal.push_back(Tensor::zeros(parameter->value.shape(), DType::kFloat64));
    offset.push_back(length);
    length += parameter->value.numel();
  }
  const Adjoints adjoints(r.tape, r.loss, r.leaves);
  const std::int64_t D = r.choose_directions(std::max<std::int64_t>(1, total));
  std::map<std::string, std::vector<double>> parts;
  for (std::int64_t first = 0; first < total; first += D) {
    const auto group = std::span(entries).subspan(static_cast<std::size_t>(first),
                                                  static_cast<std::size_t>(std::min(D, total - first)));
    std::map<std::string, std::vector<double>> part;
    const std::vector<double> values =
        adjoints.along(unit_seeds(r, group), static_cast<std::int64_t>(group.size()),
                       r.options.curvature == Curvature::kGaussNewton, r.options.splits_parts ? &part : nullptr);
    const auto scatter = [&](std::size_t d) {
      return static_cast<std::size_t>(offset[group[d].parameter] + group[d].index);
    };
    for (std::size_t d = 0; d < group.size(); ++d)
      result.diagonal[group[d].parameter].data<double>()[group[d].index] = values[d];
    for (const auto& [name, shares] : part) {
      std::vector<double>& all = parts.try_emplace(name, static_cast<std::size_t>(length)).first->second;
      for (std::size_t d = 0; d < group.size(); ++d)
        all[scatter(d)] = shares[d];
    }
  }
  result.parts.assign(parts.begin(), parts.end());
  result.columns = total;
  result.directions = D;
  return result;
}

/// The published recursion: h = diagonal of the pre-activation Hessian, pulled back through squared Jacobians.
HessianResult recursion_diagonal(const Request& r) {
  const LossOp& loss_op = loss_op_of(r.loss);
  const Node& end = r.loss_node();
  std::vector<std::vector<Tensor>> bars(r.tape.nodes().size());
  PullOptions options;
  options.active = &r.active;
  options.visit = [&](int node, Inputs y_bar, Inputs) {
    bars[static_cast<std::size_t>(node)] = {y_bar.begin(), y_bar.end()};
  };
  pull_back(r.tape, r.loss.id(),
            Tensor::full(with_directions(r.loss.shape(), 1), 1.0, r.loss.dtype(), r.loss.value().device()), options);

  std::vector<std::vector<Tensor>> h(r.tape.nodes().size());
  for (std::size_t n = 0; n < h.size(); ++n)
    h[n].resize(r.tape.nodes()[n].outputs.size());
  const auto at = [&](ValueId id) -> Tensor& {
    return h[static_cast<std::size_t>(id.node)][static_cast<std::size_t>(id.output)];
  };
  const Device device = r.loss.value().device();
  Tensor seed(end.input_specs[0], device);
  run_recursion_seed(loss_op, end.saved, seed);
  at(end.inputs[0]) = seed;
  for (int n = end.inputs[0].node; n >= 0; --n) {
    const Node& node = node_at(r.tape, n);
    const std::vector<Tensor>& h_y = h[static_cast<std::size_t>(n)];
    if (node.op == nullptr || !std::ranges::any_of(h_y, [](const Tensor& t) { return t.is_defined(); }))
      continue;
    const auto* rule = node.op->as<HasRecursion>();
    if (rule == nullptr)
      throw Error(concat(node.op->name(),
                         ": the diagonal recursion has no rule for this op; ask for mode exact or "
                         "gauss_newton."));
    std::vector<GradSlot> slots(node.inputs.size());
    for (std::size_t i = 0; i < slots.size(); ++i) {
      const ValueId id = node.inputs[i];
      if (id.node < 0 || !node.op->is_differentiable(i) || !r.active[static_cast<std::size_t>(id.node)])
        continue;
      Tensor& target = at(id);
      slots[i] = {&target, target.is_defined()};
      if (!target)
        target = Tensor(node.input_specs[i], device);
    }
    profiled([&] { run_recursion(*node.op, node.saved, bars[static_cast<std::size_t>(n)], h_y, slots); },
             [&] {
               return describe_call("recursion", *node.op, node.input_specs, 1,
                                    defined_bytes(node.saved.tensors) + defined_bytes(h_y),
                                    static_cast<double>(std::min<std::size_t>(slots.size(), 2)));
             });
  }
  HessianResult result;
  for (int leaf : r.leaves) {
    const Tensor& value = h[static_cast<std::size_t>(leaf)][0];
    const Spec& spec = node_at(r.tape, leaf).outputs[0];
    result.diagonal.push_back(value ? value.to(Device{}).to(DType::kFloat64)
                                    : Tensor::zeros(spec.shape, DType::kFloat64));
  }
  result.columns = 1;
  result.directions = 1;
  result.reason = "the published diagonal recursion, an approximation";
  return result;
}

}  // namespace

HessianOptions rehearsal_of(HessianOptions options, std::int64_t images, std::int64_t all) {
  options.cache_bytes = options.cache_bytes * static_cast<std::size_t>(images) / static_cast<std::size_t>(all);
  options.memory_limit = 0;
  return options;
}

std::optional<std::string> reverse_obstacle(const Tape& tape, const Variable& loss,
                                            std::span<Parameter* const> parameters) {
  const std::vector<int> leaves = leaf_nodes(tape, parameters);
  const std::vector<char> active = dependents_of(tape, leaves);
  const std::set<int> wanted(leaves.begin(), leaves.end());
  std::map<int, std::string_view> used_by;
  for (int n = 0; n <= loss.id().node; ++n) {
    const Node& node = node_at(tape, n);
    if (node.op == nullptr || !active[static_cast<std::size_t>(n)])
      continue;
    const Op& op = *node.op;
    if (n < loss.id().node && op.couples_samples())
      return concat(op.name(), "(", op.attrs(), ") couples the samples of a batch");
    if (n < loss.id().node && op.algebra() == Algebra::kCurved)
      return concat(op.name(), " is curved and depends on the parameters");
    std::optional<int> factor;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const int source = node.inputs[i].node;
      if (source < 0 || !active[static_cast<std::size_t>(source)])
        continue;
      if (wanted.contains(source)) {
        const std::string& name = node_at(tape, source).parameter->name;
        if (!used_by.emplace(source, op.name()).second)
          return concat("parameter ", name, " is shared: used by ", used_by[source], " and again by ", op.name());
        if (!op.is_parameter(i) || !op.is_differentiable(i))
          return concat(op.name(), " has no gradient per sample for parameter ", name);
        continue;
      }
      if (op.is_parameter(i))
        return concat(op.name(), " shares a value that depends on the parameters between the samples");
      if (op.algebra() == Algebra::kMultilinear && factor.value_or(op.factor_of(i)) != op.factor_of(i))
        return concat(op.name(), " multiplies two values that both depend on the parameters");
      factor = op.factor_of(i);
    }
  }
  return std::nullopt;
}

HessianResult hessian_diagonal(const Variable& loss, std::span<Parameter* const> parameters,
                               const HessianOptions& options) {
  loss_op_of(loss);
  require_wide(*loss.tape());
  const Request request{*loss.tape(), loss, parameters, options};
  std::set<int> distinct;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (!distinct.insert(request.leaves[i]).second)
      throw Error(concat("hessian: parameter ", parameters[i]->name, " is asked for twice; name each once."));
  }
  if (options.curvature == Curvature::kRecursion)
    return recursion_diagonal(request);
  const std::optional<std::string> obstacle = reverse_obstacle(*loss.tape(), loss, parameters);
  if (obstacle && options.algorithm == HessianAlgorithm::kReverse)
    throw Error(concat("hessian: algorithm R is not exact here: ", *obstacle,
                       "; use algorithm F, or running or frozen batch-norm statistics and unshared parameters."));
  const bool is_forward = obstacle.has_value() || options.algorithm == HessianAlgorithm::kForward;
  HessianResult result = is_forward ? forward_diagonal(request) : reverse_diagonal(request);
  result.algorithm = is_forward ? HessianAlgorithm::kForward : HessianAlgorithm::kReverse;
  result.reason =
      obstacle ? *obstacle : (is_forward ? "algorithm F was asked for" : "every premise of algorithm R holds");
  std::set<std::string> piecewise;
  for (std::size_t n = 0; n < request.active.size(); ++n) {
    const Node& node = request.tape.nodes()[n];
    if (request.active[n] && node.op != nullptr && node.op->smoothness() == Smoothness::kPiecewise)
      piecewise.emplace(node.op->name());
  }
  result.piecewise.assign(piecewise.begin(), piecewise.end());
  return result;
}

double hessian_by_difference(const std::function<Variable(Tape&)>& build_loss, Parameter& parameter, std::int64_t entry,
                             double step) {
  if (entry < 0 || entry >= parameter.value.numel())
    throw Error(concat("hessian: parameter ", parameter.name, " has no entry ", entry, ", only ",
                       parameter.value.numel(), "."));
  struct Restore {
    Parameter& parameter;
    const Tensor value = parameter.value;
    const Tensor grad = parameter.grad;
    ~Restore() {
      parameter.value = value;
      parameter.grad = grad;
    }
  } const original{parameter};
  const auto gradient_at = [&](double shift) {
    Tensor moved = original.value.to(Device{}).clone();
    moved.data<double>()[entry] += shift;
    parameter.value = moved.to(original.value.device());
    Tape tape;
    backward(build_loss(tape));
    return parameter.grad.to(Device{}).data<double>()[entry];
  };
  return (gradient_at(step) - gradient_at(-step)) / (2.0 * step);
}

}  // namespace ockham
