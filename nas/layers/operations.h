#pragma once
// The candidate operations of a cell as layers, C -> C channels, in the two published styles.
#include "nas/cell/primitive.h"
#include "nas/layers/layer.h"

namespace ockham::nas {

/// kDarts: ReLU-Conv-BN blocks, depthwise dilated convolution, pools pad with -inf and leave padding out of the mean
/// (Liu et al. 2019; quark0/darts). kBayesNas: BN-ReLU-Conv, dense dilated convolution, pools on zero-padded maps
/// (Zhou et al. 2019; BayesNAS/BayesNAS f55a71c).
enum class Style { kDarts, kBayesNas };

/// "darts" or "bayesnas". @throws UsageError for other text
Style parse_style(std::string_view text);
std::string_view style_name(Style style);

struct OperationOptions {
  std::int64_t channels = 0;
  std::int64_t stride = 1;
  bool is_affine = true;              ///< batch norm with scale and shift
  bool pools_are_normalised = false;  ///< kDarts search networks: batch norm after each pool
  bool dilated_is_dense = true;       ///< kBayesNas: one dense k x k convolution, as published; false: depthwise
};

/// Children are named as in the published code: kDarts sep_conv is op.1 depthwise, op.2 pointwise, op.3 batch norm, ...
std::unique_ptr<Layer> make_operation(Style style, Primitive primitive, const OperationOptions& options,
                                      Initial& initial);

/// ReLU, Conv1x1, BN under "op" (kDarts pre-processor at equal size).
std::unique_ptr<Layer> make_relu_conv_bn(std::int64_t in, std::int64_t out, bool is_affine, Initial& initial);
/// ReLU, shifted pair, BN (kDarts pre-processor that halves the map).
std::unique_ptr<Layer> make_factorized_reduce(std::int64_t in, std::int64_t out, bool is_affine, Initial& initial);

/// How a kBayesNas pre-processor halves the map first: one strided 1x1 convolution, or a shifted pair; the same number
/// of parameters.
enum class Reduction { kStrided, kShifted };
/// [stride-2 1x1 in -> in], BN, ReLU, Conv1x1 in -> out (kBayesNas pre-processor, "CReduct").
std::unique_ptr<Layer> make_bayesnas_preprocessor(std::int64_t in, std::int64_t out, bool halves_map,
                                                  Reduction reduction, Initial& initial);

}  // namespace ockham::nas
