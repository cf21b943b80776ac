#pragma once
// An exponential moving average of a network's weights and running statistics, which often tests better than the last
// ones. Polyak and Juditsky 1992; Tarvainen and Valpola 2017 (arXiv:1703.01780), appendix B.
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "autograd/module.h"

namespace ockham::nas {

class AveragedWeights {
 public:
  /// @param decay below 1: of the average in the next one. The first steps decay less, min(decay, (1 + n) / (10 + n))
  /// at step n, so that the start is soon forgotten.
  AveragedWeights(Module& network, double decay);

  /// The average of nothing but what the network holds.
  void restart();
  /// average = d average + (1 - d) network, after step `number` of the run.
  void update(std::uint64_t number);
  /// The network gets the average, and this what the network held: twice is as before. Tensors stay in their places.
  void exchange();

  /// By names of the network's parameters and buffers, those of whole numbers aside, which have no average.
  std::map<std::string, Tensor> state() const;
  /// @throws CheckpointError if a tensor is missing or has another shape or dtype
  void load(const std::map<std::string, Tensor>& state);

 private:
  std::vector<Parameter*> parameters_;
  std::vector<Tensor> averages_;
  double decay_;
};

/// The network holds the average as long as this lives.
class UseOfAverage {
 public:
  /// @param averages null: nothing happens
  explicit UseOfAverage(AveragedWeights* averages) : averages_(averages) { exchange(); }
  ~UseOfAverage() { exchange(); }
  UseOfAverage(const UseOfAverage&) = delete;
  UseOfAverage& operator=(const UseOfAverage&) = delete;

 private:
  void exchange() {
    if (averages_ != nullptr)
      averages_->exchange();
  }
  AveragedWeights* averages_;
};

}  // namespace ockham::nas
