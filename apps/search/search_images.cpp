#include "apps/search/search_images.h"

#include <algorithm>
#include <numeric>

#include "apps/runs/folder/recorded_facts.h"
#include "apps/runs/inputs/batches.h"
#include "engine/error.h"
#include "nas/methods/held_out.h"

namespace ockham::apps {
namespace {

data::DatasetPtr part(const data::DatasetPtr& images, std::int64_t begin, std::int64_t end) {
  std::vector<std::int64_t> indices(static_cast<std::size_t>(end - begin));
  std::iota(indices.begin(), indices.end(), begin);
  return data::make_subset(images, std::move(indices));
}

std::unique_ptr<data::Loader> batches_of(const data::DatasetPtr& part, const SearchImages& images, const char* whose,
                                         std::uint64_t order) {
  const std::int64_t batch = images.settings.batch_size;
  if (part->size() < batch)
    throw UsageError(concat(whose, ": ", part->size(), " of ", images.splits.train->size(),
                            " training images do not fill a batch of ", batch,
                            "; lower --batch-size or change --train-size or --arch-fraction."));
  return std::make_unique<data::Loader>(
      part, training_transform(*images.splits.train, 0),
      data::LoaderOptions{
          .batch_size = batch, .drop_last = true, .seed = images.settings.seed() + order, .threads = kLoaderThreads});
}

}  // namespace

SearchImages::SearchImages(const SearchImageSettings& chosen)
    : settings(chosen), splits(open_recorded_splits(chosen.data, chosen.run)) {
  const std::int64_t all = splits.train->size();
  const auto cut = static_cast<std::int64_t>((1.0 - settings.arch_fraction) * static_cast<double>(all));
  for_weights = part(splits.train, 0, cut);
  for_architecture = part(splits.train, cut, all);
  held_out = part(splits.train, cut, cut + std::min(settings.score_size, all - cut));
  weight_batches = batches_of(for_weights, *this, "weights", 0x5452u);  // different orders for the two parts
  architecture_batches = batches_of(for_architecture, *this, "architecture", 0x5641u);
}

nas::FrameSpec SearchImages::frame() const {
  const data::ImageShape shape = splits.train->shape();
  return {.classes = splits.train->classes(), .image_channels = shape.channels, .image_size = shape.height};
}

std::int64_t SearchImages::held_out_batch() const {
  return std::min(settings.batch_size, held_out_size());
}

nas::HeldOut SearchImages::held_out_scores() const {
  return [images = held_out, size = held_out_batch(),
          dtype = settings.maps()](const std::function<nas::Score(const nas::Batch&)>& score) {
    return evaluate_dataset(images, size, dtype, score);
  };
}

nas::ImageSource SearchImages::source() const {
  return {.held_out = held_out_scores(),
          .sample = [held_out = held_out_scores(), dtype = precision_of(settings.run.compute).weights](
                        std::int64_t images, std::int64_t) { return nas::first_images(held_out, images, dtype); }};
}

}  // namespace ockham::apps
