#pragma once
// The cells of DARTS and of BayesNAS as a space to search in (nas/spaces/space.h): for a normal and a reduction cell
// one choice an edge, the zero operation first. Liu, Simonyan, Yang 2019, arXiv:1806.09055, section 2.4.
//
// derive(): an edge offers its likeliest operation other than zero (softmax over all, zero included; the first of
// equals). A node keeps its two strongest edges (the first of equals), in the order of their sources. Cells are DARTS
// text in the space "darts", JSON in "bayesnas" (nas/genotype/genotype.h).
//
// What a network of switches keeps is another cell (derive_kept): an edge has any number of operations and a node of
// edges, by nas/bayes/derive.h. Zhou et al. 2019, arXiv:1905.04919.
#include "nas/network/evaluation_network.h"
#include "nas/spaces/cells/supernet.h"
#include "nas/spaces/space.h"

namespace ockham::nas {

class SoftmaxSpace : public SearchSpace {
 public:
  /// `spec` is of the network with switches; with softmax or gates its batch norm has no scale and shift, as published.
  /// `trained` is the size of the network that facts() are of.
  SoftmaxSpace(SupernetSpec spec, const EvaluationSpec& trained);

  std::string name() const override;
  OwnedNetwork make_supernet(Initial& initial) const override;
  /// A group's gates are the operations on the edges into the node that its edge starts at, and the edge's own switch.
  /// @throws UsageError if the network lacks cells of one kind
  SwitchNetwork make_switches(Initial& initial) const override;
  OwnedGatedNetwork make_gated(const GateOptions& options, Initial& initial) const override;
  OwnedNetwork make_network(const std::string& cell, Initial& initial) const override;
  std::vector<Choice> choices() const override;
  std::string derive(std::span<const double> numbers) const override;
  /// The zero operation is what an edge takes that the cell does not have.
  std::vector<double> indicator(const std::string& cell) const override;
  CellFacts facts(const std::string& cell) const override;
  TrainedNetwork make_trained(const std::string& cell, Initial& initial) const override;

 private:
  SupernetSpec spec_with(Mixing mixing) const;
  std::string text_of(const Genotype& genotype) const;
  CellGenotype derive_kind(CellKind kind, std::span<const double> numbers) const;
  Genotype genotype_of(std::span<const double> numbers) const;

  SupernetSpec spec_;
  EvaluationSpec trained_;
};

}  // namespace ockham::nas
