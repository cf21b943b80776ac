// What nvcc is to make of kernels.h. Taking an address asks for a kernel, as a launch does.
#include "tests/cudaemu/ptx/suite/kernels.h"

namespace ptx_kernels {

template <class... Kernel>
struct Ask {
  static const void* addresses() {
    static const void* const all[] = {reinterpret_cast<const void*>(run_one<Kernel>)...,
                                      reinterpret_cast<const void*>(run_many<Kernel>)...};
    return all;
  }
};

const void* kernel_addresses() {
  return Ask<Affine<float>, Affine<double>, RowSum, TreeSum, Depthwise, Divide, Philox, Switch, Sort, Functions<float>,
             Functions<double>, RoundToBFloat16, Tables, Bits, Histogram, Warps, Vectors, Conversions>::addresses();
}

}  // namespace ptx_kernels
