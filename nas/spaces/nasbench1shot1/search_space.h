#pragma once
// NAS-Bench-1Shot1 as spaces to search in (nas/spaces/space.h): an operation a node, parents where there is a
// choice, the output's parents. derive() takes each node's largest operation and as many parents, of the largest
// numbers, as the space gives it; the first of equals. Cells are the strings of cell.h. There is no table of their
// accuracies small enough to come with a program: train the cells.
#include "nas/spaces/nasbench1shot1/supernet.h"
#include "nas/spaces/space.h"

namespace ockham::nas::nasbench1shot1 {

class SearchableSpace : public SearchSpace {
 public:
  /// Size of the search network and of make_network(). facts() are of the benchmark's own, 128 channels.
  SearchableSpace(Space space, const NetworkSpec& spec) : space_(space), spec_(spec) {}

  /// "1shot1-1" to "1shot1-3"
  std::string name() const override;
  OwnedNetwork make_supernet(Initial& initial) const override;
  /// A node's operations are gated by its inputs, if it has a choice of them; an input, also of the output, by the
  /// operations of the node that it comes from.
  SwitchNetwork make_switches(Initial& initial) const override;
  OwnedGatedNetwork make_gated(const GateOptions& options, Initial& initial) const override;
  OwnedNetwork make_network(const std::string& cell, Initial& initial) const override;
  std::vector<Choice> choices() const override;
  std::string derive(std::span<const double> numbers) const override;
  std::vector<double> indicator(const std::string& cell) const override;
  /// No space has skip connections.
  CellFacts facts(const std::string& cell) const override;

 private:
  std::unique_ptr<Supernet> search_network(Mixing mixing, const GateOptions& gates, Initial& initial) const;

  Space space_;
  NetworkSpec spec_;
};

}  // namespace ockham::nas::nasbench1shot1
