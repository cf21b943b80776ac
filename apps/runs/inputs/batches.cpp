#include "apps/runs/inputs/batches.h"

#include <algorithm>

#include "data/cores.h"

namespace ockham::apps {

nas::Batch to_tensors(const data::Batch& batch, const TensorForm& form) {
  const std::span<const float> pixels(batch.images.data(), batch.images.size());
  const Tensor images = Tensor::from(pixels, {batch.n, batch.shape.channels, batch.shape.height, batch.shape.width});
  return nas::Batch{.images = images.to(form.dtype), .labels = Tensor::from(batch.labels, {batch.n})}.to(form.device);
}

data::Transform training_transform(const data::Dataset& dataset, std::int64_t cutout) {
  // A digit mirrored is no digit: MNIST is cropped only.
  return {.normalisation = dataset.normalisation(), .pad = 4, .flip = dataset.name() != "mnist", .cutout = cutout};
}

data::Transform evaluation_transform(const data::Dataset& dataset) {
  return {.normalisation = dataset.normalisation()};
}

nas::Batch sample_batch(const data::DatasetPtr& dataset, std::int64_t images, std::uint64_t seed, std::int64_t draw,
                        const TensorForm& form) {
  data::Loader loader(dataset, evaluation_transform(*dataset),
                      {.batch_size = std::min(images, dataset->size()), .seed = seed, .threads = 0});
  loader.start_at(draw);
  return to_tensors(*loader.next(), form);
}

void take_first(data::Loader& loader, std::int64_t batches, const TensorForm& form,
                const std::function<void(const nas::Batch&)>& take) {
  loader.start_at(0);
  for (std::int64_t i = 0; i < batches; ++i) {
    if (const auto batch = loader.next())
      take(to_tensors(*batch, form));
  }
}

int loader_threads(const data::Dataset& dataset) {
  return dataset.is_decoded() ? data::core_count() : 1;
}

nas::Score evaluate_dataset(const data::DatasetPtr& dataset, std::int64_t batch_size, const TensorForm& form,
                            const std::function<nas::Score(const nas::Batch&)>& score) {
  data::Loader loader(
      dataset, evaluation_transform(*dataset),
      {.batch_size = std::min(batch_size, dataset->size()), .shuffle = false, .threads = loader_threads(*dataset)});
  nas::Score total;
  while (const auto batch = loader.next())
    total.add(score(to_tensors(*batch, form)));
  return total;
}

}  // namespace ockham::apps
