#pragma once
// Methods that train nothing: one phase without epochs, at whose end they choose among the cells that they weigh.
#include "nas/methods/method.h"

namespace ockham::nas {

class UntrainedMethod : public SearchMethod {
 public:
  std::vector<Phase> phases(std::int64_t) const final {
    return {{.name = "choice", .epochs = 0, .takes_other = false}};
  }
  Score step(const Batch&, const Batch&, const StepPlace&) final { return {}; }
  void end_phase(std::size_t, const Pause& pause) final;
  /// The candidate of the largest score, the first of equals. @throws UsageError before end_phase()
  std::string derive() const final;
  Score evaluate(const Batch&, const SeeLogits& = {}) final { return {}; }
  std::vector<Figure> figures() const final { return {}; }
  PosteriorTable posterior() const final { return {}; }
  std::vector<Candidate> candidates() const final { return candidates_; }
  void set_micro_batch(std::int64_t) final {}
  /// Nothing: a resumed search chooses anew.
  std::map<std::string, Tensor> state() const final { return {}; }
  void load(const std::map<std::string, Tensor>&) final {}

 private:
  /// At least one. May call `pause` between the pieces of long work.
  virtual std::vector<Candidate> weigh(const Pause& pause) const = 0;

  std::vector<Candidate> candidates_;
};

}  // namespace ockham::nas
