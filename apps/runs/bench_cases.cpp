#include "apps/runs/bench_cases.h"

#include <algorithm>
#include <vector>

#include "apps/runs/inputs/batches.h"
#include "autograd/curvature.h"
#include "autograd/hessian.h"
#include "autograd/optim/sgd.h"
#include "autograd/reverse.h"
#include "autograd/sweep.h"
#include "data/error.h"
#include "data/registry.h"
#include "engine/gemm.h"
#include "engine/random.h"
#include "nas/cost.h"
#include "nas/models/model.h"
#include "nas/network/evaluation_network.h"
#include "nas/spaces/cells/supernet.h"
#include "nas/train/score.h"
#include "ops/add/add.h"
#include "ops/conv_unit/conv_unit.h"
#include "ops/scale/scale.h"
#include "ops/softmax_cross_entropy/softmax_cross_entropy.h"

namespace ockham::apps {
namespace {

constexpr double kLearningRate = 1e-3;  // small: the work must not change while it is repeated
constexpr std::int64_t kSide = 32;

nas::Batch random_batch(std::int64_t n, DType dtype, Device device) {
  Tensor images = Tensor::zeros({n, 3, kSide, kSide}, compute_type(dtype));
  fill_normal(images, {.purpose = Purpose::kTest});
  nas::Batch batch{.images = images.to(dtype), .labels = Tensor::zeros({n}, DType::kInt64)};
  for (std::int64_t i = 0; i < n; ++i)
    batch.labels.data<std::int64_t>()[i] = i % 10;
  return batch.to(device);
}

using Forward = std::function<Variable(const Context&, const Variable&)>;
using LossOf = std::function<Variable(const Context&, const nas::Batch&)>;

struct Net {
  Forward forward;
  std::function<void()> before_step;            ///< what the host does
  std::function<void(const nas::Batch&)> step;  ///< forward, backward, clip, SGD
};
using MakeNet = Net (*)(DType, Device);

/// @param loss_of owns the network
Net net_of(const std::vector<Parameter*>& trained, LossOf loss_of, Forward forward) {
  const auto sgd = std::make_shared<Sgd>(trained, SgdOptions{.weight_decay = 3e-4});
  const auto step = [trained, sgd, loss_of = std::move(loss_of)](const nas::Batch& batch) {
    clear_gradients(trained);
    Tape tape;
    backward(loss_of({.tape = &tape, .batch_norm = BatchNormMode::kBatch, .is_training = true}, batch));
    sgd->apply(clipped_norm(trained, 5.0));
  };
  return {std::move(forward), [sgd] { sgd->prepare(kLearningRate); }, step};
}

Net supernet(nas::SupernetSpec spec, DType dtype, Device device) {
  Initial initial{.dtype = dtype, .device = device};
  const auto network = std::make_shared<nas::Supernet>(std::move(spec), initial);
  std::vector<Parameter*> trained = network->parameters(ParameterKind::kWeight);
  std::ranges::copy(network->architecture(), std::back_inserter(trained));
  return net_of(
      trained,
      [network](const Context& context, const nas::Batch& batch) {
        return softmax_cross_entropy(network->forward(context, batch.images), batch.labels);
      },
      [network](const Context& context, const Variable& x) { return network->forward(context, x); });
}

Net darts_search(DType dtype, Device device) {
  return supernet(nas::SupernetSpec::darts(), dtype, device);
}

Net bayesnas_search(DType dtype, Device device) {
  return supernet(nas::SupernetSpec::bayesnas(), dtype, device);
}

/// The found network of DARTS, second order, with its auxiliary head: C = 36, 20 cells.
Net darts_v2(DType dtype, Device device) {
  nas::EvaluationSpec spec;
  spec.has_auxiliary_head = true;
  Initial initial{.dtype = dtype, .device = device};
  const auto network = std::make_shared<nas::EvaluationNetwork>(nas::load_genotype("DARTS_V2"), spec, initial);
  return net_of(
      network->parameters(ParameterKind::kWeight),
      [network](const Context& context, const nas::Batch& batch) {
        const nas::ClassifierOutput out = network->forward(context, batch.images);
        return add(softmax_cross_entropy(out.logits, batch.labels),
                   scale(softmax_cross_entropy(out.auxiliary, batch.labels), 0.4));
      },
      [network](const Context& c, const Variable& x) { return network->forward(c, x).logits; });
}

/// The model for short training.
Net speed(DType dtype, Device device) {
  Initial initial{.dtype = dtype, .device = device};
  const std::shared_ptr<nas::Classifier> network = nas::make_model({.name = "speed"}, initial);
  return net_of(
      network->parameters(ParameterKind::kWeight),
      [network](const Context& context, const nas::Batch& batch) {
        return softmax_cross_entropy(network->forward(context, batch.images).logits, batch.labels);
      },
      [network](const Context& c, const Variable& x) { return network->forward(c, x).logits; });
}

double forward_flops(const Net& net, std::int64_t batch, const BenchInput& input) {
  const std::int64_t macs = nas::count_macs(net.forward, 3, kSide, input.precision.weights, input.device);
  return 2.0 * static_cast<double>(macs) * static_cast<double>(batch);
}

BenchWork training(MakeNet make, std::int64_t size, const BenchInput& input) {
  const Net net = make(input.precision.weights, input.device);
  const nas::Batch batch = random_batch(size, input.precision.maps, input.device);
  return {.run = [net, batch] { net.step(batch); },
          .before = net.before_step,
          .can_be_recorded = true,
          .images = static_cast<double>(size),
          .flops = 3.0 * forward_flops(net, size, input)};  // forward, and as much for inputs and for weights
}

BenchWork inference(MakeNet make, std::int64_t size, const BenchInput& input) {
  const Net net = make(input.precision.weights, input.device);
  const nas::Batch batch = random_batch(size, input.precision.maps, input.device);
  return {.run = [net, batch] { net.forward({}, batch.images); },
          .can_be_recorded = true,
          .images = static_cast<double>(size),
          .flops = forward_flops(net, size, input)};
}

/// The net and batch of the exact passes, and the loss that they differentiate.
struct ExactPass {
  static constexpr std::int64_t kBatch = 8;

  ExactPass(DType dtype, Device device, BatchNormMode mode_) : mode(mode_), batch(random_batch(kBatch, dtype, device)) {
    Initial initial{.dtype = dtype, .device = device};
    network = std::make_unique<nas::Supernet>(nas::SupernetSpec::darts_with_switches(), initial);
  }

  /// The operations' switches of the first `edges` edges of every cell of a kind, the first `copies` cells of it.
  std::vector<Parameter*> switches(nas::CellKind kind, std::size_t edges, std::size_t copies) const {
    std::vector<Parameter*> result;
    for (std::size_t e = 0; e < edges; ++e) {
      const std::vector<Parameter*>& all = network->switches(kind, e);
      result.insert(result.end(), all.begin(), all.begin() + static_cast<std::ptrdiff_t>(std::min(copies, all.size())));
    }
    return result;
  }

  Variable loss(Tape& tape) const {
    return softmax_cross_entropy(network->forward({.tape = &tape, .batch_norm = mode}, batch.images), batch.labels);
  }
  void forward() const { network->forward({.batch_norm = mode}, batch.images); }

  BatchNormMode mode;
  nas::Batch batch;
  std::unique_ptr<nas::Supernet> network;
};

constexpr std::size_t kAllEdges = 14;
constexpr std::size_t kAllCells = 8;

/// All 784 switches at once, by C - 1 = 9 reverse sweeps.
BenchWork hessian_reverse(DType dtype, Device device) {
  const auto pass = std::make_shared<const ExactPass>(dtype, device, BatchNormMode::kRunning);
  std::vector<Parameter*> switches = pass->switches(nas::CellKind::kNormal, kAllEdges, kAllCells);
  std::ranges::copy(pass->switches(nas::CellKind::kReduction, kAllEdges, kAllCells), std::back_inserter(switches));
  const auto run = [pass, switches] {
    Tape tape;
    hessian_diagonal(pass->loss(tape), switches, {.algorithm = HessianAlgorithm::kReverse});
  };
  return {.run = run, .images = ExactPass::kBatch, .forward = [pass] { pass->forward(); }};
}

/// A tangent that enters at the first cell passes the whole net; all 784 would take minutes. The first node's two
/// edges have 14.
BenchWork hessian_forward(DType dtype, Device device) {
  const auto pass = std::make_shared<const ExactPass>(dtype, device, BatchNormMode::kBatch);
  const std::vector<Parameter*> switches = pass->switches(nas::CellKind::kNormal, 2, 1);
  std::int64_t tangents = 0;
  for (const Parameter* one : switches)
    tangents += one->value.numel();
  const auto run = [pass, switches] {
    Tape tape;
    hessian_diagonal(pass->loss(tape), switches, {.algorithm = HessianAlgorithm::kForward});
  };
  const auto adjoints = [pass, switches] {
    Tape tape;
    const Variable loss = pass->loss(tape);
    const Adjoints unused(tape, loss, leaf_nodes(tape, switches));
  };
  return {.run = run,
          .images = ExactPass::kBatch,
          .forward = [pass] { pass->forward(); },
          .before_tangents = adjoints,
          .tangents = static_cast<double>(tangents)};
}

/// Forward and vjp of one conv_unit on n maps of side x side: norm and relu at the load, k x k, 1x1, moments.
struct UnitSize {
  std::int64_t n, channels, side, kernel, dilation;
  bool is_dense;
};

BenchWork unit(const UnitSize& u, const BenchInput& input) {
  auto parameter = [&input, step = std::uint64_t{0}](const char* name, const Shape& shape) mutable {
    Tensor value(shape, input.precision.weights);
    fill_normal(value, {.purpose = Purpose::kTest, .step = step++});
    return std::make_shared<Parameter>(Parameter{.name = name, .value = value.to(input.device)});
  };
  const std::int64_t C = u.channels;
  const auto x = parameter("x", {u.n, C, u.side, u.side});
  const auto affine = parameter("affine", {2, C});
  const auto w = parameter("w", {C, u.is_dense ? C : 1, u.kernel, u.kernel});
  const auto w_pointwise = parameter("w_pointwise", {C, C, 1, 1});
  const Tensor z_bar = parameter("z_bar", x->value.shape())->value;
  const ConvUnitAttrs attrs{
      .conv = {.pad = u.dilation * (u.kernel / 2), .dilation = u.dilation, .groups = u.is_dense ? std::int64_t{1} : C}};
  // A map that is no parameter, so that it may be narrow, yet gets its cotangent.
  const auto map = [=, maps = input.precision.maps](Tape& tape) {
    return Variable(x->value.to(maps), tape, tape.leaf(*x).id());
  };
  const auto passes = [=] {
    Tape tape;
    const ConvUnitResult result =
        conv_unit(map(tape), tape.leaf(*affine), tape.leaf(*w), tape.leaf(*w_pointwise), attrs);
    PullOptions options;
    options.frees_saved = true;
    pull_back(tape, result.z.id(), z_bar, options);
  };
  const std::int64_t macs = u.n * u.side * u.side * (w->value.numel() + w_pointwise->value.numel());
  return {.run = passes,
          .can_be_recorded = true,
          .images = static_cast<double>(u.n),
          .flops = 3.0 * 2.0 * static_cast<double>(macs)};
}

/// Square matrices that fit the second-level cache, on one thread: callers split work, not this kernel.
template <class T>
BenchWork square_gemm() {
  constexpr std::int64_t kSize = 384;
  const auto matrix = [](std::uint64_t step) {
    Tensor values = Tensor::zeros({kSize, kSize}, kDTypeOf<T>);
    fill_normal(values, {.purpose = Purpose::kTest, .step = step});
    return values;
  };
  const Tensor a = matrix(0);
  const Tensor b = matrix(1);
  Tensor c = matrix(2);
  const auto multiply = [a, b, c]() mutable {
    gemm<T>(false, false, kSize, kSize, kSize, a.data<T>(), kSize, b.data<T>(), kSize, T{0}, c.data<T>(), kSize);
  };
  return {.run = multiply, .flops = 2.0 * kSize * kSize * kSize};
}

/// Up to 100 augmented batches of 64, in training order.
BenchWork loading(const char* name, const std::string& folder, const BenchInput& input) {
  if (folder.empty() && std::string_view(name) != "shapes")
    throw data::DataError(
        concat("case loader-", name, " needs --data DIR (or OCKHAM_DATA), the folder with its files."));
  const data::DatasetPtr images = data::open(name, folder, data::Split::kTrain);
  const auto loader =
      std::make_shared<data::Loader>(images, training_transform(*images, 16),
                                     data::LoaderOptions{.batch_size = std::min<std::int64_t>(64, images->size()),
                                                         .threads = loader_threads(*images)});
  const std::int64_t batches = std::min<std::int64_t>(100, loader->batches_per_epoch());
  const std::int64_t count = std::min(batches * 64, images->size());
  const auto read = [loader, batches, form = TensorForm(input.precision.maps, input.device)] {
    loader->start_at(0);
    for (std::int64_t i = 0; i < batches; ++i)
      to_tensors(*loader->next(), form);
  };
  return {.run = read, .images = static_cast<double>(count)};
}

/// For cases without feature maps that could be narrow.
DType one_type(const BenchInput& s) {
  if (s.precision.maps == DType::kBFloat16)
    throw UsageError("--precision bf16: this case computes in one number format; use fp32 or fp64.");
  return s.precision.weights;
}

BenchWork gemm_on_host(const BenchInput& s) {
  if (!s.device.is_cpu())
    throw UsageError(
        concat("case gemm measures the product of the CPU, not that of ", s.device, "; use --device cpu."));
  return one_type(s) == DType::kFloat64 ? square_gemm<double>() : square_gemm<float>();
}

const std::vector<BenchCase>& cases() {
  static const std::vector<BenchCase> all = {
      {"darts-search-64", "training step of the DARTS supernet, batch 64",
       [](const BenchInput& s) { return training(darts_search, 64, s); }},
      {"darts-search-16", "training step of the DARTS supernet, batch 16",
       [](const BenchInput& s) { return training(darts_search, 16, s); }},
      {"bayesnas-search-18", "training step of the BayesNAS supernet, batch 18",
       [](const BenchInput& s) { return training(bayesnas_search, 18, s); }},
      {"darts-v2-32", "training step of DARTS_V2, 36 channels, 20 cells, auxiliary head, batch 32",
       [](const BenchInput& s) { return training(darts_v2, 32, s); }},
      {"speed-128", "training step of --model speed, 64 channels, batch 128",
       [](const BenchInput& s) { return training(speed, 128, s); }},
      {"forward-darts-search-64", "inference of the DARTS supernet, batch 64",
       [](const BenchInput& s) { return inference(darts_search, 64, s); }},
      {"forward-darts-search-16", "inference of the DARTS supernet, batch 16",
       [](const BenchInput& s) { return inference(darts_search, 16, s); }},
      {"forward-bayesnas-search-18", "inference of the BayesNAS supernet, batch 18",
       [](const BenchInput& s) { return inference(bayesnas_search, 18, s); }},
      {"forward-darts-v2-32", "inference of DARTS_V2, 36 channels, 20 cells, batch 32",
       [](const BenchInput& s) { return inference(darts_v2, 32, s); }},
      {"hessian-reverse",
       "exact diagonal over the 784 switches of the DARTS supernet (16 channels, 8 cells, 10 classes, batch 8 of "
       "32x32) by algorithm R, running statistics",
       [](const BenchInput& s) { return hessian_reverse(one_type(s), s.device); }},
      {"hessian-forward-train",
       "the same net on batch statistics by algorithm F, for the 14 switches at the first cell's first node, whose "
       "tangents pass the whole net",
       [](const BenchInput& s) { return hessian_forward(one_type(s), s.device); }},
      {"unit-depthwise3-32x32", "one conv_unit, 64 maps of 16 channels, forward and vjp",
       [](const BenchInput& s) {
         return unit({64, 16, 32, 3, 1, false}, s);
       }},
      {"unit-depthwise5-16x16", "the same, 32 channels, 5x5 with dilation 2",
       [](const BenchInput& s) {
         return unit({64, 32, 16, 5, 2, false}, s);
       }},
      {"unit-depthwise5-8x8", "the same, 64 channels, 5x5",
       [](const BenchInput& s) {
         return unit({64, 64, 8, 5, 1, false}, s);
       }},
      {"unit-dense5-32x32", "the same, 18 maps of 36 channels, dense 5x5 with dilation 2",
       [](const BenchInput& s) {
         return unit({18, 36, 32, 5, 2, true}, s);
       }},
      {"gemm", "384 x 384 x 384 matrix product on one thread", gemm_on_host},
      {"loader-shapes", "augmented batches of 64 of the built-in images",
       [](const BenchInput& s) { return loading("shapes", "", s); }},
      {"loader-cifar10", "augmented batches of 64 of CIFAR-10; needs --data",
       [](const BenchInput& s) { return loading("cifar10", s.data, s); }},
      {"loader-folder", "augmented batches of 64 of a folder of pictures, decoded; needs --data",
       [](const BenchInput& s) { return loading("folder", s.data, s); }},
  };
  return all;
}

}  // namespace

std::span<const BenchCase> bench_cases() {
  return cases();
}

const BenchCase& find_bench_case(std::string_view name) {
  std::string names;
  for (const BenchCase& one : cases()) {
    if (one.name == name)
      return one;
    names += concat(' ', one.name);
  }
  throw UsageError(concat("--case ", name, ": there is no such case; choose one of", names, "."));
}

}  // namespace ockham::apps
