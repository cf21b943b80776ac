// What kernels move, by the counts of the emulation: a unit's launches touch its maps as often as its algorithm says
// and little else, warps take whole sectors, and shared memory serves them at once. Times are no part of this.
// Of the program test-cuda-check, for accesses are counted in check mode alone.
#include <array>
#include <map>
#include <numeric>
#include <set>

#include "autograd/device_passes.h"
#include "autograd/optim/sgd.h"
#include "engine/device_math.h"
#include "nas/catalog/catalog.h"
#include "nas/methods/darts/darts.h"
#include "ops/avg_pool2d/avg_pool2d_op.h"
#include "ops/batch_norm/batch_norm_op.h"
#include "ops/conv_unit/conv_unit_op.h"
#include "ops/max_pool2d/max_pool2d_op.h"
#include "ops/mix/mix_op.h"
#include "ops/moments/moments_op.h"
#include "tests/cuda/device.h"
#include "tests/cudaemu/emu.h"
#include "tests/nas/networks.h"

namespace ockham {
namespace {

constexpr std::int64_t kSector = 32;  // bytes

/// An op at a size of a search, and the bytes of the maps that its launches have to read or write, once a launch.
struct Unit {
  std::string name;
  std::shared_ptr<Op> op;
  std::vector<Shape> inputs;
  std::int64_t forward, vjp;
  std::int64_t weights = 0;  ///< bytes
};

std::int64_t bytes_of(const Shape& map) {
  return map.numel() * std::int64_t{sizeof(float)};
}

/// relu, depthwise kxk, 1x1, as it stands in separable and dilated convolutions, after a folded norm, with moments.
Unit separable(std::int64_t k, std::int64_t dilation, std::int64_t stride, const Shape& x) {
  const std::int64_t C = x[1], X = bytes_of(x), Z = X / (stride * stride);
  const Conv2dAttrs conv{.stride = stride, .pad = dilation * (k / 2), .dilation = dilation, .groups = C};
  return {.name = concat(k, "x", k, " dilation ", dilation, " stride ", stride),
          .op = std::make_shared<ConvUnit>(ConvUnitAttrs{.conv = conv}, true, true),
          .inputs = {x, {2, C}, {C, 1, k, k}, {C, C, 1, 1}},
          .forward = X + Z,
          // The gradient of the 1x1 (x, z, z_bar), q_bar behind the 1x1 (z, z_bar, q_bar), the rest (x, q_bar, x_bar).
          .vjp = (X + 2 * Z) + 3 * Z + (2 * X + Z),
          .weights = bytes_of({C, k, k}) + bytes_of({C, C})};
}

/// relu and 1x1 from four times as many channels: what brings a state into a cell.
Unit preprocess(const Shape& z) {
  const Shape x{z[0], 4 * z[1], z[2], z[3]};
  const std::int64_t X = bytes_of(x), Z = bytes_of(z);
  return {.name = "1x1",
          .op = std::make_shared<ConvUnit>(ConvUnitAttrs{}, true, false),
          .inputs = {x, {2, x[1]}, {z[1], x[1], 1, 1}},
          .forward = X + Z,
          .vjp = (2 * X + 2 * Z) + (X + 2 * Z),  // of the input, of the weights
          .weights = bytes_of({z[1], x[1]})};
}

/// The sum at a node of `edges` edges of eight operations, each with its folded norm.
Unit node(std::int64_t edges, const Shape& map) {
  const std::int64_t K = 8 * edges, M = bytes_of(map);
  std::vector<std::int64_t> index(static_cast<std::size_t>(K));
  std::iota(index.begin(), index.end(), 0);
  Unit unit{.name = concat("mix of ", K),
            .op = std::make_shared<MixOp>(index, std::vector<bool>(index.size(), true)),
            .inputs = {{K}},
            .forward = (K + 1) * M,
            .vjp = (2 * K + 1) * M};
  unit.inputs.insert(unit.inputs.end(), index.size(), map);
  unit.inputs.insert(unit.inputs.end(), index.size(), {2, map[1]});
  return unit;
}

std::vector<Unit> units_on(const Shape& map) {
  const std::int64_t M = bytes_of(map);
  std::vector<Unit> units{separable(3, 1, 1, map),
                          separable(3, 2, 1, map),
                          separable(5, 1, 1, map),
                          separable(5, 2, 1, map),
                          separable(5, 1, 2, map),
                          preprocess(map),
                          node(2, map)};
  units.push_back({"moments", std::make_shared<MomentsOp>(), {map}, M, 2 * M});
  // Statistics before all else, both ways: the map is read twice.
  units.push_back({"batch norm",
                   std::make_shared<BatchNormTrain>(BatchNormAttrs{}, true),
                   {map, {map[1]}, {map[1]}},
                   3 * M,
                   5 * M});
  // With the taps, a byte each.
  units.push_back(
      {"max pool", std::make_shared<MaxPool2d>(MaxPool2dAttrs{3, 1, 1}), {map}, 2 * M + M / 4, 2 * M + M / 4});
  units.push_back({"average pool", std::make_shared<AvgPool2d>(AvgPool2dAttrs{3, 1, 1, false}), {map}, 2 * M, 2 * M});
  return units;
}

Tensor drawn(const Spec& spec) {
  return test::noise(spec.shape, spec.dtype, static_cast<std::uint64_t>(spec.shape.numel())).to(test::kCuda);
}

using Kernels = std::map<std::string, emu::Stats>;  // by signature

/// What `work` has the device do.
template <class Work>
Kernels counts_of(bool counts_accesses, Work&& work) {
  wait_for(test::kCuda);
  emu::options().count_accesses = counts_accesses;
  emu::reset_stats();
  work();
  wait_for(test::kCuda);
  emu::options().count_accesses = false;
  Kernels kernels = emu::stats();
  std::erase_if(kernels, [](const auto& kernel) { return kernel.second.launches == 0; });
  return kernels;
}

/// A pass of a unit, or another piece of work of a step.
struct Pass {
  std::string name;
  std::int64_t bytes;  ///< that it has to move
  Kernels kernels;
};

/// Its forward pass and its vjp.
std::array<Pass, 2> passes_of(const Unit& unit, const std::string& where) {
  std::vector<Tensor> x, y, y_bar, x_bar;
  std::vector<Spec> specs;
  for (const Shape& shape : unit.inputs)
    specs.push_back({shape, DType::kFloat32});
  for (const Spec& spec : specs) {
    x.push_back(drawn(spec));
    x_bar.emplace_back(spec, test::kCuda);
  }
  const std::vector<Spec> outputs = unit.op->infer(specs);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    y.emplace_back(outputs[i], test::kCuda);
    y_bar.push_back(unit.op->has_derivative(i) ? drawn(outputs[i]) : Tensor());
  }
  std::vector<GradSlot> slots;
  for (Tensor& to : x_bar)
    slots.push_back({.dst = &to});
  Saved saved;
  // Blocks leave sums of their own of a weight's gradient, at most 16 at these sizes, which a second launch reads.
  return {Pass{concat(unit.name, where), unit.forward + unit.weights,
               counts_of(true, [&] { run_forward(*unit.op, x, y, saved); })},
          Pass{concat(unit.name, where, ", vjp"), unit.vjp + (3 + 2 * 16) * unit.weights,
               counts_of(true, [&] { run_vjp(*unit.op, saved, 1, y_bar, slots); })}};
}

/// Clipping and a step of weights, a sum of cotangents.
std::vector<Pass> other_passes() {
  const Spec spec{{16, 32, 32}, DType::kFloat32};
  const std::int64_t M = bytes_of(spec.shape);
  Parameter weights{.name = "weights", .value = drawn(spec), .grad = drawn(spec)};
  Sgd sgd({&weights}, {.weight_decay = 3e-4});
  sgd.prepare(0.1);
  std::vector<Tensor> terms{drawn(spec), drawn(spec), drawn(spec)};
  Tensor total = drawn(spec);
  return {{"clipping", 2 * M, counts_of(true, [&] { clipped_norm({&weights}, 1e-3); })},
          {"sgd", 3 * M, counts_of(true, [&] { sgd.apply(); })},
          {"a sum of three", 4 * M, counts_of(true, [&] { add_all_on(test::kCuda, terms, total); })}};
}

/// Units at the sizes of the three thirds of a search network, which starts with 16 channels on 32x32.
const std::vector<Pass>& measured() {
  static const std::vector<Pass> all = [] {
    std::vector<Pass> result = other_passes();
    for (const Shape& map : {Shape{2, 16, 32, 32}, Shape{4, 32, 16, 16}, Shape{8, 64, 8, 8}}) {
      for (const Unit& unit : units_on(map))
        std::ranges::move(passes_of(unit, concat(" on ", map)), std::back_inserter(result));
    }
    return result;
  }();
  return all;
}

std::int64_t touched_bytes(const Kernels& kernels) {
  return std::accumulate(kernels.begin(), kernels.end(), std::int64_t{0}, [](std::int64_t sum, const auto& kernel) {
    return sum + kernel.second.touched_sectors * kSector;
  });
}

/// Calls body(pass, name, counts) for the kernels that touch more than a twentieth of what a pass does: behind them
/// stand small ones, which put parts of sums together.
template <class Body>
void each_large_kernel(Body&& body) {
  for (const Pass& pass : measured()) {
    for (const auto& [name, stats] : pass.kernels) {
      if (20 * stats.touched_sectors * kSector > touched_bytes(pass.kernels))
        body(pass, name, stats);
    }
  }
}

bool is_pool(const std::string& kernel) {
  return kernel.find("PoolForward") != std::string::npos || kernel.find("PoolTranspose") != std::string::npos;
}
bool has_stride_2(const Pass& pass) {
  return pass.name.find("stride 2") != std::string::npos;
}

BOOST_AUTO_TEST_SUITE(traffic)

// A tenth more, of which 24 bytes a channel for the moments of each tile are the most on 8x8, where a tile is a plane.
OCKHAM_CUDA_TEST(launches_of_a_unit_touch_its_maps_and_little_else) {
  for (const Pass& pass : measured()) {
    const std::int64_t touched = touched_bytes(pass.kernels);
    BOOST_TEST_MESSAGE(pass.name << ": " << touched << " bytes, has to move " << pass.bytes);
    BOOST_TEST(10 * touched <= 11 * pass.bytes, pass.name << ": " << touched << " > 1.1 " << pass.bytes);
    BOOST_TEST(2 * touched >= pass.bytes, pass.name << ": what it has to move is less than " << pass.bytes);
  }
}

// Caches serve what a launch asks for again: halos of tiles and weights (a tile of 8x8 with 64 channels has as many of
// those as elements), or where windows overlap up to nine taps.
OCKHAM_CUDA_TEST(a_launch_asks_for_a_sector_little_more_than_twice) {
  each_large_kernel([](const Pass& pass, const std::string& name, const emu::Stats& stats) {
    const double most = is_pool(name) ? 7.0 : 2.1;
    BOOST_TEST(double(stats.sectors) <= most * double(stats.touched_sectors),
               pass.name << ", " << name << ": " << stats.sectors << " > " << most << " * " << stats.touched_sectors);
  });
}

// Rows that a pool shifts by one begin within a sector, and only lanes whose window chose an element read its
// cotangent; what has stride 2 reads rows of 8 in pieces.
OCKHAM_CUDA_TEST(warps_take_whole_sectors) {
  each_large_kernel([](const Pass& pass, const std::string& name, const emu::Stats& stats) {
    const double most = is_pool(name) ? 2.7 : has_stride_2(pass) ? 1.2 : 1.1;
    BOOST_TEST(double(stats.sectors) <= most * double(stats.fewest_sectors),
               pass.name << ", " << name << ": " << stats.sectors << " sectors, could be " << stats.fewest_sectors);
  });
}

// With stride 2 neighbours read every other bank.
OCKHAM_CUDA_TEST(shared_memory_serves_a_warp_at_once) {
  each_large_kernel([](const Pass& pass, const std::string& name, const emu::Stats& stats) {
    const double most = has_stride_2(pass) ? 0.45 : 0.2;
    BOOST_TEST(double(stats.bank_conflicts) <= most * double(stats.requests + stats.shared_requests),
               pass.name << ", " << name << ": " << stats.bank_conflicts << " further passes for "
                         << stats.requests + stats.shared_requests << " requests");
  });
}

OCKHAM_CUDA_TEST(the_kernels_that_move_most_of_a_darts_step_are_among_these) {
  std::set<std::string> known;
  for (const Pass& pass : measured()) {
    for (const auto& [name, stats] : pass.kernels)
      known.insert(name);
  }
  const auto space = nas::find_space("darts").settings()->make(
      {.channels = 4, .cells = 3, .classes = 10, .image_channels = 3, .image_size = 8});
  nas::Darts method(*space, {.relaxed = {.seed = 1, .device = test::kCuda}});
  const auto batch = [](std::uint64_t stream) {
    return test::noise_batch(2, {.classes = 10, .image_channels = 3, .image_size = 8}, DType::kFloat32, stream)
        .to(test::kCuda);
  };
  const Kernels step =
      counts_of(false, [&] { method.step(batch(0), batch(1), {.number = 0, .total = 1}); });  // the first runs as it is
  std::int64_t all = 0, held = 0;
  for (const auto& [name, stats] : step) {
    const std::int64_t bytes = stats.bytes_read + stats.bytes_written;
    all += bytes;
    held += known.contains(name) ? bytes : 0;
  }
  for (const auto& [name, stats] : step)
    BOOST_TEST((known.contains(name) || 50 * (stats.bytes_read + stats.bytes_written) < all), name);
  BOOST_TEST(10 * held >= 9 * all);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ockham
