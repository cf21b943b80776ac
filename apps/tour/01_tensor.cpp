// Tour 1 of 5: tensors. A Tensor is a handle on a block of memory with a shape; views look at the same block.
#include "apps/tour/claim.h"
#include "engine/math.h"
#include "engine/random.h"
#include "engine/tensor.h"

using namespace ockham;

int main() {
  std::cout << "A tensor from values, row by row:\n";
  Tensor a = Tensor::from({1.0f, 2.0f, 3.0f, 4.0f, 5.0f, 6.0f}, {2, 3});
  std::cout << "  a is " << a.spec() << " with strides " << a.stride(0) << " and " << a.stride(1) << '\n';
  claim(a.data<float>()[1 * a.stride(0) + 2 * a.stride(1)] == 6.0f, "element (1, 2) lies at 1 * 3 + 2 * 1");

  std::cout << "Copying a handle is cheap and shares the block; clone() copies the block:\n";
  Tensor same = a;
  const Tensor copy = a.clone();
  same.data<float>()[0] = 10.0f;
  claim(a.data<float>()[0] == 10.0f, "writing through one handle shows in the other");
  claim(copy.data<float>()[0] == 1.0f, "and not in the clone");

  std::cout << "Views never copy. Kernels want row-major tensors, which contiguous() makes where needed:\n";
  const Tensor column = a.slice(1, 1, 2);
  const Tensor turned = a.transpose(0, 1);
  claim(turned.shape() == Shape{3, 2} && turned.shares_storage_with(a), "a transpose swaps shape and strides only");
  claim(!column.is_contiguous() && column.contiguous().data<float>()[1] == 5.0f, "a column is strided");

  std::cout << "Sums are taken in double over fixed chunks, so their bits do not depend on the threads:\n";
  claim(sum(a) == 30.0, "10 + 2 + 3 + 4 + 5 + 6 = 30");
  claim(dot(a, a) == 190.0, "the squared length is 190");

  std::cout << "Random numbers have addresses (seed, purpose, step, index) and no hidden state:\n";
  const RandomKey key{.seed = 7, .purpose = Purpose::kInit, .step = 3};
  Tensor noise({2, 3});
  fill_normal(noise, key);
  claim(noise.data<float>()[4] == static_cast<float>(normal(key, 4)), "element 4 is number 4 of its stream");

  std::cout << "Mistakes are told with every number:\n";
  try {
    a.reshape({4, 2});
    claim(false, "reshape to another number of elements is refused");
  } catch (const ShapeError& e) {
    std::cout << "  " << e.what() << '\n';
  }
}
