#pragma once
// Layers of ordinary networks, which cells have no use for.
#include "nas/layers/layer.h"

namespace ockham::nas {

/// conv2d with a bias per channel: "weight" and "bias", both uniform in +-1/sqrt(fan in).
class BiasedConv : public Layer {
 public:
  BiasedConv(std::int64_t in, std::int64_t out, std::int64_t kernel, const Conv2dAttrs& attrs, Initial& initial);
  Variable forward(const Context& context, const Variable& x) override;

 private:
  Conv2dAttrs attrs_;
  Parameter& weight_;
  Parameter& bias_;
};

/// [N, C, H, W] to [N, C H W].
class Flatten : public Layer {
 public:
  Variable forward(const Context& context, const Variable& x) override;
};

/// Mean of every map: [N, C, H, W] to [N, C].
class GlobalMean : public Layer {
 public:
  Variable forward(const Context& context, const Variable& x) override;
};

class Tanh : public Layer {
 public:
  Variable forward(const Context& context, const Variable& x) override;
};

/// A shortcut without parameters: every `stride`-th pixel, or the mean of 2x2 where `averages`, and zeros for the
/// channels that are missing, behind or, where `centres`, on both sides of the others.
/// He et al. 2016, option A; Han et al. 2017, section 3.
class PaddedShortcut : public CountedLayer {
 public:
  struct Options {
    std::int64_t stride = 1;
    bool averages = false;
    bool centres = false;
  };
  PaddedShortcut(std::int64_t in, std::int64_t out, const Options& options);
  Variable forward(const Context& context, const Variable& x) override;
  /// Channels of zeros before those of x and behind them.
  std::vector<std::int64_t> channel_counts() const override { return {before_, behind_}; }
  void set_channel_counts(std::vector<std::int64_t> zeros) override;

 private:
  std::int64_t most_before_, most_behind_;
  std::int64_t before_, behind_;
  Options options_;
};

/// A convolution without bias whose weights start normal with variance 2 / (k^2 out) (He et al. 2015, fan out).
std::unique_ptr<Conv> make_he_conv(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride,
                                   Initial& initial);

}  // namespace ockham::nas
