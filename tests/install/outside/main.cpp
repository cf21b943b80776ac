// Checks the op, then trains a network that uses it. Exit status 0: the derivatives are right, and the network has
// learned.
#include <algorithm>
#include <iostream>

#include "autograd/gradcheck/gradcheck.h"
#include "data/loader.h"
#include "nas/layers/plain.h"
#include "nas/models/layer_classifier.h"
#include "nas/train/trainer.h"
#include "ops/ops.h"
#include "softplus/softplus.h"
#include "stripes.h"

using namespace ockham;

namespace {

class Softplus : public nas::Layer {
 public:
  Variable forward(const Context&, const Variable& x) override { return softplus(x); }
};

std::unique_ptr<nas::Classifier> make_network() {
  Initial initial{.seed = 1};
  auto layers = std::make_unique<nas::Sequential>();
  layers->then(std::make_unique<nas::Flatten>())
      .then(std::make_unique<nas::Linear>(kStripes.count(), 32, initial))
      .then(std::make_unique<Softplus>())
      .then(std::make_unique<nas::Linear>(32, 3, initial));
  return std::make_unique<nas::LayerClassifier>(std::move(layers));
}

nas::Batch on_tensors(const data::Batch& batch) {
  nas::Batch result{.images = Tensor({batch.n, batch.shape.channels, batch.shape.height, batch.shape.width}),
                    .labels = Tensor({batch.n}, DType::kInt64)};
  std::ranges::copy(batch.images, result.images.data<float>());
  std::ranges::copy(batch.labels, result.labels.data<std::int64_t>());
  return result;
}

/// Every op that is linked: the library's, which register themselves, and our own.
bool derivatives_are_right() {
  const std::vector<OpCase> cases = OpRegistry::instance().cases();
  const auto own = std::ranges::find(cases, "softplus", &OpCase::name);
  const bool has_conv = std::ranges::find(cases, "conv2d", &OpCase::name) != cases.end();
  std::cout << cases.size() << " ops\n";
  if (own == cases.end() || !has_conv)
    return false;
  const std::vector<CheckResult> results = check_case(*own);
  for (const CheckResult& result : results) {
    if (!result.passed())
      std::cout << result.check << ": error " << result.error << " passes " << result.tolerance << '\n';
  }
  std::cout << results.size() << " checks of softplus\n";
  return !results.empty() && std::ranges::all_of(results, &CheckResult::passed);
}

double trained_accuracy() {
  data::Loader train(draw_stripes(600, 1), {}, {.batch_size = 20, .seed = 1});
  data::Loader test(draw_stripes(300, 2), {}, {.batch_size = 100, .shuffle = false});
  const std::unique_ptr<nas::Classifier> network = make_network();
  nas::Trainer trainer(*network, {});
  for (std::uint64_t step = 0; train.epoch() < 10;) {
    if (const auto batch = train.next())
      trainer.step(on_tensors(*batch), 0.05, step++);
  }
  nas::Score score;
  while (const auto batch = test.next())
    score.add(trainer.evaluate(on_tensors(*batch)));
  return score.accuracy();
}

}  // namespace

int main() {
  const bool is_right = derivatives_are_right();
  const double accuracy = trained_accuracy();
  std::cout << "accuracy " << accuracy << '\n';
  return is_right && accuracy > 0.95 ? 0 : 1;
}
