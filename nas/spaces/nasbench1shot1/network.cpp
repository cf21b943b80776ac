#include "nas/spaces/nasbench1shot1/network.h"

#include "engine/error.h"
#include "ops/add/add.h"
#include "ops/concat/concat.h"
#include "ops/global_avg_pool/global_avg_pool.h"
#include "ops/slice/slice.h"

namespace ockham::nas::nasbench1shot1 {
namespace {

constexpr std::int64_t kStacks = 3;

void check(const NetworkSpec& spec) {
  if (spec.channels < 1 || spec.cells_per_stack < 1 || spec.classes < 1 || spec.image_channels < 1)
    throw UsageError(ockham::concat("NAS-Bench-1Shot1 network: ", spec.channels, " channels, ", spec.cells_per_stack,
                                    " cells a stack, ", spec.classes, " classes, ", spec.image_channels,
                                    " image channels; all must be at least 1."));
}

/// The first `channels` of x. A node that feeds two others may have one more than one of them.
Variable truncated(const Variable& x, std::int64_t channels) {
  return x.shape()[1] == channels ? x : slice(x, 1, 0, channels);
}

class CellLayer : public Layer {
 public:
  CellLayer(const Cell& cell, std::int64_t in, std::int64_t out, Initial& initial)
      : cell_(cell), channels_(vertex_channels(cell, out)) {
    for (std::size_t v = 1; v <= cell.output(); ++v) {
      if (cell.has_edge(0, v))
        projections_[v] = &add(ockham::concat("projections.", v), make_conv_norm_relu(in, channels_[v], 1, initial));
      if (v != cell.output())
        operations_[v] =
            &add(ockham::concat("operations.", v), make_operation(cell.operations[v], channels_[v], initial));
    }
  }

  Variable forward(const Context& context, const Variable& x) override {
    std::array<Variable, kMostVertices> maps{x};
    std::vector<Variable> joined;
    for (std::size_t v = 1; v <= cell_.nodes; ++v) {
      const Deferred sum = inputs(context, maps, v);
      maps[v] = applied(deferred(context, *operations_[v], sum));
      if (cell_.has_edge(v, cell_.output()))
        joined.push_back(maps[v]);
    }
    std::vector<Variable> terms;
    if (!joined.empty())
      terms.push_back(joined.size() == 1 ? joined[0] : ockham::concat(joined));
    if (Layer* projection = projections_[cell_.output()])
      terms.push_back(projection->forward(context, x));
    return terms.size() == 1 ? terms[0] : ockham::add(terms);
  }

 private:
  Deferred inputs(const Context& context, const std::array<Variable, kMostVertices>& maps, std::size_t v) {
    std::vector<Deferred> terms;
    for (std::size_t from = 1; from < v; ++from) {
      if (cell_.has_edge(from, v))
        terms.push_back({.z = truncated(maps[from], channels_[v])});
    }
    if (projections_[v] != nullptr)
      terms.push_back(deferred(context, *projections_[v], {.z = maps[0]}));
    return terms.size() == 1 ? terms[0] : Deferred{.z = added(context, terms)};
  }

  Cell cell_;
  std::array<std::int64_t, kMostVertices> channels_;
  std::array<Layer*, kMostVertices> projections_{};  // of the input, by vertex that it feeds
  std::array<Layer*, kMostVertices> operations_{};
};

/// Numbers of a part of a network.
struct Size {
  std::int64_t weights = 0;  ///< of convolutions
  std::int64_t norms = 0;

  void add_conv(std::int64_t in, std::int64_t out, std::int64_t kernel) {
    weights += in * out * kernel * kernel;
    norms += 2 * out;
  }
};

Size size_of(const Cell& cell, std::int64_t in, std::int64_t out) {
  const auto channels = vertex_channels(cell, out);
  Size size;
  for (std::size_t v = 1; v <= cell.output(); ++v) {
    if (cell.has_edge(0, v))
      size.add_conv(in, channels[v], 1);
    if (v != cell.output() && cell.operations[v] != Operation::kMaxPool3)
      size.add_conv(channels[v], channels[v], cell.operations[v] == Operation::kConv3 ? 3 : 1);
  }
  return size;
}

/// Calls visit(size, stack) for the stem, which belongs to stack 0, and each cell.
template <class Visit>
void for_each_part(const Cell& cell, const NetworkSpec& spec, Visit&& visit) {
  check(spec);
  Size stem;
  stem.add_conv(spec.image_channels, spec.channels, 3);
  visit(stem, 0);
  const Cell whole = pruned(cell);
  std::int64_t in = spec.channels;
  for (std::int64_t stack = 0; stack < kStacks; ++stack) {
    const std::int64_t out = spec.channels << stack;
    for (std::int64_t i = 0; i < spec.cells_per_stack; ++i, in = out)
      visit(size_of(whole, in, out), stack);
  }
}

std::int64_t classifier_weights(const NetworkSpec& spec) {
  return (spec.channels << (kStacks - 1)) * spec.classes;
}

}  // namespace

std::unique_ptr<Layer> make_conv_norm_relu(std::int64_t in, std::int64_t out, std::int64_t kernel, Initial& initial) {
  auto op = std::make_unique<Sequential>();
  op->then(std::make_unique<Conv>(in, out, kernel, Conv2dAttrs{.pad = kernel / 2}, initial))
      .then(std::make_unique<BatchNorm>(out, true, initial))
      .then(make_relu());
  auto named = std::make_unique<Sequential>();
  named->then("op", std::move(op));
  return named;
}

std::unique_ptr<Layer> make_operation(Operation operation, std::int64_t channels, Initial& initial) {
  if (operation == Operation::kMaxPool3)
    return std::make_unique<MaxPool>(MaxPool2dAttrs{.kernel = 3, .stride = 1, .pad = 1});
  return make_conv_norm_relu(channels, channels, operation == Operation::kConv3 ? 3 : 1, initial);
}

Stacks::Stacks(const NetworkSpec& spec, std::int64_t widening, std::int64_t pool_pad, Initial& initial,
               const MakeCell& make_cell)
    : cells_per_stack_(spec.cells_per_stack),
      channels_(spec.channels),
      pool_({.kernel = 2, .stride = 2, .pad = pool_pad}) {
  check(spec);
  stem_ = &add("stem", make_conv_norm_relu(spec.image_channels, spec.channels, 3, initial));
  std::int64_t in = spec.channels;
  for (std::int64_t i = 0; i < kStacks * cells_per_stack_; ++i) {
    channels_ = spec.channels << i / cells_per_stack_;
    cells_.push_back(&add(ockham::concat("cells.", i), make_cell(in, channels_)));
    in = channels_ * widening;
  }
}

Variable Stacks::forward(const Context& context, const Variable& images) {
  Variable x = stem_->forward(context, images);
  for (std::size_t i = 0; i < cells_.size(); ++i) {
    if (i > 0 && static_cast<std::int64_t>(i) % cells_per_stack_ == 0)
      x = pool_.forward(context, x);
    x = cells_[i]->forward(context, x);
  }
  return x;
}

Network::Network(const Cell& cell, const NetworkSpec& spec, Initial& initial)
    : stacks_(&add("", std::make_unique<Stacks>(spec, 1, 0, initial,
                                                [&, whole = pruned(cell)](std::int64_t in, std::int64_t channels) {
                                                  return std::make_unique<CellLayer>(whole, in, channels, initial);
                                                }))),
      classifier_(&add("classifier", std::make_unique<Linear>(stacks_->channels(), spec.classes, initial))) {}

Variable Network::forward(const Context& context, const Variable& images) {
  return classifier_->forward(context, global_avg_pool(features(context, images)));
}

std::int64_t parameter_count(const Cell& cell, const NetworkSpec& spec) {
  std::int64_t count = classifier_weights(spec) + spec.classes;
  for_each_part(cell, spec, [&](const Size& part, std::int64_t) { count += part.weights + part.norms; });
  return count;
}

std::int64_t mac_count(const Cell& cell, const NetworkSpec& spec, std::int64_t image_size) {
  std::int64_t count = classifier_weights(spec);
  for_each_part(cell, spec, [&](const Size& part, std::int64_t stack) {
    const std::int64_t side = image_size >> stack;
    count += part.weights * side * side;
  });
  return count;
}

}  // namespace ockham::nas::nasbench1shot1
