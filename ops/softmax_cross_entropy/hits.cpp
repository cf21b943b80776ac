#include "ops/softmax_cross_entropy/hits.h"

namespace ockham {

Tensor hits(const Tensor& logits, const Tensor& labels) {
  const Device device = logits.device();
  Tensor counts = Tensor::zeros({2}, DType::kFloat64, device);
  if (!device.is_cpu()) {
    hits_on(device, logits, labels, counts);
    return counts;
  }
  const std::int64_t C = logits.size(1);
  visit_float(logits.dtype(), "hits", [&]<class T>() {
    for (std::int64_t n = 0; n < logits.size(0); ++n) {
      const T* row = logits.data<T>() + n * C;
      const std::int64_t label = labels.data<std::int64_t>()[n];
      std::int64_t ahead = 0;
      for (std::int64_t c = 0; c < C; ++c)
        ahead += c != label && !(row[c] < row[label] || (row[c] == row[label] && c > label));
      counts.data<double>()[0] += ahead < 1;
      counts.data<double>()[1] += ahead < 5;
    }
  });
  return counts;
}

}  // namespace ockham
