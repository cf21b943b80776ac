#pragma once
// Training-free proxies: numbers from a network at its random initialisation that shall rank networks as their trained
// accuracy would. Larger is better for all but ntk_condition. None changes its subject. W: all weights of convolutions
// and linear layers, without norms and biases; L: mean cross-entropy; float64 networks are advised (synflow needs
// them). Sources: Abdelfattah et al. 2021 (gradient norm, plain, SNIP, GraSP, SynFlow, jacobian covariance as scores of
// whole networks), Lee et al. 2019 (SNIP), Wang et al. 2020 (GraSP), Tanaka et al. 2020 (SynFlow), Mellor et al. 2021
// (NASWOT), Chen et al. 2021 (TE-NAS: NTK, linear regions).
#include "nas/search/search_network.h"

namespace ockham::nas::proxies {

/// sum_l |dL/dW_l|, batch norm on the batch's statistics, as in the next four.
double gradient_norm(const SearchNetwork& subject, const Batch& batch);
/// sum W * dL/dW
double plain(const SearchNetwork& subject, const Batch& batch);
/// sum_l |W_l|
double weight_norm(const SearchNetwork& subject);
/// SNIP: sum |W * dL/dW|
double snip(const SearchNetwork& subject, const Batch& batch);
/// GraSP: -sum W * (H g), g = dL/dW; H g by a central difference of two gradients, an estimate with an error of the
/// order of 1e-8 in float64. Cost: three gradients.
double grasp(const SearchNetwork& subject, const Batch& batch);

/// SynFlow: sum W * dR/dW with every parameter replaced by its absolute value, batch norm by the identity, and R the
/// sum of the logits of one image of ones, [channels, size, size]. Grows like a product over layers: compare
/// logarithms.
double synflow(const SearchNetwork& subject, std::int64_t channels, std::int64_t size);

/// NASWOT: log |det K|, K[i, j] the number of ReLU inputs that are positive for both images i and j or for neither,
/// over all ReLUs that lead to the logits. Minus infinity where two images cannot be told apart.
double naswot(const SearchNetwork& subject, const Tensor& images);
/// -sum_i (log(v_i + k) + 1/(v_i + k)), k = 1e-5, over the eigenvalues of the correlation matrix of the images'
/// gradients d(sum of all logits)/d image.
double jacobian_covariance(const SearchNetwork& subject, const Tensor& images);
/// Condition number of the neural tangent kernel Theta = G G^T, row i of G the gradient of the sum of image i's logits
/// by every parameter named "weight", batch norm on batch statistics. 1e5 where it is no number. Smaller is better.
/// Cost: memory for the gradients of all images at once.
double ntk_condition(const SearchNetwork& subject, const Tensor& images);

}  // namespace ockham::nas::proxies
