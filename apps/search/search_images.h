#pragma once
// The training images of a search, cut in two: the weights learn from one part, the architecture from images that are
// new to them, the first of which, as they are, score the search network and its candidates.
#include "apps/runs/settings.h"
#include "data/loader.h"
#include "data/subset.h"
#include "nas/methods/method.h"
#include "nas/network/frame.h"

namespace ockham::apps {

struct SearchImageSettings {
  RunSettings run = {};
  DataSettings data = {};
  std::int64_t batch_size = 18;
  double arch_fraction = 0.5;      ///< of the images, for the architecture
  std::int64_t score_size = 1000;  ///< of these, for scores

  std::uint64_t seed() const { return static_cast<std::uint64_t>(run.compute.seed); }
  DType maps() const { return precision_of(run.compute).maps; }
};

struct SearchImages {
  /// @throws UsageError if a part does not fill a batch, data::DataError
  explicit SearchImages(const SearchImageSettings& settings);

  /// Classes, channels and size, for the network.
  nas::FrameSpec frame() const;
  std::int64_t held_out_size() const { return held_out->size(); }
  /// Images at a time of a pass over held-out images. Never split: it is what batch norm takes its statistics of.
  std::int64_t held_out_batch() const;
  nas::HeldOut held_out_scores() const;
  /// What a method may ask for; its samples are of the held-out images.
  nas::ImageSource source() const;

  SearchImageSettings settings;
  data::Splits splits;
  data::DatasetPtr for_weights;
  data::DatasetPtr for_architecture;
  data::DatasetPtr held_out;
  std::unique_ptr<data::Loader> weight_batches;
  std::unique_ptr<data::Loader> architecture_batches;
};

}  // namespace ockham::apps
