#pragma once
// The training images of a search, cut in two: the weights learn from one part, the architecture from images that are
// new to them. Images that no step learns from score the search network and its candidates.
#include <map>

#include "apps/runs/settings.h"
#include "apps/runs/training/trainee.h"
#include "nas/methods/method_entry.h"
#include "nas/network/frame.h"

namespace ockham::apps {

struct SearchImageSettings {
  RunSettings run = {};
  DataSettings data = {};
  std::int64_t batch_size = 18;
  nas::HeldOutImages held_out = nas::HeldOutImages::kOfArchitecture;
  double arch_fraction = 0.5;      ///< kOfArchitecture: of the images, for the architecture
  std::int64_t score_size = 1000;  ///< of these, for scores
  double warmup_fraction = 0.1;    ///< kValidation: of the images, for the weights, where a phase has them alone
  std::int64_t cutout = 16;        ///< in phases that have cutout

  std::uint64_t seed() const { return static_cast<std::uint64_t>(run.compute.seed); }
  TensorForm maps() const { return maps_of(run.compute); }
  TensorForm wide_maps() const { return wide_maps_of(run.compute); }
};

class SearchImages {
 public:
  /// @throws data::DataError, UsageError for sizes that do not fit
  explicit SearchImages(const SearchImageSettings& settings);
  SearchImages(const SearchImages&) = delete;
  SearchImages& operator=(const SearchImages&) = delete;

  const SearchImageSettings& settings() const { return settings_; }
  const data::Splits& splits() const { return splits_; }
  /// Classes, channels and size, for the network.
  nas::FrameSpec frame() const;
  /// What a method may ask for, once its phases are known. Refers to this.
  nas::ImageSource source();
  /// The phases of the method as stretches over these images. Once.
  /// @throws UsageError if a part does not fill a batch
  std::vector<Stretch> stretches_of(const std::vector<nas::Phase>& phases);

  /// Of the architecture's part, as they are.
  nas::Batch architecture_images(std::int64_t images) const;
  /// Count 0 where no images are held out.
  nas::Score score_held_out(const std::function<nas::Score(const nas::Batch&)>& score) const;
  /// Are held-out images of the architecture's part, and scored after every epoch? Else they are those of validation,
  /// which the method has scored when it wants.
  bool scores_epochs() const { return settings_.held_out == nas::HeldOutImages::kOfArchitecture; }
  bool has_held_out() const { return held_out_ != nullptr; }
  /// Those that score_held_out() scores, in its order; null: none.
  const data::DatasetPtr& held_out() const { return held_out_; }
  /// Images in a sample that a method asks for, at most.
  std::int64_t largest_sample() const;
  /// Images at a time of a pass over held-out images: where batch norm takes its statistics of them, a batch, never
  /// split; else as many as a step takes at once. Sums are rounded by it, so that it must not change on resume.
  std::int64_t held_out_batch() const;
  void set_micro_batch(std::int64_t images) { micro_batch_ = images; }

 private:
  data::DatasetPtr part(nas::Part part) const;
  data::Loader& batches(nas::Part part, bool has_cutout);
  nas::Batch sample(std::int64_t images, std::int64_t draw) const;

  SearchImageSettings settings_;
  data::Splits splits_;
  std::int64_t cut_;           ///< training images before it are for the weights
  data::DatasetPtr held_out_;  ///< null: none
  std::int64_t micro_batch_ = 0;
  std::vector<nas::Phase> phases_;
  std::map<std::pair<nas::Part, bool>, std::unique_ptr<data::Loader>> loaders_;  ///< by part and whether with cutout
};

}  // namespace ockham::apps
