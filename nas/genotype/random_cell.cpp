#include "nas/genotype/random_cell.h"

#include <algorithm>

#include "engine/error.h"
#include "engine/random.h"
#include "nas/genotype/kept_cell.h"

namespace ockham::nas {
namespace {

struct Slot {
  std::size_t edge, op;
};

/// Draws without replacement.
class Urn {
 public:
  Urn(const RandomKey& key, std::vector<Slot> slots) : key_(key), slots_(std::move(slots)) {}

  Slot draw_where(auto accepts) {
    const auto middle =
        std::stable_partition(slots_.begin(), slots_.end(), [&](const Slot& slot) { return !accepts(slot); });
    const auto choices = static_cast<std::uint64_t>(slots_.end() - middle);
    const auto chosen = middle + static_cast<std::ptrdiff_t>(random_below(key_, draws_++, choices));
    const Slot slot = *chosen;
    slots_.erase(chosen);
    return slot;
  }

 private:
  RandomKey key_;
  std::vector<Slot> slots_;
  std::uint64_t draws_ = 0;
};

std::vector<Slot> slots_into_first_nodes(const CellSpec& spec, std::size_t primitives, int nodes) {
  std::vector<Slot> slots;
  for (std::size_t e = 0; e < spec.edges.size(); ++e) {
    for (std::size_t o = 0; o < primitives && spec.edges[e].to < nodes; ++o)
      slots.push_back({e, o});
  }
  return slots;
}

}  // namespace

CellGenotype random_cell(const CellSpec& spec, std::span<const Primitive> primitives, int ops, std::uint64_t seed,
                         std::uint64_t index) {
  const int most = static_cast<int>(spec.edges.size() * primitives.size());
  if (ops < 1 || ops > most)
    throw UsageError(concat("random cell: ", ops, " operations; a ", kind_name(spec.kind), " cell with ",
                            spec.edges.size(), " edges and ", primitives.size(), " operations an edge has 1 to ", most,
                            "."));
  const int alive = std::min(ops, spec.nodes);
  const RandomKey key{
      .seed = seed, .purpose = Purpose::kArchitecture, .step = 2 * index + (spec.kind == CellKind::kReduction ? 1 : 0)};
  Urn urn(key, slots_into_first_nodes(spec, primitives.size(), alive));
  std::vector<std::vector<bool>> chosen(spec.edges.size(), std::vector<bool>(primitives.size()));
  const auto take = [&](const Slot& slot) { chosen[slot.edge][slot.op] = true; };
  for (int node = 0; node < alive; ++node)
    take(urn.draw_where([&](const Slot& slot) { return spec.edges[slot.edge].to == node; }));
  for (int rest = alive; rest < ops; ++rest)
    take(urn.draw_where([](const Slot&) { return true; }));
  return kept_cell(spec, primitives, chosen);
}

Genotype random_like(const Genotype& found, std::uint64_t seed, std::uint64_t index) {
  const auto draw = [&](const CellGenotype& cell) {
    const CellSpec spec =
        found.space == "darts" ? darts_cell(cell.kind, cell.nodes) : bayesnas_cell(cell.kind, cell.nodes);
    return random_cell(spec, kBayesnasPrimitives, count_ops(cell), seed, index);
  };
  return {.space = found.space, .normal = draw(found.normal), .reduce = draw(found.reduce)};
}

}  // namespace ockham::nas
