#pragma once
// The one-shot search network: every edge of every cell carries all candidate operations, weighed by switches, a
// softmax or gates.
#include <array>

#include "nas/cell/cell_spec.h"
#include "nas/network/frame.h"
#include "nas/spaces/mixing.h"

namespace ockham::nas {

/// Where an origin switch multiplies: the edge's input, as published (invisible to operations that begin with batch
/// norm), or the sum of its operations' outputs.
enum class OriginPosition { kInput, kOutput };

struct SupernetSpec {
  FrameSpec frame;
  Mixing mixing = Mixing::kSwitches;
  CellSpec normal = bayesnas_cell(CellKind::kNormal);
  CellSpec reduce = bayesnas_cell(CellKind::kReduction);
  std::vector<Primitive> primitives{kBayesnasPrimitives.begin(), kBayesnasPrimitives.end()};
  OriginPosition origin = OriginPosition::kInput;
  bool dilated_is_dense = true;
  GateOptions gates = {};  ///< kGates

  /// The published networks: BayesNAS (C = 36, 8 cells, 8 edges a cell) and DARTS (C = 16, 8 cells, 14 edges).
  static SupernetSpec bayesnas(int nodes = 4);
  static SupernetSpec darts(int nodes = 4);
  /// The DARTS graph and operations with BayesNAS's switches.
  static SupernetSpec darts_with_switches(int nodes = 4);
};

class SearchCell;

/// kSwitches: one an operation and copy of the cell, and one "origin" switch an edge (BayesNAS); no zero operation.
/// kSoftmax and kGates: an edge has the zero operation first, which takes part in the softmax only and has no gate.
/// With gates an edge is the mean of its operations and a node the sum of its edges, as with the softmax of the first
/// logits.
class Supernet : public Module {
 public:
  Supernet(SupernetSpec spec, Initial& initial);
  ~Supernet() override;

  /// Logits [N, classes].
  Variable forward(const Context& context, const Variable& images);

  const SupernetSpec& spec() const { return spec_; }
  const CellSpec& cell_spec(CellKind kind) const { return kind == CellKind::kNormal ? spec_.normal : spec_.reduce; }
  /// Number of cells of a kind.
  int copies(CellKind kind) const;

  /// kSwitches: the origin switch [1] of an edge, and its operations' switches [primitives], per copy of the cell.
  const std::vector<Parameter*>& origins(CellKind kind, std::size_t edge) const;
  const std::vector<Parameter*>& switches(CellKind kind, std::size_t edge) const;
  /// kSoftmax: the logits [edges, 1 + primitives] of a kind; column 0 is the zero operation.
  Parameter& logits(CellKind kind);
  /// kGates: one for each operation of each edge, normal cells first, with its kernels in all cells of the kind.
  /// `entry` counts operations as kSoftmax's logits do, edge by edge and the zero operation first, which has no gate.
  const std::vector<GatedGroup>& groups() const { return groups_; }
  /// All architecture parameters.
  std::vector<Parameter*> architecture() { return parameters(ParameterKind::kSwitch); }

  /// kSwitches: which operations of an edge forward() computes, by primitive; an edge without any is left out. All at
  /// the start.
  void keep(CellKind kind, std::size_t edge, std::vector<bool> operations);

 private:
  friend class SearchCell;
  struct Kind {
    std::vector<std::vector<Parameter*>> origins;   ///< [edge][copy]
    std::vector<std::vector<Parameter*>> switches;  ///< [edge][copy]
    std::vector<std::vector<bool>> is_kept;         ///< [edge][op]
    Parameter* logits = nullptr;
    std::int64_t first_option = 0;  ///< kSoftmax, kGates: the zero operation of edge 0
  };
  Kind& kind(CellKind k) { return kinds_[k == CellKind::kNormal ? 0 : 1]; }
  const Kind& kind(CellKind k) const { return kinds_[k == CellKind::kNormal ? 0 : 1]; }

  /// What an edge chooses from, the zero operation or the origin switch first.
  std::int64_t columns() const { return static_cast<std::int64_t>(spec_.primitives.size()) + 1; }

  SupernetSpec spec_;
  std::array<Kind, 2> kinds_;
  Mixer* mixer_ = nullptr;                        // of all cells; null with switches
  std::vector<std::vector<Parameter*>> kernels_;  // kGates: [option]
  std::vector<GatedGroup> groups_;
  Frame* frame_ = nullptr;
};

}  // namespace ockham::nas
