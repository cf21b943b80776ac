#include "nas/train/score.h"

#include <cmath>

#include "engine/error.h"
#include "ops/softmax/row_op.h"
#include "ops/softmax_cross_entropy/hits.h"

namespace ockham::nas {

void Score::add(const Score& other) {
  loss += other.loss;
  top1 += other.top1;
  top5 += other.top5;
  count += other.count;
}

Score score(const Tensor& logits, const Tensor& labels, double mean_loss) {
  const Tensor counts = hits(logits, labels).to(Device{});
  return {.loss = mean_loss * static_cast<double>(logits.size(0)),
          .top1 = static_cast<std::int64_t>(counts.data<double>()[0]),
          .top5 = static_cast<std::int64_t>(counts.data<double>()[1]),
          .count = logits.size(0)};
}

Score score(const Tensor& given_logits, const Tensor& given_labels) {
  const Tensor logits = given_logits.to(Device{}), labels = given_labels.to(Device{});
  constexpr double kSteps = 0x1p28;
  const std::int64_t N = logits.size(0);
  const std::int64_t C = logits.size(1);
  double sum = 0.0;
  visit_float(logits.dtype(), "score", [&]<class T>() {
    for (std::int64_t n = 0; n < N; ++n) {
      const T* row = logits.data<T>() + n * C;
      const std::int64_t label = labels.data<std::int64_t>()[n];
      if (label < 0 || label >= C)
        throw Error(concat("score: image ", n, " has label ", label, ", but there are logits of ", C, " classes."));
      sum += std::nearbyint((log_sum_exp(WholeRow{C}, row) - static_cast<double>(row[label])) * kSteps) / kSteps;
    }
  });
  Score result = score(logits, labels, 0.0);
  result.loss = sum;
  return result;
}

}  // namespace ockham::nas
