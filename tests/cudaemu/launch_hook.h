#pragma once
// How a launch is handed over: a kernel with its arguments, and the hook by which another engine runs it, such as the
// interpreter of the PTX that nvcc made of the same source.
#include <vector_types.h>

#include <cstddef>
#include <string>

namespace emu {

/// A kernel and its arguments by value, as a launch leaves them to the device.
class Pack {
 public:
  virtual ~Pack() = default;
  /// Runs the compiled kernel for the thread that threadIdx & co name.
  virtual void call() const = 0;
  virtual int count() const = 0;
  /// Addresses and sizes of the `count()` arguments, in order. A `__grid_constant__` parameter counts as its value.
  virtual void list(const void** values, std::size_t* sizes) const = 0;
};

/// The most bytes that the parameters of a kernel may have.
constexpr std::size_t kMaxParameterBytes = 32764;

/// Runs a whole launch in place of the compiled kernel.
/// @param name the linker's name of the compiled kernel. nvcc's differs where a parameter is `const T
/// __grid_constant__`,
///   which is a reference here: compare by `signature_of`.
/// @return false to have the compiled kernel run
using LaunchHook = bool (*)(const char* name, dim3 grid, dim3 block, std::size_t dynamic_bytes, const Pack& pack);

/// Null: kernels run as compiled. Set before the first launch.
extern LaunchHook launch_hook;

/// "void ockham::cuda::run<Kernel>(Kernel)" of either the name in PTX or the one here: demangled, and parameters that
/// are references to constants shown by value.
std::string signature_of(const char* mangled_name);

}  // namespace emu
