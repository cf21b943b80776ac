#pragma once
// NAS-Bench-201 as a space to search in (nas/spaces/space.h): six choices of five operations, none among them;
// derive() takes each edge's largest, the first of equals. Cells are the strings of cell.h.
#include "nas/spaces/nasbench201/supernet.h"
#include "nas/spaces/space.h"

namespace ockham::nas::nasbench201 {

class Space : public SearchSpace {
 public:
  /// Size of the search network and of make_network(). facts() are of the benchmark's own, C = 16 and N = 5.
  /// @param normalises_all  of make_switches(): SupernetSpec
  explicit Space(const NetworkSpec& spec, bool normalises_all = true) : spec_(spec), normalises_all_(normalises_all) {}

  std::string name() const override { return "nasbench201"; }
  OwnedNetwork make_supernet(Initial& initial) const override;
  /// An operation's gates are all operations on the edges into the node that its edge starts at. none is no switch.
  SwitchNetwork make_switches(Initial& initial) const override;
  OwnedGatedNetwork make_gated(const GateOptions& options, Initial& initial) const override;
  OwnedNetwork make_network(const std::string& cell, Initial& initial) const override;
  std::vector<Choice> choices() const override;
  std::string derive(std::span<const double> numbers) const override;
  std::vector<double> indicator(const std::string& cell) const override;
  CellFacts facts(const std::string& cell) const override;
  TrainedNetwork make_trained(const std::string& cell, Initial& initial) const override;

 private:
  /// Batch norm without scale and shift, as published.
  std::unique_ptr<Supernet> search_network(Mixing mixing, const GateOptions& gates, Initial& initial) const;

  NetworkSpec spec_;
  bool normalises_all_;
};

}  // namespace ockham::nas::nasbench201
