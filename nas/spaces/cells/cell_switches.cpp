// SoftmaxSpace::make_switches: the groups of a supernet with switches, what gates them, and the cell that they leave.
#include <array>
#include <memory>

#include "nas/draw/draw.h"
#include "nas/spaces/cells/cell_space.h"

namespace ockham::nas {
namespace {

constexpr std::array kKinds{CellKind::kNormal, CellKind::kReduction};

/// Which group is which: the numbers of choices(), cell kind by kind, edge by edge, the zero operation first; then the
/// origins in the same order.
class Groups {
 public:
  explicit Groups(const SupernetSpec& spec) : spec_(spec) {}

  const CellSpec& cell(CellKind kind) const { return kind == CellKind::kNormal ? spec_.normal : spec_.reduce; }
  const std::vector<Primitive>& primitives() const { return spec_.primitives; }
  std::size_t operation(CellKind kind, std::size_t edge, std::size_t op) const {
    return edge_number(kind, edge) * (spec_.primitives.size() + 1) + 1 + op;
  }
  std::size_t origin(CellKind kind, std::size_t edge) const {
    return edges() * (spec_.primitives.size() + 1) + edge_number(kind, edge);
  }
  std::size_t edges() const { return spec_.normal.edges.size() + spec_.reduce.edges.size(); }

  /// All operations on the edges into the node that an edge starts at; none where it starts at a cell input.
  std::vector<std::size_t> before(CellKind kind, std::size_t edge) const {
    std::vector<std::size_t> result;
    for (std::size_t e = 0; e < cell(kind).edges.size(); ++e) {
      for (std::size_t o = 0; o < primitives().size(); ++o) {
        if (node_id(cell(kind).edges[e].to) == cell(kind).edges[edge].from)
          result.push_back(operation(kind, e, o));
      }
    }
    return result;
  }

  CellVariances variances(CellKind kind, const GroupNumbers& numbers) const {
    const std::span<const double> of_groups = numbers.values;
    CellVariances result{.spec = cell(kind), .primitives = primitives(), .measure = numbers.measure};
    for (std::size_t e = 0; e < cell(kind).edges.size(); ++e) {
      EdgeVariances& edge = result.edges.emplace_back(EdgeVariances{.origin = of_groups[origin(kind, e)]});
      for (std::size_t o = 0; o < primitives().size(); ++o)
        edge.ops.push_back(of_groups[operation(kind, e, o)]);
    }
    return result;
  }

 private:
  std::size_t edge_number(CellKind kind, std::size_t edge) const {
    return kind == CellKind::kNormal ? edge : spec_.normal.edges.size() + edge;
  }

  const SupernetSpec& spec_;
};

std::vector<SwitchPlaces::Entry> entries(const std::vector<Parameter*>& copies, std::size_t index) {
  std::vector<SwitchPlaces::Entry> result;
  for (Parameter* parameter : copies)
    result.push_back({parameter, index});
  return result;
}

void fill_edge(const Groups& groups, const Supernet& net, CellKind kind, std::size_t e,
               std::vector<SwitchPlaces>& places) {
  const std::vector<std::size_t> before = groups.before(kind, e);
  const std::size_t origin = groups.origin(kind, e);
  for (std::size_t o = 0; o < groups.primitives().size(); ++o) {
    SwitchPlaces& place = places[groups.operation(kind, e, o)];
    place.copies = entries(net.switches(kind, e), o);
    place.gates = {.origin = origin, .before = before};
  }
  places[origin] = {.choice = places[groups.operation(kind, e, 0)].choice,
                    .option = "origin",
                    .copies = entries(net.origins(kind, e), 0),
                    .gates = {.is_origin = true, .before = before}};
}

void leave_out(const Groups& groups, Supernet& net, const std::vector<bool>& is_pruned) {
  for (const CellKind kind : kKinds) {
    for (std::size_t e = 0; e < groups.cell(kind).edges.size(); ++e) {
      std::vector<bool> is_kept;
      for (std::size_t o = 0; o < groups.primitives().size(); ++o)
        is_kept.push_back(!is_pruned[groups.operation(kind, e, o)]);
      net.keep(kind, e, std::move(is_kept));
    }
  }
}

Genotype kept(const Groups& groups, std::string space, const GroupNumbers& numbers) {
  return {.space = std::move(space),
          .normal = derive_cell(groups.variances(CellKind::kNormal, numbers)),
          .reduce = derive_cell(groups.variances(CellKind::kReduction, numbers))};
}

CellPicture drawn(const char* name, const CellGenotype& cell, const CellVariances& variances) {
  const DrawOptions options{.title = name, .variances = &variances};
  return {.name = name, .dot = to_dot(cell, options), .svg = to_svg(cell, options)};
}

}  // namespace

SwitchNetwork SoftmaxSpace::make_switches(Initial& initial) const {
  auto supernet = std::make_unique<Supernet>(spec_, initial);
  Supernet& net = *supernet;
  for (const CellKind kind : kKinds) {
    if (net.copies(kind) == 0)
      throw UsageError(concat("bayesnas: a network of ", spec_.frame.cells, " cells has ",
                              net.copies(CellKind::kNormal), " normal and ", net.copies(CellKind::kReduction),
                              " reduction cells, but one of each kind is searched; use --cells 3 or more."));
  }
  const Groups groups(net.spec());
  std::vector<SwitchPlaces> places = places_of_numbers(*this, {});
  places.resize(places.size() + groups.edges());
  for (const CellKind kind : kKinds) {
    for (std::size_t e = 0; e < groups.cell(kind).edges.size(); ++e)
      fill_edge(groups, net, kind, e, places);
  }
  SwitchNetwork result{.owned = owned(std::move(supernet), net.architecture()), .groups = std::move(places)};
  result.leave_out = [groups, &net](const std::vector<bool>& is_pruned) { nas::leave_out(groups, net, is_pruned); };
  result.derive_kept = [groups, this](const GroupNumbers& numbers) { return text_of(kept(groups, name(), numbers)); };
  result.draw_kept = [groups, this](const GroupNumbers& numbers) {
    const Genotype genotype = kept(groups, name(), numbers);
    return std::vector<CellPicture>{drawn("normal", genotype.normal, groups.variances(CellKind::kNormal, numbers)),
                                    drawn("reduce", genotype.reduce, groups.variances(CellKind::kReduction, numbers))};
  };
  return result;
}

}  // namespace ockham::nas
