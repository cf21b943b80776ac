// What the automatic checks do not see: tangents while the weights rest, which have kernels of their own.
#include "ops/conv_unit/conv_unit.h"

#include "tests/ops/passes.h"
#include "tests/support.h"

using namespace ockham;
using test::noise;

namespace {

struct Case {
  const char* name;
  bool has_affine;
  Conv2dAttrs conv;
  Shape x, w;
};

const Case kCases[] = {
    {"3x3 on 8x8", true, {.pad = 1, .groups = 3}, {2, 3, 8, 8}, {3, 1, 3, 3}},
    {"dilated 5x5 on 16x16", false, {.pad = 4, .dilation = 2, .groups = 3}, {2, 3, 16, 16}, {3, 1, 5, 5}},
    {"5x5 on 8x32", true, {.pad = 2, .groups = 3}, {2, 3, 8, 32}, {3, 1, 5, 5}},
    {"3x3 on 5x7", true, {.pad = 1, .groups = 3}, {2, 3, 5, 7}, {3, 1, 3, 3}},
    {"strided", true, {.stride = 2, .pad = 1, .groups = 3}, {2, 3, 8, 8}, {3, 1, 3, 3}},
    {"dense", true, {.pad = 1}, {2, 3, 5, 6}, {3, 3, 3, 3}},
};

}  // namespace

BOOST_AUTO_TEST_SUITE(conv_unit)

BOOST_AUTO_TEST_CASE(directions_at_once_are_each_of_them_alone_bit_by_bit) {
  constexpr std::int64_t kD = 7;  // kernels take up to four at once
  for (const Case& item : kCases) {
    std::vector<Tensor> values{noise(item.x, 1)};
    std::vector<Tensor> dots{noise(with_directions(item.x, kD), 2)};
    if (item.has_affine) {
      values.push_back(noise({2, 3}, 3));
      dots.push_back(noise({2 * kD, 3}, 4));
    }
    values.push_back(noise(item.w, 5));
    values.push_back(noise({4, 3, 1, 1}, 6));
    Shape z;
    const test::Recorded run(values, [&](auto v) {
      const bool affine = item.has_affine;
      z = ockham::conv_unit(v[0], affine ? v[1] : Variable(), v[affine ? 2 : 1], v[affine ? 3 : 2], {.conv = item.conv})
              .z.shape();
    });
    const Tensor z_bar = noise(z, 7);
    const Tensor together = run.jvp(kD, dots);
    const std::vector<double> curvature = run.curvature(kD, z_bar, dots);
    for (std::int64_t d = 0; d < kD; ++d) {
      const auto row = [&](const Tensor& t) { return t.slice(0, t.size(0) / kD * d, t.size(0) / kD * (d + 1)); };
      std::vector<Tensor> one;
      for (const Tensor& dot : dots)
        one.push_back(row(dot).clone());
      BOOST_TEST(max_abs(one[0]) > 0.0);
      BOOST_TEST(test::difference(row(together).clone(), run.jvp(1, one)) == 0.0, item.name << ", direction " << d);
      BOOST_TEST(curvature[static_cast<std::size_t>(d)] == run.curvature(1, z_bar, one)[0],
                 item.name << ", direction " << d);
    }
  }
}

// Winograd's kernels take all samples at once, sums as written take one after another.
BOOST_AUTO_TEST_CASE(a_batch_at_once_gives_what_samples_one_by_one_give) {
  const auto passes = [](bool is_precise, bool has_pointwise) {
    set_precise_convolutions(is_precise);
    std::vector<Tensor> values{noise({9, 16, 8, 8}, 1), noise({2, 16}, 2), noise({20, 16, 5, 5}, 3)};
    if (has_pointwise)
      values.push_back(noise({18, 20, 1, 1}, 4));
    for (Tensor& value : values)
      value = value.to(DType::kFloat32);
    std::vector<Tensor> results;
    Tensor z;
    const test::Recorded run(values, [&](auto v) {
      const ConvUnitResult made =
          ockham::conv_unit(v[0], v[1], v[2], has_pointwise ? v[3] : Variable(), {.conv = {.pad = 4, .dilation = 2}});
      z = made.z.value();
      results = {z, made.moments.value()};
    });
    for (const Tensor& x_bar : run.vjp(2, noise(with_directions(z.shape(), 2), 5).to(DType::kFloat32)))
      results.push_back(x_bar);
    set_precise_convolutions(false);
    return results;
  };
  for (bool has_pointwise : {false, true}) {
    const std::vector<Tensor> by_batch = passes(false, has_pointwise), by_sample = passes(true, has_pointwise);
    for (std::size_t i = 0; i < by_batch.size(); ++i) {
      const double size = max_abs(by_sample[i]), error = test::difference(by_batch[i], by_sample[i]);
      BOOST_TEST(error <= 1e-5 * size, "result " << i << ": " << error << " of " << size);
      BOOST_TEST((i != 0 || error > 0.0), "both are the same kernel");
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
