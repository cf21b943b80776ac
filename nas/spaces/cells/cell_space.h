#pragma once
// The cells of DARTS and of BayesNAS as a space to search in by softmax or by gates (nas/spaces/space.h): for a
// normal and a reduction cell one choice an edge, the zero operation first. Liu, Simonyan, Yang 2019, arXiv:1806.09055,
// section 2.4.
//
// derive(): an edge offers its likeliest operation other than zero (softmax over all, zero included; the first of
// equals). A node keeps its two strongest edges (the first of equals), in the order of their sources. Cells are DARTS
// text in the space "darts", JSON in "bayesnas" (nas/genotype/genotype.h).
#include "nas/network/evaluation_network.h"
#include "nas/spaces/cells/supernet.h"
#include "nas/spaces/space.h"

namespace ockham::nas {

class SoftmaxSpace : public SearchSpace {
 public:
  /// The mixing of `spec` is made softmax, or gates. `trained` is the size of the network that facts() are of.
  SoftmaxSpace(SupernetSpec spec, const EvaluationSpec& trained);

  std::string name() const override;
  /// Batch norm without scale and shift, as published.
  OwnedNetwork make_supernet(Initial& initial) const override;
  OwnedGatedNetwork make_gated(const GateOptions& options, Initial& initial) const override;
  OwnedNetwork make_network(const std::string& cell, Initial& initial) const override;
  std::vector<Choice> choices() const override;
  std::string derive(std::span<const double> numbers) const override;
  /// The zero operation is what an edge takes that the cell does not have.
  std::vector<double> indicator(const std::string& cell) const override;
  CellFacts facts(const std::string& cell) const override;

 private:
  CellGenotype derive_kind(CellKind kind, std::span<const double> numbers) const;
  Genotype genotype_of(std::span<const double> numbers) const;

  SupernetSpec spec_;
  EvaluationSpec trained_;
};

}  // namespace ockham::nas
