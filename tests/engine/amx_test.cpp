// The instructions of matrix tiles, where a machine has them; tile_product() on a model of them: gemm_bf16_test.cpp.
#include "engine/cpu/amx.h"

#include "tests/engine/pair_product.h"
#include "tests/support.h"

using namespace ockham;

BOOST_AUTO_TEST_SUITE(amx)

BOOST_AUTO_TEST_CASE(amx_is_a_float32_sum_of_exact_products) {
  if (!cpu::amx_obstacle().empty())
    return test::skip(cpu::amx_obstacle());
  test::check_kernel(cpu::PairKernel::kTiles);
}

BOOST_AUTO_TEST_SUITE_END()
