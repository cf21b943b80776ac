#pragma once
// What ockham-pgnas can be told.
#include "apps/cli/options/options.h"
#include "apps/runs/settings.h"
#include "data/dataset.h"
#include "nas/methods/pgnas/pgnas.h"
#include "nas/spaces/hybrid/hybrid_network.h"

namespace ockham::apps {

struct PgnasSettings {
  RunSettings run;
  DataSettings data{.valid_size = 5000};
  std::int64_t epochs = 10;
  std::int64_t batch_size = 128;
  double lr = 0.05;
  double final_lr = 0.0;
  std::int64_t cutout = 16;
  nas::HybridSpec network;  ///< but for what the images say
  nas::PgnasOptions method{.clip = 5.0};
  bool fixed = false;
  bool baseline = false;
  std::optional<double> weight_decay;
  std::int64_t draws = 100;
  BatchNormMode candidate_bn = BatchNormMode::kRunning;

  std::uint64_t seed() const { return static_cast<std::uint64_t>(run.compute.seed); }
};
void describe(PgnasSettings& settings, SettingVisitor& visitor);

/// Those and the presets.
void declare_pgnas(OptionTable& table);

/// @throws UsageError for images whose maps cannot be halved twice
void require_sides(std::int64_t height, std::int64_t width);
/// @throws UsageError for settings that do not go together
void check(const PgnasSettings& settings);

/// The network whose gates start at `drop`.
nas::HybridSpec hybrid_spec_of(const PgnasSettings& settings, const data::Dataset& dataset, double drop);
/// Of a network whose gates learn, or stay at `drop`.
nas::PgnasOptions pgnas_options_of(const PgnasSettings& settings, bool learns, double drop);

}  // namespace ockham::apps
