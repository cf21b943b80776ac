#pragma once
// BaLeNAS-TF: after the search, draws cells from the Gaussian and returns the one that training-free proxies rank
// first. See balenas.h; its control, which draws without preference, is controls/proxy_draws.h.
#include "nas/methods/balenas/balenas.h"
#include "nas/methods/proxy_choice.h"

namespace ockham::nas {

struct BalenasTfOptions {
  BalenasOptions balenas = {};
  std::int64_t cells = 100;                     ///< drawn; equal ones are scored once
  std::vector<std::string> proxies{"synflow"};  ///< of nas/proxies/registry.h; several: their rank sum
  std::int64_t proxy_images = 32;
};

class BalenasTf : public Balenas {
 public:
  /// @throws UsageError for a proxy that is unknown or needs features that the space's networks do not tell
  BalenasTf(const SearchSpace& space, const BalenasTfOptions& options, HeldOut held_out);

  /// Draws and scores. Cells whose output is cut off are left out, unless all are.
  void end_phase(std::size_t phase, const Pause& pause) override;
  std::int64_t finish_images() const override { return options_.proxy_images; }
  /// One cell, in place of all that will be drawn.
  void rehearse_finish(const Batch& images) override;
  /// After end_phase() the chosen cell, before it that of the mean.
  std::string derive() const override;
  std::vector<Candidate> candidates() const override { return drawn_; }

 private:
  ProxyJudge judge() const { return {.proxies = options_.proxies, .seed = options().seed}; }

  BalenasTfOptions options_;
  HeldOut held_out_;
  std::vector<Candidate> drawn_;  // after end_phase()
};

}  // namespace ockham::nas
