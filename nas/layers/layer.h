#pragma once
// Layers: modules with one input and one output, and their composition in sequence. Names of children are those of the
// published PyTorch networks, so that checkpoints carry over.
#include <memory>
#include <string>
#include <vector>

#include "autograd/module.h"
#include "ops/avg_pool2d/avg_pool2d.h"
#include "ops/conv2d/conv2d.h"
#include "ops/max_pool2d/max_pool2d.h"

namespace ockham::nas {

/// A feature map relu(s f z + b) whose batch norm (s, b) and relu wait for the next reader, which applies them while it
/// loads z: neither is stored as a tensor of its own.
struct Deferred {
  Variable z;
  Variable affine = {};    ///< [2, C]; undefined: s = 1, b = 0
  bool rectifies = false;  ///< without it the map is s z + b
  Variable factor = {};    ///< [1]: f, of all channels; undefined: 1. Without affine and relu
  Variable moments = {};   ///< of f z, where they are known
};

/// The map as a tensor.
Variable applied(const Deferred& x);
/// sum_k alpha[index[k]] * branch_k, with the branches' norms applied on the way where the context fuses.
Variable mixed(const Context& context, const Variable& alpha, std::span<const Deferred> branches,
               std::vector<std::int64_t> index = {});

/// The plain sum of at least one map, with their norms applied on the way where the context fuses.
Variable added(const Context& context, std::span<const Deferred> maps);

/// Of z, computed once where the context shares results.
Variable shared_moments(const Context& context, const Variable& z);
/// Those of f z from those of z: (f mean, f^2 variance).
Variable scaled_moments(const Variable& moments, const Variable& factor);

class Layer : public Module {
 public:
  virtual Variable forward(const Context& context, const Variable& x) = 0;
  /// The fused form of forward(): takes over what x defers and may defer its own last steps.
  virtual Deferred run(const Context& context, const Deferred& x) { return {.z = forward(context, applied(x))}; }
  /// True where run() needs no tensor of what x defers.
  virtual bool takes_deferred() const { return false; }
};

/// layer.run() where the context fuses, else its forward() of the map.
Deferred deferred(const Context& context, Layer& layer, const Deferred& x);

/// A layer that knows more of its channels than its weights show, and must be told when some were removed.
class CountedLayer : public Layer {
 public:
  virtual std::vector<std::int64_t> channel_counts() const = 0;
  /// @throws UsageError for numbers that it cannot have
  virtual void set_channel_counts(std::vector<std::int64_t> counts) = 0;
};

/// Runs its layers in the order in which they were added.
class Sequential : public Layer {
 public:
  /// Adds a layer under the name of its position ("0", "1", ...), as PyTorch's nn.Sequential does.
  template <class L>
  Sequential& then(std::unique_ptr<L> layer) {
    return then(std::to_string(layers_.size()), std::move(layer));
  }
  template <class L>
  Sequential& then(std::string name, std::unique_ptr<L> layer) {
    layers_.push_back(&add(std::move(name), std::move(layer)));
    return *this;
  }
  Variable forward(const Context& context, const Variable& x) override;
  /// Runs a convolution together with the norm and relu before it, the 1x1 convolution after it and the moments of a
  /// norm behind that (ops/conv_unit).
  Deferred run(const Context& context, const Deferred& x) override;
  bool takes_deferred() const override { return layers_.empty() || layers_[0]->takes_deferred(); }

 private:
  std::vector<Layer*> layers_;
};

/// The attributes of a convolution with that weight: one that was depthwise stays so with fewer channels.
Conv2dAttrs with_groups_of(Conv2dAttrs attrs, const Tensor& weight);

/// conv2d without bias; weights "weight" [out, in/groups, k, k], uniform in +-1/sqrt(fan in).
class Conv : public Layer {
 public:
  Conv(std::int64_t in, std::int64_t out, std::int64_t kernel, const Conv2dAttrs& attrs, Initial& initial);
  Variable forward(const Context& context, const Variable& x) override;

  Conv2dAttrs attrs() const { return with_groups_of(attrs_, weight_.value); }
  Parameter& weight() { return weight_; }
  /// 1x1 without stride, padding or groups: what another convolution can take along.
  bool is_pointwise() const;

 private:
  Conv2dAttrs attrs_;
  Parameter& weight_;
};

/// Batch norm with running statistics: running = 0.9 running + 0.1 batch, of the unbiased variance (Ioffe and Szegedy
/// 2015; constants of PyTorch). Context::batch_norm chooses the statistics; only a training pass moves the running
/// ones.
class BatchNorm : public Layer {
 public:
  static constexpr double kMomentum = 0.1;  ///< of the batch's statistics in the running ones
  /// @param scale of the affine form's "weight"; kBuffer: it stays 1
  BatchNorm(std::int64_t channels, bool is_affine, Initial& initial, ParameterKind scale = ParameterKind::kWeight);
  Variable forward(const Context& context, const Variable& x) override;
  /// Folds the norm to a scale and a shift per channel, from x.moments if they are known.
  Deferred run(const Context& context, const Deferred& x) override;

 private:
  /// The scale as a leaf of the tape, or as a constant where it is fixed.
  Variable gamma(const Context& context);
  void move_running(const Tensor& mean, const Tensor& variance, std::int64_t samples);

  Parameter* weight_ = nullptr;
  Parameter* bias_ = nullptr;
  Parameter& running_mean_;
  Parameter& running_variance_;
  Parameter& batches_;
};

/// y = x W^T + b; "weight" [out, in], "bias" [out].
class Linear : public CountedLayer {
 public:
  Linear(std::int64_t in, std::int64_t out, Initial& initial);
  Variable forward(const Context& context, const Variable& x) override;
  /// Which of the features of x it reads, in rising order: as many as the weight has columns; empty: all.
  std::vector<std::int64_t> channel_counts() const override { return read_; }
  void set_channel_counts(std::vector<std::int64_t> read) override;

 private:
  Parameter& weight_;
  Parameter& bias_;
  std::int64_t features_;
  std::vector<std::int64_t> read_;
};

class Relu : public Layer {
 public:
  Variable forward(const Context& context, const Variable& x) override;
  Deferred run(const Context& context, const Deferred& x) override;
  bool takes_deferred() const override { return true; }
};

class Identity : public Layer {
 public:
  Variable forward(const Context&, const Variable& x) override { return x; }
  Deferred run(const Context&, const Deferred& x) override { return x; }
  bool takes_deferred() const override { return true; }
};

/// A border of zeros, before a pool to which they are part of the map.
class ZeroBorder : public Layer {
 public:
  explicit ZeroBorder(std::int64_t width) : width_(width) {}
  Variable forward(const Context& context, const Variable& x) override;
  Deferred run(const Context& context, const Deferred& x) override;

 private:
  std::int64_t width_;
};

class MaxPool : public Layer {
 public:
  explicit MaxPool(const MaxPool2dAttrs& attrs) : attrs_(attrs) {}
  Variable forward(const Context& context, const Variable& x) override;
  Deferred run(const Context& context, const Deferred& x) override;

 private:
  MaxPool2dAttrs attrs_;
};

class AvgPool : public Layer {
 public:
  explicit AvgPool(const AvgPool2dAttrs& attrs) : attrs_(attrs) {}
  Variable forward(const Context& context, const Variable& x) override;
  Deferred run(const Context& context, const Deferred& x) override;

 private:
  AvgPool2dAttrs attrs_;
};

/// Two 1x1 convolutions of stride 2, the second on the input shifted by one pixel each way, side by side: halves the
/// map and loses no column. Children "conv_1" and "conv_2". Needs an even map. Liu et al. 2019 (FactorizedReduce).
class ShiftedPair : public Layer {
 public:
  ShiftedPair(std::int64_t in, std::int64_t out, Initial& initial);
  Variable forward(const Context& context, const Variable& x) override;
  /// Cuts the two quarters that are read from the map first: they, not the map, stay for the reverse pass.
  Deferred run(const Context& context, const Deferred& x) override;
  bool takes_deferred() const override { return true; }

 private:
  Conv& first_;
  Conv& second_;
};

/// A convolution along the rows, 1 x kernel, then one along the columns, kernel x 1, dense, both padded to keep the
/// size at stride 1. Two children named by consecutive numbers. conv2d strides both axes alike, so that the second one
/// leaves out columns too, which the published pair leaves out in its first: the same results, for more products there.
class RowThenColumn : public Layer {
 public:
  /// @param number  the name of the first child
  RowThenColumn(std::int64_t channels, std::int64_t kernel, std::int64_t stride, int number, Initial& initial);
  Variable forward(const Context& context, const Variable& x) override;

 private:
  /// A kernel under the name "weight".
  class Kernel : public Module {
   public:
    Kernel(const Shape& shape, Initial& initial);
    Parameter& weight;
  };
  std::int64_t pad_;
  std::int64_t stride_;
  Kernel& row_;
  Kernel& column_;
};

std::unique_ptr<Relu> make_relu();
std::unique_ptr<Layer> make_identity();

}  // namespace ockham::nas
