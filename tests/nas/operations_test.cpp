// The candidate operations in both styles: sizes, shapes, and where the two styles differ.
#include "nas/layers/operations.h"

#include "tests/nas/networks.h"
#include "tests/support.h"

using namespace ockham;
using namespace ockham::nas;

namespace {

constexpr std::int64_t kChannels = 6;
const Context kRunning{};

std::unique_ptr<Layer> make(Style style, Primitive primitive, std::int64_t stride) {
  Initial initial{.dtype = DType::kFloat64};
  return make_operation(style, primitive, {.channels = kChannels, .stride = stride}, initial);
}

/// Weights of an operation at stride 1, from its definition. C = channels, a batch norm has 2C.
std::int64_t weights(Style style, Primitive primitive) {
  constexpr std::int64_t C = kChannels;
  const auto separable = [](std::int64_t k) { return 2 * (C * k * k + C * C + 2 * C); };
  const auto dilated = [&](std::int64_t k) {
    return (style == Style::kBayesNas ? C * C : C) * k * k + C * C + 2 * C;  // dense in the BayesNAS release
  };
  switch (primitive) {
    case Primitive::kSepConv3:
      return separable(3);
    case Primitive::kSepConv5:
      return separable(5);
    case Primitive::kDilConv3:
      return dilated(3);
    case Primitive::kDilConv5:
      return dilated(5);
    case Primitive::kSepConv7:
      return separable(7);
    case Primitive::kConv1x7x7x1:
      return 2 * C * C * 7 + 2 * C;
    case Primitive::kMaxPool3:
    case Primitive::kAvgPool3:
    case Primitive::kIdentity:
      break;
  }
  return 0;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(operations)

BOOST_AUTO_TEST_CASE(have_the_sizes_of_their_definition_and_halve_the_map_at_stride_two) {
  const Tensor x = test::noise({2, kChannels, 8, 8}, DType::kFloat64, 1);
  for (Style style : {Style::kDarts, Style::kBayesNas}) {
    for (Primitive primitive : kPrimitives) {
      const auto same = make(style, primitive, 1);
      const auto half = make(style, primitive, 2);
      const std::string name = concat(style_name(style), " ", primitive_name(primitive));
      BOOST_TEST(count_elements(same->parameters(ParameterKind::kWeight)) == weights(style, primitive), name);
      // At stride 2 only the identity becomes something else: a 1x1 convolution, or a pair of half as many, and a norm.
      BOOST_TEST(count_elements(half->parameters(ParameterKind::kWeight)) ==
                     weights(style, primitive) +
                         (primitive == Primitive::kIdentity ? kChannels * kChannels + 2 * kChannels : 0),
                 name);
      BOOST_TEST(same->forward(kRunning, x).shape() == (Shape{2, kChannels, 8, 8}), name);
      BOOST_TEST(half->forward(kRunning, x).shape() == (Shape{2, kChannels, 4, 4}), name);
    }
  }
}

BOOST_AUTO_TEST_CASE(padding_competes_in_bayesnas_pools_and_not_in_those_of_darts) {
  const Tensor x = Tensor::full({1, 1, 4, 4}, -3.0, DType::kFloat64);
  const auto corner = [&](Style style, Primitive primitive) {
    return test::read(make(style, primitive, 1)->forward(kRunning, x).value(), 0);
  };
  BOOST_TEST(corner(Style::kBayesNas, Primitive::kMaxPool3) == 0.0);
  BOOST_TEST(corner(Style::kDarts, Primitive::kMaxPool3) == -3.0);
  BOOST_TEST(corner(Style::kBayesNas, Primitive::kAvgPool3) == -3.0 * 4 / 9, boost::test_tools::tolerance(1e-15));
  BOOST_TEST(corner(Style::kDarts, Primitive::kAvgPool3) == -3.0);
}

BOOST_AUTO_TEST_CASE(factorised_reduction_loses_no_column) {
  // Only the odd pixels are lit: the second convolution, on the shifted map, sees them.
  Tensor x = Tensor::zeros({1, kChannels, 4, 4}, DType::kFloat64);
  for (std::int64_t c = 0; c < kChannels; ++c) {
    for (std::int64_t h = 1; h < 4; h += 2) {
      for (std::int64_t w = 1; w < 4; w += 2)
        test::write(x, (c * 4 + h) * 4 + w, 1.0);
    }
  }
  const Tensor y = make(Style::kDarts, Primitive::kIdentity, 2)->forward(kRunning, x).value();
  BOOST_TEST(max_abs(y.slice(1, 0, kChannels / 2).contiguous()) == 0.0);
  BOOST_TEST(max_abs(y.slice(1, kChannels / 2, kChannels).contiguous()) > 0.0);
}

BOOST_AUTO_TEST_CASE(what_is_deferred_may_be_taken_along_or_stored_first) {
  const Variable affine = test::noise({2, kChannels}, DType::kFloat64, 2);
  int taken = 0;
  for (Style style : {Style::kDarts, Style::kBayesNas}) {
    for (Primitive primitive : kDartsPrimitives) {
      for (const auto& [stride, size] : {std::pair<std::int64_t, std::int64_t>{1, 8}, {2, 8}, {2, 7}}) {
        const Variable z = test::noise({2, kChannels, size, size}, DType::kFloat64, 1);
        const auto layer = make(style, primitive, stride);
        const Deferred x{.z = z, .affine = affine, .rectifies = style == Style::kDarts};
        const Tensor along = applied(layer->run(kRunning, x)).value();
        BOOST_TEST(test::relative_gap(along, layer->forward(kRunning, applied(x)).value()) < 1e-12,
                   concat(style_name(style), " ", primitive_name(primitive), " ", stride, " ", size));
        taken += layer->takes_deferred() ? 1 : 0;
      }
    }
  }
  BOOST_TEST(taken >= 15);  // four convolutions and the identity of DARTS at all three
}

BOOST_AUTO_TEST_CASE(pools_share_their_result_with_pools_like_them_alone) {
  Parameter map{.name = "x", .value = test::noise({1, 1, 4, 4}, DType::kFloat64, 1)};
  Tape tape;
  SharedResults results;
  const Context context{.tape = &tape, .shared = &results};
  const Variable x = tape.leaf(map);
  const auto pooled = [&](auto&& pool) { return pool.forward(context, x).value(); };
  const Tensor whole = pooled(MaxPool({.kernel = 3, .stride = 1, .pad = 1}));
  BOOST_TEST(pooled(MaxPool({.kernel = 3, .stride = 1, .pad = 1})).data<double>() == whole.data<double>());
  BOOST_TEST(pooled(MaxPool({.kernel = 3, .stride = 2, .pad = 1})).size(2) == 2);
  BOOST_TEST(!test::has_equal_bits(pooled(MaxPool({.kernel = 1, .stride = 1, .pad = 0})), whole));
  const Tensor inside = pooled(AvgPool({.kernel = 3, .stride = 1, .pad = 1, .count_include_pad = false}));
  const Tensor padded = pooled(AvgPool({.kernel = 3, .stride = 1, .pad = 1, .count_include_pad = true}));
  BOOST_TEST(test::read(padded, 0) == test::read(inside, 0) * 4.0 / 9.0, boost::test_tools::tolerance(1e-14));
}

BOOST_AUTO_TEST_CASE(factorised_reduction_keeps_less_than_the_map_that_it_reads) {
  Parameter map{.name = "x", .value = test::noise({2, kChannels, 8, 8}, DType::kFloat64, 1)};
  const auto layer = make(Style::kDarts, Primitive::kIdentity, 2);
  Tape tape;
  layer->forward({.tape = &tape}, tape.leaf(map));
  BOOST_TEST(tape.saved_bytes() < map.value.nbytes());
}

BOOST_AUTO_TEST_CASE(training_moves_running_statistics_by_a_tenth_with_the_unbiased_variance) {
  Initial initial{.dtype = DType::kFloat64};
  BatchNorm norm(1, true, initial);
  const Tensor x = Tensor::from({1.0, 2.0, 3.0, 6.0}, {4, 1, 1, 1});  // mean 3, sum of squares 14
  norm.forward({.batch_norm = BatchNormMode::kBatch, .is_training = true}, x);
  BOOST_TEST(test::parameter_named(norm, "running_mean").value.item() == 0.3, boost::test_tools::tolerance(1e-14));
  BOOST_TEST(test::parameter_named(norm, "running_var").value.item() == 0.9 + 0.1 * 14.0 / 3.0,
             boost::test_tools::tolerance(1e-14));
  BOOST_TEST(test::parameter_named(norm, "num_batches_tracked").value.item() == 1.0);
  for (const BatchNormMode mode : {BatchNormMode::kBatch, BatchNormMode::kFrozenBatch, BatchNormMode::kRunning}) {
    norm.forward({.batch_norm = mode}, x);
    norm.run({.batch_norm = mode}, {.z = x});
  }
  BOOST_TEST(test::parameter_named(norm, "num_batches_tracked").value.item() == 1.0);
}

BOOST_AUTO_TEST_CASE(styles_are_read_by_name) {
  BOOST_TEST((parse_style("darts") == Style::kDarts));
  BOOST_TEST((parse_style("bayesnas") == Style::kBayesNas));
  BOOST_CHECK_EXCEPTION(parse_style("nasnet"), UsageError, (test::Says{{"'nasnet'", "bayesnas or darts"}}));
}

BOOST_AUTO_TEST_SUITE_END()
