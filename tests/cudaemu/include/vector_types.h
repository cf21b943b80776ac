// CUDA on the CPU: dim3 and the built-in vector types with their alignments and make_ functions.
#pragma once

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned nx = 1, unsigned ny = 1, unsigned nz = 1) : x(nx), y(ny), z(nz) {}
};

// One family: TYPE1..TYPE4 of a scalar, aligned as the device aligns them (2 and 4 components to their size, at most
// 16).
#define EMU_VECTOR_FAMILY(TYPE, SCALAR)                                      \
  struct TYPE##1 {                                                           \
    SCALAR x;                                                                \
  };                                                                         \
  struct alignas(2 * sizeof(SCALAR)) TYPE##2 {                               \
    SCALAR x, y;                                                             \
  };                                                                         \
  struct TYPE##3 {                                                           \
    SCALAR x, y, z;                                                          \
  };                                                                         \
  struct alignas(sizeof(SCALAR) == 8 ? 16 : 4 * sizeof(SCALAR)) TYPE##4 {    \
    SCALAR x, y, z, w;                                                       \
  };                                                                         \
  constexpr TYPE##1 make_##TYPE##1(SCALAR x) {                               \
    return {x};                                                              \
  }                                                                          \
  constexpr TYPE##2 make_##TYPE##2(SCALAR x, SCALAR y) {                     \
    return {x, y};                                                           \
  }                                                                          \
  constexpr TYPE##3 make_##TYPE##3(SCALAR x, SCALAR y, SCALAR z) {           \
    return {x, y, z};                                                        \
  }                                                                          \
  constexpr TYPE##4 make_##TYPE##4(SCALAR x, SCALAR y, SCALAR z, SCALAR w) { \
    return {x, y, z, w};                                                     \
  }

EMU_VECTOR_FAMILY(char, signed char)
EMU_VECTOR_FAMILY(uchar, unsigned char)
EMU_VECTOR_FAMILY(short, short)
EMU_VECTOR_FAMILY(ushort, unsigned short)
EMU_VECTOR_FAMILY(int, int)
EMU_VECTOR_FAMILY(uint, unsigned)
EMU_VECTOR_FAMILY(longlong, long long)
EMU_VECTOR_FAMILY(ulonglong, unsigned long long)
EMU_VECTOR_FAMILY(float, float)
EMU_VECTOR_FAMILY(double, double)
#undef EMU_VECTOR_FAMILY
