#pragma once
// Search by trial without training: each cell that is named (proposals.h) has the accuracy that a published table
// knows, one query a cell.
#include "nas/methods/controls/untrained.h"
#include "nas/methods/trials/proposals.h"

namespace ockham::nas {

class TableSearch : public UntrainedMethod {
 public:
  TableSearch(MakeProposals make_proposals, std::function<double(const std::string& cell)> accuracy,
              std::int64_t queries)
      : make_proposals_(std::move(make_proposals)), accuracy_(std::move(accuracy)), queries_(queries) {}

 private:
  /// In the order of their queries.
  std::vector<Candidate> weigh(const Pause& pause) const override {
    const std::unique_ptr<Proposals> proposals = make_proposals_();
    std::vector<Candidate> judged;
    for (std::int64_t i = 0; i < queries_; ++i) {
      pause();
      const std::string cell = proposals->next();
      judged.push_back({.cell = cell, .score = accuracy_(cell)});
      proposals->tell(judged.back().score);
    }
    return judged;
  }

  MakeProposals make_proposals_;
  std::function<double(const std::string&)> accuracy_;
  std::int64_t queries_;
};

}  // namespace ockham::nas
