#pragma once
// From options to what a search consists of.
#include "apps/common/options.h"
#include "nas/search/bayesnas.h"

namespace ockham::apps {

/// --precision. fp32, fp64: one type for all. bf16: feature maps, images among them, are stored in bfloat16; weights,
/// statistics, switches, losses and all second derivatives stay in float32 (autograd/narrow.h).
struct Precision {
  DType weights = DType::kFloat32;
  DType maps = DType::kFloat32;  ///< of the images of training and evaluation
};
Precision precision_of(const Options& options);
/// The network of --space with --channels, --cells, --nodes and the options of its variants.
nas::SupernetSpec supernet_spec_of(const Options& options, const nas::FrameSpec& data_frame);
nas::BayesNasOptions bayesnas_options_of(const Options& options);
/// Second-derivative options: --hessian, --hessian-algorithm, --memory-limit.
HessianOptions hessian_options_of(const Options& options);
nas::UpdateOrder update_order_of(const Options& options);
BatchNormMode batch_norm_mode_of(std::string_view text);

/// The evaluation network that `train` builds for a genotype under a preset of the same name.
struct EvaluationSize {
  std::int64_t channels;
  std::int64_t cells;
};
EvaluationSize evaluation_size_of(const std::string& preset);

}  // namespace ockham::apps
