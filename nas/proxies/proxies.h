#pragma once
// Training-free proxies: numbers from a network at its random initialisation that shall rank networks as their trained
// accuracy would. Larger is better for all but ntk_condition. None changes its subject. W: all weights of convolutions
// and linear layers, without norms and biases; L: mean cross-entropy; float64 networks are advised (synflow needs
// them). Sources: Abdelfattah et al. 2021 (gradient norm, plain, SNIP, GraSP, SynFlow, jacobian covariance as scores of
// whole networks), Lee et al. 2019 (SNIP), Wang et al. 2020 (GraSP), Turner et al. 2020 (Fisher), Tanaka et al. 2020
// (SynFlow), Mellor et al. 2021 (NASWOT), Chen et al. 2021 (TE-NAS: NTK, linear regions), Lin et al. 2021 (Zen-score),
// Tybl and Neumann 2025 (VKDNW: Fisher spectrum).
// selection.h chooses by several of them.
#include "nas/spaces/search_network.h"

namespace ockham::nas::proxies {

/// sum_l |dL/dW_l|, batch norm on the batch's statistics, as in the next four.
double gradient_norm(const SearchNetwork& subject, const Batch& batch);
/// sum W * dL/dW
double plain(const SearchNetwork& subject, const Batch& batch);
/// sum_l |W_l|
double weight_norm(const SearchNetwork& subject);
/// SNIP: sum |W * dL/dW|
double snip(const SearchNetwork& subject, const Batch& batch);
/// GraSP: -sum W * (H g), g = dL/dW, exactly, at the kinks of ReLUs that of the piece (a difference of gradients would
/// see some of them, and what it sees of them is noise). Cost: a gradient and two tangent sweeps.
double grasp(const SearchNetwork& subject, const Batch& batch);
/// Fisher: sum over convolutions and linear layers and their output channels c of
///   n_c / 2 * mean over images of (sum over pixels of a * dL/da)^2,
/// a the layer's output with its bias but before any norm, n_c the weights that make channel c.
double fisher(const SearchNetwork& subject, const Batch& batch);

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

/// The number of different sets of ReLUs that are open for one of the images, batch norm on the statistics of all of
/// them; at most the number of images. The published subject has one channel, one cell a stage and weights normal with
/// variance 2 / fan in, and sees 3,000 random_crops() of 3x3. Cost: a byte for every ReLU of every image.
std::int64_t linear_regions(const SearchNetwork& subject, const Tensor& images);
/// One random channel of a random image [N, C, H, W] at a random place, `count` times: [count, 1, size, size].
/// @throws UsageError if size is not in 1 to the images' sides, or there is no image
Tensor random_crops(const Tensor& images, std::int64_t count, std::int64_t size, std::uint64_t seed);

struct ZenOptions {
  std::int64_t batch = 16;
  double gamma = 1e-2;
  std::int64_t repeats = 32;
  std::uint64_t seed = 0;
};
/// Zen-score: log Delta + sum over batch norms of log sqrt(mean over channels of the batch's unbiased variance), with
///   Delta = mean over images of sum |f(x) - f(x + gamma x')|,
/// x, x' and all weights of convolutions normal with variance 1, norms without scale and shift; the mean over repeats.
/// `features.forward` shall give f, the map before the mean over pixels, and not the logits. Images [batch, channels,
/// size, size]. Norms that f does not run count nothing; minus infinity where f is constant. The published program
/// takes the running variances, which depend on what ran before: this one those of f(x).
double zen_score(const SearchNetwork& features, std::int64_t channels, std::int64_t size,
                 const ZenOptions& options = {});

/// Fisher spectrum: how even the eigenvalues of fisher_matrix() are, as the entropy in nats of their nine deciles, each
/// as its part of their sum; at most log 9. Drawn anew first: weights of convolutions and linear layers normal with
/// variance 2 / fan in, norms and their running statistics the identity, biases 0; probabilities are smoothed by 0.05.
/// 0 where nothing is transmitted. tensor_count() plus this is the published score of a single network (VKDNW). Images
/// times classes - 1 bound the matrix's rank: with fewer of these than tensors the lower deciles are zero. Cost:
/// classes - 1 gradients an image.
double fisher_spectrum(const SearchNetwork& subject, const Tensor& images, std::uint64_t seed = 0);
/// The Fisher matrix [K, K] of the predicted classes, sum_n J_n^T (diag(p_n) - p_n p_n^T) J_n / N, by the first entry
/// of each of the K weight tensors, norms and biases included; batch norm on running statistics. Exact with smoothing
/// 0; else p_n are the predicted probabilities times 1 - smoothing, plus equal parts of the rest.
std::vector<double> fisher_matrix(const SearchNetwork& subject, const Tensor& images, double smoothing = 0.0);

/// Number of tensors that hold weights, norms and biases included: three times that of layers, about.
double tensor_count(const SearchNetwork& subject);
/// Number of weights, norms and biases included: what other proxies must beat.
double parameter_count(const SearchNetwork& subject);
/// Multiply-accumulates of convolutions and linear layers for one image [channels, size, size].
double mac_count(const SearchNetwork& subject, std::int64_t channels, std::int64_t size);

}  // namespace ockham::nas::proxies
