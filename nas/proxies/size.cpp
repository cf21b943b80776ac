// What a network costs, as a proxy.
#include "nas/cost.h"
#include "nas/proxies/proxies.h"

namespace ockham::nas::proxies {

double tensor_count(const SearchNetwork& subject) {
  return static_cast<double>(subject.weights().size());
}

double parameter_count(const SearchNetwork& subject) {
  return static_cast<double>(count_elements(subject.weights()));
}

double mac_count(const SearchNetwork& subject, std::int64_t channels, std::int64_t size) {
  Tape tape;
  const DType dtype = subject.weights().front()->value.dtype();
  subject.forward({.tape = &tape}, Tensor::zeros({1, channels, size, size}, dtype));
  return static_cast<double>(count_macs(tape));
}

}  // namespace ockham::nas::proxies
