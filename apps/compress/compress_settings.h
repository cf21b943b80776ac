#pragma once
// What ockham-compress can be told.
#include <optional>
#include <string>
#include <vector>

#include "apps/runs/training/train_settings.h"
#include "nas/compression/cycles/compressor.h"

namespace ockham::apps {

struct CompressSettings {
  TrainSettings train;
  std::string checkpoint;
  std::string pattern = "tied";
  nas::Criterion rule = nas::Criterion::kEvidence;
  std::optional<double> lambda = {};
  std::optional<double> nats = {};
  std::optional<double> relative = {};
  std::optional<double> max_abs = {};
  std::optional<double> normalised = {};
  std::optional<double> alpha = {};
  double most = 0.25;
  bool is_per_layer = false;
  nas::GroupSum sum = nas::GroupSum::kMean;
  Curvature curvature = Curvature::kExact;
  std::int64_t images = 512;
  std::int64_t cycles = 5;
  std::int64_t cycle_epochs = 1;
  std::int64_t fine_epochs = 2;
  std::optional<double> cycle_lr = {};
  std::string max_params, max_macs, max_latency;  ///< lists of budgets, of which one may be given
  std::optional<std::int64_t> latency_batch = {};
  std::int64_t round_to = 1;
};
void describe(CompressSettings& settings, SettingVisitor& visitor);

/// Those and the presets.
void declare_compress(OptionTable& table);

/// Of --max-params, --max-macs or --max-latency.
struct Budgets {
  nas::CompressionBudget::Of of = nas::CompressionBudget::Of::kParams;
  std::string name = {};                ///< "params"
  std::vector<std::string> texts = {};  ///< as they were given; one: compress once; several: a sweep (sweep.h)
  std::vector<double> most = {};        ///< what they say
};
/// Nothing where none is given.
std::optional<Budgets> budgets_of(const CompressSettings& settings);

/// @throws UsageError for options that exclude each other or lack another
void check(const CompressSettings& settings);

/// With the first budget, whose timing is the caller's.
/// @param images that training has: without --lambda, the evidence rule takes each as what it is, lambda = 1 / images
nas::CompressorOptions compressor_options_of(const CompressSettings& settings, std::int64_t images);
/// Rate of the cycles, and at the start of the fine-tuning.
double cycle_rate(const CompressSettings& settings);

}  // namespace ockham::apps
