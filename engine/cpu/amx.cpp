#include "engine/cpu/amx.h"

#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "engine/error.h"
#endif

namespace ockham::cpu {
namespace {

#if defined(__x86_64__) && defined(__linux__)
std::string find_obstacle() {
  constexpr unsigned kTiles = 1u << 24, kBFloat16 = 1u << 22;  // CPUID leaf 7, EDX
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) == 0 || (edx & kTiles) == 0 || (edx & kBFloat16) == 0)
    return "this processor has no matrix tiles";
  constexpr long kRequestPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  if (syscall(SYS_arch_prctl, kRequestPermission, kTileData) != 0)
    return concat("the kernel gives no permission (", std::strerror(errno), ")");
  return {};
}
#else
std::string find_obstacle() {
  return "they are used on Linux for x86-64 only";
}
#endif

}  // namespace

const std::string& amx_obstacle() {
  static const std::string obstacle = find_obstacle();
  return obstacle;
}

}  // namespace ockham::cpu
