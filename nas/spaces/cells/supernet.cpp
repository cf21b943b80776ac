#include "nas/spaces/cells/supernet.h"

#include <algorithm>

#include "ops/add/add.h"
#include "ops/concat/concat.h"
#include "ops/scale/scale.h"

namespace ockham::nas {

SupernetSpec SupernetSpec::bayesnas(int nodes) {
  SupernetSpec spec;
  spec.normal = bayesnas_cell(CellKind::kNormal, nodes);
  spec.reduce = bayesnas_cell(CellKind::kReduction, nodes);
  return spec;
}

SupernetSpec SupernetSpec::darts(int nodes) {
  SupernetSpec spec = darts_with_switches(nodes);
  spec.mixing = Mixing::kSoftmax;
  return spec;
}

SupernetSpec SupernetSpec::darts_with_switches(int nodes) {
  SupernetSpec spec;
  spec.frame = {.style = Style::kDarts, .channels = 16, .is_affine = false};
  spec.normal = darts_cell(CellKind::kNormal, nodes);
  spec.reduce = darts_cell(CellKind::kReduction, nodes);
  spec.primitives = {kDartsPrimitives.begin(), kDartsPrimitives.end()};
  return spec;
}

/// One cell of the search network.
class SearchCell : public Cell {
 public:
  SearchCell(Supernet& net, Supernet::Kind& kind, const CellPlace& place, Initial& initial)
      : spec_(net.spec_),
        cell_(net.cell_spec(place.kind)),
        kind_(kind),
        columns_(net.columns()),
        channels_(place.channels),
        switches_(spec_.mixing == Mixing::kSwitches ? &add("", std::make_unique<SwitchMixer>(switch_blocks(), initial))
                                                    : nullptr),
        mixer_(switches_ != nullptr ? static_cast<Mixer&>(*switches_) : *net.mixer_),
        inputs_(add("", std::make_unique<CellInputs>(net.spec_.frame, place, initial))) {
    for (std::size_t e = 0; e < cell_.edges.size(); ++e) {
      OperationOptions options{.channels = channels_,
                               .stride = cell_.edges[e].stride,
                               .is_affine = spec_.frame.is_affine,
                               .pools_are_normalised = true,
                               .dilated_is_dense = spec_.dilated_is_dense};
      std::vector<Layer*>& layers = ops_.emplace_back();
      // DARTS counts its zero operation as number 0 of each edge.
      const std::size_t first = spec_.mixing == Mixing::kSwitches ? 0 : 1;
      for (std::size_t o = 0; o < spec_.primitives.size(); ++o)
        layers.push_back(&add(ockham::concat("_ops.", e, "._ops.", o + first),
                              make_operation(spec_.frame.style, spec_.primitives[o], options, initial)));
      if (switches_ != nullptr) {
        kind.origins[e].push_back(&origin(e));
        kind.switches[e].push_back(&switches_->parameter(option(e, 0)));
      }
      for (std::size_t o = 0; o < layers.size() && spec_.mixing == Mixing::kGates; ++o)
        std::ranges::copy(kernels_of(*layers[o]),
                          std::back_inserter(net.kernels_[static_cast<std::size_t>(option(e, o))]));
    }
  }

  std::int64_t width() const override { return channels_ * cell_.nodes; }

  Variable forward(const Context& given, const Deferred& older, const Deferred& previous) override {
    // Edges from the same state pool it alike and normalise it by the same moments.
    SharedResults results;
    Context context = given;
    context.shared = given.fuses ? &results : nullptr;
    std::vector<Variable> states;
    for (const Deferred& input : inputs_.run(context, older, previous))
      states.push_back(applied(input));
    for (int node = 0; node < cell_.nodes; ++node)
      states.push_back(spec_.mixing == Mixing::kSwitches ? switched_node(context, node, states)
                                                         : mixed_node(context, node, states));
    std::vector<Variable> output(states.begin() + kInputs, states.end());
    const Variable zero = zero_node(output, states[kInputPrevious]);
    for (Variable& node : output) {
      if (!node.value().is_defined())
        node = zero;
    }
    return output.size() == 1 ? output[0] : ockham::concat(output);
  }

 private:
  /// Of each edge its origin, in the place of the zero operation, and its operations.
  std::vector<OptionBlock> switch_blocks() const {
    std::vector<OptionBlock> blocks;
    for (std::size_t e = 0; e < cell_.edges.size(); ++e) {
      blocks.push_back({.name = ockham::concat("origin.", e)});
      blocks.push_back({.name = ockham::concat("switches.", e), .columns = columns_ - 1});
    }
    return blocks;
  }
  Parameter& origin(std::size_t e) const { return switches_->parameter(option(e, 0) - 1); }

  /// What a dead node, one without incoming edge, gives to the concat.
  Variable zero_node(const std::vector<Variable>& nodes, const Variable& input) const {
    const auto alive = std::ranges::find_if(nodes, [](const Variable& v) { return v.value().is_defined(); });
    if (alive != nodes.end())
      return Tensor::zeros(alive->shape(), alive->dtype(), alive->device());
    const std::int64_t stride = cell_.kind == CellKind::kReduction ? 2 : 1;
    const Shape& s = input.shape();
    return Tensor::zeros({s[0], channels_, s[2] / stride, s[3] / stride}, input.dtype(), input.device());
  }

  /// sum over edges of origin * (sum over operations of switch * op(x)); pruned parts are left out, and the node stays
  /// undefined if nothing is left.
  Variable switched_node(const Context& context, int node, std::span<const Variable> states) {
    std::vector<Variable> edges;
    for (std::size_t e = 0; e < cell_.edges.size(); ++e) {
      const Variable& x = states[static_cast<std::size_t>(cell_.edges[e].from)];
      const std::vector<bool>& is_kept = kind_.is_kept[e];
      if (cell_.edges[e].to != node || std::ranges::count(is_kept, true) == 0 || !x.value().is_defined())
        continue;
      const bool is_at_input = spec_.origin == OriginPosition::kInput;
      // A training pass stores no scaled map. Algorithm R wants the switch used once, in one op.
      const bool defers_factor =
          is_at_input && context.fuses && context.is_training && context.batch_norm == BatchNormMode::kBatch;
      const Variable factor = defers_factor ? context.use(origin(e)) : Variable();
      const Variable input = is_at_input && !defers_factor ? scale(x, context.use(origin(e))) : x;
      std::vector<Deferred> branches;
      std::vector<std::int64_t> options;
      // The operations of this style begin with a batch norm of the same map: its moments are taken once for all.
      const bool shares_moments =
          context.fuses && spec_.frame.style == Style::kBayesNas && context.batch_norm == BatchNormMode::kBatch;
      Deferred source{.z = input, .factor = factor};
      if (shares_moments) {
        source.moments = shared_moments(context, input);
        if (defers_factor)
          source.moments = scaled_moments(source.moments, factor);
      }
      for (std::size_t o = 0; o < ops_[e].size(); ++o) {
        if (!is_kept[o])
          continue;
        branches.push_back(deferred(context, *ops_[e][o], source));
        options.push_back(option(e, o));
      }
      const Variable sum = mixer_.sum(context, branches, options);
      edges.push_back(is_at_input ? sum : scale(sum, context.use(origin(e))));
    }
    if (edges.empty())
      return {};
    return edges.size() == 1 ? edges[0] : ockham::add(edges);
  }

  /// Operation o of edge e as the mixer counts.
  std::int64_t option(std::size_t e, std::size_t o) const {
    return kind_.first_option + static_cast<std::int64_t>(e) * columns_ + static_cast<std::int64_t>(o) + 1;
  }

  /// What the mixer makes of all operations on the node's edges; undefined if it takes none.
  Variable mixed_node(const Context& context, int node, std::span<const Variable> states) {
    std::vector<Deferred> branches;
    std::vector<std::int64_t> options;
    for (std::size_t e = 0; e < cell_.edges.size(); ++e) {
      const Variable& x = states[static_cast<std::size_t>(cell_.edges[e].from)];
      if (cell_.edges[e].to != node || !x.value().is_defined())
        continue;
      for (std::size_t o = 0; o < ops_[e].size(); ++o) {
        if (!mixer_.takes(context, option(e, o)))
          continue;
        branches.push_back(deferred(context, *ops_[e][o], {.z = x}));
        options.push_back(option(e, o));
      }
    }
    return branches.empty() ? Variable() : mixer_.sum(context, branches, options);
  }

  const SupernetSpec& spec_;
  const CellSpec& cell_;
  const Supernet::Kind& kind_;
  std::int64_t columns_;
  std::int64_t channels_;
  SwitchMixer* switches_;
  const Mixer& mixer_;
  CellInputs& inputs_;
  std::vector<std::vector<Layer*>> ops_;  ///< [edge][op]
};

Supernet::~Supernet() = default;

Supernet::Supernet(SupernetSpec spec, Initial& initial) : spec_(std::move(spec)) {
  const std::size_t ops = spec_.primitives.size();
  for (CellKind k : {CellKind::kNormal, CellKind::kReduction}) {
    const std::size_t edges = cell_spec(k).edges.size();
    Kind& state = kind(k);
    state.origins.resize(edges);
    state.switches.resize(edges);
    state.is_kept.assign(edges, std::vector<bool>(ops, true));
  }
  std::vector<OptionBlock> blocks;
  std::int64_t options = 0;
  for (CellKind k : {CellKind::kNormal, CellKind::kReduction}) {
    const auto edges = static_cast<std::int64_t>(cell_spec(k).edges.size());
    blocks.push_back(
        {.name = k == CellKind::kNormal ? "alphas_normal" : "alphas_reduce", .rows = edges, .columns = columns()});
    if (spec_.mixing != Mixing::kSwitches)
      kind(k).first_option = options;
    options += edges * columns();
  }
  SoftmaxMixer* softmax = nullptr;
  if (spec_.mixing == Mixing::kSoftmax)
    mixer_ = softmax = &add("", std::make_unique<SoftmaxMixer>());
  if (spec_.mixing == Mixing::kGates)
    mixer_ = &add("", make_shared_mixer(spec_.mixing, blocks, true, spec_.gates, initial));
  kernels_.resize(static_cast<std::size_t>(options));
  frame_ = &add("", std::make_unique<Frame>(spec_.frame, initial, [&](const CellPlace& place) {
                  return std::make_unique<SearchCell>(*this, kind(place.kind), place, initial);
                }));
  if (mixer_ != nullptr)
    groups_ = mixer_->groups([this](std::int64_t option) { return kernels_[static_cast<std::size_t>(option)]; });
  if (softmax != nullptr) {  // logits are drawn after the weights
    kind(CellKind::kNormal).logits = &softmax->add_logits(blocks[0], initial);
    kind(CellKind::kReduction).logits = &softmax->add_logits(blocks[1], initial);
  }
}

Variable Supernet::forward(const Context& context, const Variable& images) {
  if (mixer_ != nullptr)
    mixer_->begin(context);
  Variable result = frame_->forward(context, images);
  if (mixer_ != nullptr)
    mixer_->end();
  return result;
}

int Supernet::copies(CellKind k) const {
  int count = 0;
  for (std::int64_t i = 0; i < spec_.frame.cells; ++i)
    count += is_reduction(i, spec_.frame.cells) == (k == CellKind::kReduction);
  return count;
}

const std::vector<Parameter*>& Supernet::origins(CellKind k, std::size_t edge) const {
  return kind(k).origins[edge];
}
const std::vector<Parameter*>& Supernet::switches(CellKind k, std::size_t edge) const {
  return kind(k).switches[edge];
}

Parameter& Supernet::logits(CellKind k) {
  if (kind(k).logits == nullptr)
    throw Error("supernet: it does not mix by softmax and has no architecture logits.");
  return *kind(k).logits;
}

void Supernet::keep(CellKind k, std::size_t edge, std::vector<bool> operations) {
  OCKHAM_ASSERT(operations.size() == spec_.primitives.size());
  kind(k).is_kept[edge] = std::move(operations);
}

}  // namespace ockham::nas
