#include "nas/train/score.h"

#include <cmath>

#include "engine/error.h"
#include "ops/softmax/row_op.h"

namespace ockham::nas {

void Score::add(const Score& other) {
  loss += other.loss;
  top1 += other.top1;
  top5 += other.top5;
  count += other.count;
}

Score score(const Tensor& logits, const Tensor& labels, double mean_loss) {
  const std::int64_t N = logits.size(0);
  const std::int64_t C = logits.size(1);
  Score result{.loss = mean_loss * static_cast<double>(N), .count = N};
  visit_float(logits.dtype(), "score", [&]<class T>() {
    for (std::int64_t n = 0; n < N; ++n) {
      const T* row = logits.data<T>() + n * C;
      const std::int64_t label = labels.data<std::int64_t>()[n];
      std::int64_t ahead = 0;
      for (std::int64_t c = 0; c < C; ++c)
        ahead += c != label && !(row[c] < row[label] || (row[c] == row[label] && c > label));
      result.top1 += ahead < 1;
      result.top5 += ahead < 5;
    }
  });
  return result;
}

Score score(const Tensor& logits, const Tensor& labels) {
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
