#pragma once
// Cells drawn without preference, of which training-free proxies choose: what the proxies of BaLeNAS-TF do alone.
#include "nas/methods/controls/untrained.h"
#include "nas/methods/proxy_choice.h"

namespace ockham::nas {

struct ProxyDrawsOptions {
  std::int64_t cells = 100;  ///< drawn; equal ones are scored once
  ProxyJudge judge = {.proxies = {"synflow"}};
  std::int64_t images = 32;
  std::uint64_t seed = 0;
};

class ProxyDraws : public UntrainedMethod {
 public:
  /// `space` must outlive it. @throws UsageError as ProxyJudge::require_usable
  ProxyDraws(const SearchSpace& space, const ProxyDrawsOptions& options, HeldOut held_out);

  std::int64_t finish_images() const override { return options_.images; }
  /// One cell, in place of all that will be drawn.
  void rehearse_finish(const Batch& images) override;

 private:
  std::vector<Candidate> weigh(const Pause& pause) const override;

  const SearchSpace& space_;
  ProxyDrawsOptions options_;
  HeldOut held_out_;
};

}  // namespace ockham::nas
