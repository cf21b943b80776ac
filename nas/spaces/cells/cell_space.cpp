#include "nas/spaces/cells/cell_space.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "nas/cost.h"

namespace ockham::nas {
namespace {

/// Its logits; the auxiliary head is for training alone.
OwnedNetwork owned_evaluation(std::unique_ptr<EvaluationNetwork> network) {
  EvaluationNetwork& net = *network;
  return {.module = std::move(network),
          .network = {.module = &net, .forward = [&net](const Context& context, const Variable& x) {
                        return net.forward(context, x).logits;
                      }}};
}

/// What an edge offers: its best operation but zero, with the softmax weight of it.
struct Offer {
  std::size_t edge = 0;
  std::size_t operation = 0;
  double weight = 0.0;
};

Offer offer_of(std::size_t edge, std::span<const double> row) {
  const auto best = std::max_element(row.begin() + 1, row.end());  // the first of equals
  double sum = 0.0;
  for (const double logit : row)
    sum += std::exp(logit - *best);
  return {.edge = edge, .operation = static_cast<std::size_t>(best - row.begin()) - 1, .weight = 1.0 / sum};
}

std::int64_t count_skips(const Genotype& genotype) {
  std::int64_t count = 0;
  for (const CellGenotype* cell : {&genotype.normal, &genotype.reduce}) {
    for (const GenotypeEdge& edge : cell->edges)
      count += std::ranges::count(edge.ops, Primitive::kIdentity);
  }
  return count;
}

/// 1 and the place of the operation that the cell has on the edge, or 0.
std::size_t operation_on(const EdgeSpec& place, const CellGenotype& cell, std::span<const Primitive> primitives) {
  for (const GenotypeEdge& edge : cell.edges) {
    const auto found = std::ranges::find(primitives, edge.ops.front());
    if (edge.from == place.from && edge.to == place.to && found != primitives.end())
      return static_cast<std::size_t>(found - primitives.begin()) + 1;
  }
  return 0;
}

/// Edges of a node by their sources; a text may name them in any order.
Genotype in_order(Genotype genotype) {
  for (CellGenotype* cell : {&genotype.normal, &genotype.reduce})
    std::ranges::stable_sort(cell->edges, {}, [](const GenotypeEdge& edge) { return std::pair(edge.to, edge.from); });
  return genotype;
}

}  // namespace

SoftmaxSpace::SoftmaxSpace(SupernetSpec spec, const EvaluationSpec& trained)
    : spec_(std::move(spec)), trained_(trained) {
  spec_.mixing = Mixing::kSwitches;
  trained_.frame.style = spec_.frame.style;
}

std::string SoftmaxSpace::name() const {
  return std::string(style_name(spec_.frame.style));
}

SupernetSpec SoftmaxSpace::spec_with(Mixing mixing) const {
  SupernetSpec spec = spec_;
  spec.mixing = mixing;
  spec.frame.is_affine = false;
  return spec;
}

OwnedNetwork SoftmaxSpace::make_supernet(Initial& initial) const {
  auto supernet = std::make_unique<Supernet>(spec_with(Mixing::kSoftmax), initial);
  std::vector<Parameter*> logits{&supernet->logits(CellKind::kNormal), &supernet->logits(CellKind::kReduction)};
  return owned(std::move(supernet), std::move(logits));
}

OwnedGatedNetwork SoftmaxSpace::make_gated(const GateOptions& options, Initial& initial) const {
  SupernetSpec spec = spec_with(Mixing::kGates);
  spec.gates = options;
  return owned_gated(std::make_unique<Supernet>(std::move(spec), initial));
}

OwnedNetwork SoftmaxSpace::make_network(const std::string& cell, Initial& initial) const {
  EvaluationSpec spec;
  spec.frame = spec_.frame;
  spec.frame.is_affine = true;
  spec.frame.head_has_relu = trained_.frame.head_has_relu;
  return owned_evaluation(std::make_unique<EvaluationNetwork>(load_genotype(cell), spec, initial));
}

std::vector<Choice> SoftmaxSpace::choices() const {
  std::vector<Choice> result;
  for (const CellSpec* cell : {&spec_.normal, &spec_.reduce}) {
    for (const EdgeSpec& edge : cell->edges) {
      Choice choice{.name = concat(kind_name(cell->kind), ' ', edge_name(edge.from, edge.to)), .options = {"none"}};
      for (const Primitive primitive : spec_.primitives)
        choice.options.emplace_back(darts_name(primitive));
      result.push_back(std::move(choice));
    }
  }
  return result;
}

CellGenotype SoftmaxSpace::derive_kind(CellKind kind, std::span<const double> numbers) const {
  const CellSpec& spec = kind == CellKind::kNormal ? spec_.normal : spec_.reduce;
  const std::size_t columns = spec_.primitives.size() + 1;
  CellGenotype cell{.kind = kind, .nodes = spec.nodes};
  for (int node = 0; node < spec.nodes; ++node) {
    std::vector<Offer> offers;
    for (std::size_t e = 0; e < spec.edges.size(); ++e) {
      if (spec.edges[e].to == node)
        offers.push_back(offer_of(e, numbers.subspan(e * columns, columns)));
    }
    std::ranges::stable_sort(offers, std::greater{}, &Offer::weight);
    offers.resize(std::min<std::size_t>(offers.size(), 2));
    std::ranges::sort(offers, {}, &Offer::edge);
    for (const Offer& offer : offers) {
      const EdgeSpec& edge = spec.edges[offer.edge];
      cell.edges.push_back(
          {.from = edge.from, .to = edge.to, .stride = edge.stride, .ops = {spec_.primitives[offer.operation]}});
    }
    cell.concat.push_back(node);
  }
  return cell;
}

Genotype SoftmaxSpace::genotype_of(std::span<const double> numbers) const {
  const std::size_t of_normal = spec_.normal.edges.size() * (spec_.primitives.size() + 1);
  return {.space = name(),
          .normal = derive_kind(CellKind::kNormal, numbers.first(of_normal)),
          .reduce = derive_kind(CellKind::kReduction, numbers.subspan(of_normal))};
}

std::string SoftmaxSpace::text_of(const Genotype& genotype) const {
  return genotype.space == "darts" && is_darts_like(genotype) ? to_darts(genotype) : to_json(genotype);
}

std::string SoftmaxSpace::derive(std::span<const double> numbers) const {
  return text_of(genotype_of(numbers));
}

std::vector<double> SoftmaxSpace::indicator(const std::string& cell) const {
  const Genotype genotype = load_genotype(cell);
  std::vector<double> numbers;
  for (const CellSpec* spec : {&spec_.normal, &spec_.reduce}) {
    const CellGenotype& of_kind = spec->kind == CellKind::kNormal ? genotype.normal : genotype.reduce;
    for (const EdgeSpec& edge : spec->edges) {
      const std::size_t none = numbers.size();
      numbers.resize(none + spec_.primitives.size() + 1);
      numbers[none + operation_on(edge, of_kind, spec_.primitives)] = 1.0;
    }
  }
  // What is not of the space was lost on the way.
  if (in_order(genotype) != in_order(genotype_of(numbers)))
    throw UsageError(concat("cell: it is not of the space ", name(), " with ", spec_.normal.nodes, " nodes, ",
                            spec_.normal.edges.size(), " edges a normal and ", spec_.reduce.edges.size(),
                            " a reduction cell, in which a node reads two edges with one of ", spec_.primitives.size(),
                            " operations each; give a cell of that form."));
  return numbers;
}

CellFacts SoftmaxSpace::facts(const std::string& cell) const {
  Initial initial;
  const TrainedNetwork trained = make_trained(cell, initial);
  const SearchNetwork& network = trained.owned.network;
  CellFacts facts{.macs = count_macs(network.forward, trained.image_channels, trained.image_size),
                  .skips = count_skips(load_genotype(cell))};
  for (const Parameter* parameter : network.weights())
    facts.parameters += parameter->value.numel();
  return facts;
}

TrainedNetwork SoftmaxSpace::make_trained(const std::string& cell, Initial& initial) const {
  return {.owned = owned_evaluation(std::make_unique<EvaluationNetwork>(load_genotype(cell), trained_, initial)),
          .image_channels = trained_.frame.image_channels,
          .image_size = trained_.frame.image_size};
}

}  // namespace ockham::nas
