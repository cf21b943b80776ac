#pragma once
// Trees in the blocks of a PyramidNet as a space to search in (nas/spaces/space.h): every branch of the tree of every
// block stays or goes. The network that is searched is the one that is trained in the end ("proxyless"), without what
// was pruned. Cells are the text of tree.h, all trees of a network.
//
// A choice is a branch, of none and its operation. derive(): a branch stays where its operation has the larger number;
// what is then cut off goes, and a block without any branch is its shortcut.
//
// Zhou, Yang, Wang, Pan 2019 (arXiv:1905.04919) report such a search, "TreeCell-A + Pyramid backbone"; what is
// switched, and how, is our reading of it.
#include "nas/spaces/proxyless/network.h"
#include "nas/spaces/space.h"

namespace ockham::nas::proxyless {

/// Blocks in which a branch stays or goes alike.
enum class Sharing { kNone, kGroup, kAll };

struct SpaceSpec {
  Tree tree = tree_cell_a();  ///< of every block, whole
  std::int64_t groups = 3;
  std::int64_t blocks = 18;  ///< of each group
  Sharing sharing = Sharing::kNone;
  NetworkSpec network = {};
};

class Space : public SearchSpace {
 public:
  /// @throws UsageError for sizes that genotype_of() or a network refuse
  explicit Space(SpaceSpec spec);

  std::string name() const override { return "proxyless"; }
  /// @throws UsageError always: there are no logits, as branches do not exclude each other
  OwnedNetwork make_supernet(Initial& initial) const override;
  /// An edge's group has an origin, the switch of the node that it is a branch of, and stands behind the edge into that
  /// node, which is of no use without a branch of it.
  SwitchNetwork make_switches(Initial& initial) const override;
  OwnedNetwork make_network(const std::string& cell, Initial& initial) const override;
  std::vector<Choice> choices() const override;
  std::string derive(std::span<const double> numbers) const override;
  std::vector<double> indicator(const std::string& cell) const override;
  /// Skip connections are identities and blocks that are their shortcut.
  CellFacts facts(const std::string& cell) const override;
  TrainedNetwork make_trained(const std::string& cell, Initial& initial) const override;
  std::vector<std::pair<std::string, std::string>> trained_options() const override;

 private:
  /// Blocks share numbers by unit.
  std::size_t unit_of(std::size_t group, std::size_t block) const;
  std::size_t units() const;
  std::string unit_name(std::size_t unit) const;
  /// @param is_kept  by unit and edge
  Genotype kept(const std::vector<std::vector<bool>>& is_kept) const;
  std::vector<std::vector<bool>> kept_by(const GroupNumbers& numbers) const;
  std::string derive_kept(const GroupNumbers& numbers) const;
  std::vector<SwitchPlaces> places_of(const Network& network) const;
  std::size_t edge_group(std::size_t unit, std::size_t edge) const;
  std::size_t node_group(std::size_t unit, std::size_t node) const;

  SpaceSpec spec_;
  Parts parts_;
};

}  // namespace ockham::nas::proxyless
