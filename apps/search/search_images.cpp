#include "apps/search/search_images.h"

#include <algorithm>
#include <numeric>

#include "apps/runs/folder/recorded_facts.h"
#include "apps/runs/inputs/batches.h"
#include "engine/error.h"
#include "nas/methods/held_out.h"

namespace ockham::apps {
namespace {

data::DatasetPtr range_of(const data::DatasetPtr& images, std::int64_t begin, std::int64_t end) {
  std::vector<std::int64_t> indices(static_cast<std::size_t>(end - begin));
  std::iota(indices.begin(), indices.end(), begin);
  return data::make_subset(images, std::move(indices));
}

std::int64_t share(double fraction, std::int64_t size) {
  return static_cast<std::int64_t>(fraction * static_cast<double>(size));
}

nas::Part other(nas::Part part) {
  return part == nas::Part::kWeights ? nas::Part::kArchitecture : nas::Part::kWeights;
}

/// What is added to the seed: orders differ between the parts, and samples from both.
constexpr std::uint64_t kSampleOrder = 0x4845;
std::uint64_t order_of(nas::Part part, nas::HeldOutImages held_out) {
  const bool is_weights = part == nas::Part::kWeights;
  return held_out == nas::HeldOutImages::kValidation ? (is_weights ? 0x5741 : 0x524e) : (is_weights ? 0x5452 : 0x5641);
}

}  // namespace

SearchImages::SearchImages(const SearchImageSettings& settings)
    : settings_(settings), splits_(open_recorded_splits(settings.data, settings.run)) {
  const std::int64_t all = splits_.train->size();
  cut_ = share(scores_epochs() ? 1.0 - settings_.arch_fraction : settings_.warmup_fraction, all);
  held_out_ = scores_epochs() ? range_of(splits_.train, cut_, cut_ + std::min(settings_.score_size, all - cut_))
                              : splits_.valid;
}

nas::FrameSpec SearchImages::frame() const {
  const data::ImageShape shape = splits_.train->shape();
  return {.classes = splits_.train->classes(), .image_channels = shape.channels, .image_size = shape.height};
}

std::vector<Stretch> SearchImages::stretches_of(const std::vector<nas::Phase>& phases) {
  phases_ = phases;
  if (scores_epochs())
    batches(nas::Part::kArchitecture, false);  // those that score fill a batch too
  else if (std::ranges::count(phases, nas::Part::kWeights, &nas::Phase::part) == 0)
    cut_ = 0;
  std::vector<Stretch> stretches;
  std::map<nas::Part, std::int64_t> epochs;  // before the phase
  for (const nas::Phase& phase : phases) {
    stretches.push_back({.name = phase.name,
                         .epochs = phase.epochs,
                         .batches = &batches(phase.part, phase.has_cutout),
                         .companions = phase.takes_other ? &batches(other(phase.part), false) : nullptr,
                         .first_epoch = epochs[phase.part]});
    epochs[phase.part] += phase.epochs;
  }
  return stretches;
}

data::DatasetPtr SearchImages::part(nas::Part part) const {
  return part == nas::Part::kWeights ? range_of(splits_.train, 0, cut_)
                                     : range_of(splits_.train, cut_, splits_.train->size());
}

data::Loader& SearchImages::batches(nas::Part of, bool has_cutout) {
  std::unique_ptr<data::Loader>& loader = loaders_[{of, has_cutout}];
  if (loader)
    return *loader;
  const std::int64_t all = splits_.train->size(), batch = settings_.batch_size;
  if (const std::int64_t size = of == nas::Part::kWeights ? cut_ : all - cut_; size < batch)
    throw UsageError(concat(of == nas::Part::kWeights ? "weights" : "architecture", ": ", size, " of ", all,
                            " training images do not fill a batch of ", batch,
                            "; lower --batch-size or change --train-size or ",
                            scores_epochs() ? "--arch-fraction." : "--warmup-fraction."));
  loader =
      std::make_unique<data::Loader>(part(of), training_transform(*splits_.train, has_cutout ? settings_.cutout : 0),
                                     data::LoaderOptions{.batch_size = batch,
                                                         .drop_last = true,
                                                         .seed = settings_.seed() + order_of(of, settings_.held_out),
                                                         .threads = loader_threads(*splits_.train)});
  return *loader;
}

nas::Batch SearchImages::architecture_images(std::int64_t images) const {
  return sample_batch(part(nas::Part::kArchitecture), images, settings_.seed(), 0, settings_.maps());
}

std::int64_t SearchImages::held_out_batch() const {
  const std::int64_t most = scores_epochs() ? settings_.batch_size : micro_batch_ > 0 ? micro_batch_ : 100;
  return std::min(most, held_out_->size());
}

nas::Score SearchImages::score_held_out(const std::function<nas::Score(const nas::Batch&)>& score) const {
  return held_out_ ? evaluate_dataset(held_out_, held_out_batch(), settings_.maps(), score) : nas::Score{};
}

std::int64_t SearchImages::largest_sample() const {
  return scores_epochs() ? held_out_->size() : splits_.train->size();
}

nas::Batch SearchImages::sample(std::int64_t images, std::int64_t draw) const {
  const TensorForm form = settings_.wide_maps();
  if (!scores_epochs())
    return sample_batch(splits_.train, images, settings_.seed() + kSampleOrder, draw, form);
  return nas::first_images([this](const auto& score) { return score_held_out(score); }, images, form.dtype);
}

nas::ImageSource SearchImages::source() {
  nas::ImageSource source{
      .sample = [this](std::int64_t images, std::int64_t draw) { return sample(images, draw); },
      .largest_sample = largest_sample(),
      .first_batches =
          [this](std::size_t phase, std::int64_t count, const std::function<void(const nas::Batch&)>& take) {
            const nas::Phase& of = phases_.at(phase);
            take_first(batches(of.part, of.has_cutout), count, settings_.maps(), take);
          }};
  if (has_held_out())
    source.held_out = [this](const auto& score) { return score_held_out(score); };
  return source;
}

}  // namespace ockham::apps
