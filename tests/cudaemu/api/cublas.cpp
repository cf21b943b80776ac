// cuBLAS: column-major products with the argument checks of the library, done in plain order on the CPU.
#include <cublas_v2.h>
#include <cuda_bf16.h>

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "tests/cudaemu/emu.h"
#include "tests/cudaemu/runtime/heap.h"
#include "tests/cudaemu/runtime/kernels.h"
#include "tests/cudaemu/runtime/stream.h"

struct cublasContext {
  cudaStream_t stream = nullptr;
  cublasMath_t math = CUBLAS_DEFAULT_MATH;
  cublasPointerMode_t pointers = CUBLAS_POINTER_MODE_HOST;
  void* workspace = nullptr;
  std::size_t workspace_bytes = 0;
};

namespace emu {
namespace {

[[noreturn]] void refuse(const char* what, int value) {
  std::fprintf(stderr, "cuda-emu: cuBLAS: %s %d is not emulated\n", what, value);
  std::abort();
}

bool is_transposed(cublasOperation_t operation) {
  if (operation != CUBLAS_OP_N && operation != CUBLAS_OP_T && operation != CUBLAS_OP_C)
    refuse("cublasOperation_t", operation);
  return operation != CUBLAS_OP_N;
}

std::size_t bytes_of(cudaDataType type) {
  switch (type) {
    case CUDA_R_64F:
      return 8;
    case CUDA_R_32F:
      return 4;
    case CUDA_R_16BF:
      return 2;
    default:
      refuse("cudaDataType", type);
  }
}

/// A float as tensor cores take it in this mode: ten bits of mantissa, to nearest even.
float to_tf32(float x) {
  auto bits = std::bit_cast<std::uint32_t>(x);
  if ((bits & 0x7f800000u) == 0x7f800000u)
    return x;
  bits += 0xfffu + (bits >> 13 & 1u);
  return std::bit_cast<float>(bits & 0xffffe000u);
}

/// One matrix of each product of a batch, as the caller describes it.
struct Matrix {
  const void* data;
  cudaDataType type;
  int leading;
  long long stride;
  bool transposed;
  const std::byte* of(int product) const {
    return static_cast<const std::byte*>(data) + static_cast<long long>(bytes_of(type)) * stride * product;
  }
};

struct Product {
  int m, n, k, count;
  Matrix a, b, c;
  bool tf32;
};

double load(const std::byte* data, cudaDataType type, std::size_t index) {
  switch (type) {
    case CUDA_R_64F:
      return reinterpret_cast<const double*>(data)[index];
    case CUDA_R_32F:
      return reinterpret_cast<const float*>(data)[index];
    default:
      return __bfloat162float(reinterpret_cast<const __nv_bfloat16*>(data)[index]);
  }
}

template <class T>
void store(std::byte* data, cudaDataType type, std::size_t index, T value) {
  switch (type) {
    case CUDA_R_64F:
      reinterpret_cast<double*>(data)[index] = static_cast<double>(value);
      break;
    case CUDA_R_32F:
      reinterpret_cast<float*>(data)[index] = static_cast<float>(value);
      break;
    default:
      reinterpret_cast<__nv_bfloat16*>(data)[index] = __nv_bfloat16(static_cast<float>(value));
  }
}

void check_matrix(const Matrix& matrix, int product, int rows, int columns, bool writes, const char* name) {
  if (matrix.transposed)
    std::swap(rows, columns);
  for (int column = 0; column < columns; ++column)
    check_range(matrix.of(product) +
                    bytes_of(matrix.type) * static_cast<std::size_t>(column) * static_cast<std::size_t>(matrix.leading),
                bytes_of(matrix.type) * static_cast<std::size_t>(rows), writes, name);
}

/// op(matrix) with rows next to each other, as numbers of the compute type.
template <class T>
std::vector<T> gather(const Matrix& matrix, int product, int rows, int columns, bool tf32) {
  std::vector<T> dense(static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns));
  const auto leading = static_cast<std::size_t>(matrix.leading);
  const std::byte* const data = matrix.of(product);
  std::size_t next = 0;
  for (std::size_t column = 0; column < static_cast<std::size_t>(columns); ++column) {
    for (std::size_t row = 0; row < static_cast<std::size_t>(rows); ++row) {
      const std::size_t index = matrix.transposed ? row * leading + column : column * leading + row;
      const T value = static_cast<T>(load(data, matrix.type, index));
      dense[next++] = tf32 ? static_cast<T>(to_tf32(static_cast<float>(value))) : value;
    }
  }
  return dense;
}

/// C = alpha op(A) op(B) + beta C of one product; sums run over k in order, in the compute type.
template <class T>
void multiply(const Product& p, int product, T alpha, T beta) {
  const auto m = static_cast<std::size_t>(p.m), k = static_cast<std::size_t>(p.k);
  const std::vector<T> a = gather<T>(p.a, product, p.m, p.k, p.tf32);
  const std::vector<T> b = gather<T>(p.b, product, p.k, p.n, p.tf32);
  auto* const c = const_cast<std::byte*>(p.c.of(product));
  std::vector<T> sums(m);
  for (std::size_t column = 0; column < static_cast<std::size_t>(p.n); ++column) {
    std::fill(sums.begin(), sums.end(), T{0});
    for (std::size_t inner = 0; inner < k; ++inner) {
      const T factor = b[column * k + inner];
      const T* const of_a = a.data() + inner * m;
      for (std::size_t row = 0; row < m; ++row)
        sums[row] += of_a[row] * factor;
    }
    for (std::size_t row = 0; row < m; ++row) {
      const std::size_t index = column * static_cast<std::size_t>(p.c.leading) + row;
      const T old = beta == T{0} ? T{0} : static_cast<T>(load(c, p.c.type, index));  // NaNs there do not count
      store(c, p.c.type, index, alpha * sums[row] + beta * old);
    }
  }
}

template <class T>
void run(const Product& p, T alpha, T beta) {
  const DeviceAccess access;
  for (int product = 0; product < p.count; ++product) {
    if (p.k > 0 && alpha != T{0}) {
      check_matrix(p.a, product, p.m, p.k, false, "cuBLAS (A)");
      check_matrix(p.b, product, p.k, p.n, false, "cuBLAS (B)");
    }
    if (beta != T{0})
      check_matrix(p.c, product, p.m, p.n, false, "cuBLAS (C)");
    check_matrix(p.c, product, p.m, p.n, true, "cuBLAS (C)");
    multiply<T>(p, product, alpha, beta);
  }
}

/// Scalars on the host are read at the call, those on the device when the stream gets there.
template <class T>
cublasStatus_t enqueue_product(const cublasContext& handle, const Product& p, const void* alpha, const void* beta) {
  const auto* const a = static_cast<const T*>(alpha);
  const auto* const b = static_cast<const T*>(beta);
  std::function<void()> work;
  if (handle.pointers == CUBLAS_POINTER_MODE_HOST) {
    work = [p, a = *a, b = *b] { run<T>(p, a, b); };
  } else {
    work = [p, a, b] {
      check_range(a, sizeof(T), false, "cuBLAS (alpha)");
      check_range(b, sizeof(T), false, "cuBLAS (beta)");
      T scalars[2];
      {
        const DeviceAccess access;
        scalars[0] = *a;
        scalars[1] = *b;
      }
      run<T>(p, scalars[0], scalars[1]);
    };
  }
  // What the library may leave in its workspace: nobody else keeps anything there.
  const auto clobber = [space = handle.workspace, bytes = std::min<std::size_t>(handle.workspace_bytes, 4096)] {
    if (bytes == 0)
      return;
    const DeviceAccess access;
    const Named* const operands = std::exchange(named, nullptr);  // the workspace is none
    check_range(space, bytes, true, "cuBLAS (workspace)");
    named = operands;
    std::memset(space, 0xff, bytes);
  };
  const cudaError_t error = enqueue(handle.stream, {[work, clobber] {
                                                      clobber();
                                                      work();
                                                    },
                                                    cudaGraphNodeTypeKernel, "gemm"});
  return error == cudaSuccess ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_EXECUTION_FAILED;
}

bool is_legal(const Product& p) {
  const auto fits = [](const Matrix& matrix, int rows, int columns) {
    return matrix.leading >= std::max(1, matrix.transposed ? columns : rows);
  };
  return p.m >= 0 && p.n >= 0 && p.k >= 0 && p.count >= 0 && fits(p.a, p.m, p.k) && fits(p.b, p.k, p.n) &&
         fits(p.c, p.m, p.n);
}

/// Which types go together, as the table of cublasGemmEx has it, as far as it is emulated.
bool is_supported(const Product& p, bool is_double) {
  if (p.a.type != p.b.type)
    return false;
  if (is_double)
    return p.a.type == CUDA_R_64F && p.c.type == CUDA_R_64F;
  return (p.a.type == CUDA_R_32F && p.c.type == CUDA_R_32F) ||
         (p.a.type == CUDA_R_16BF && (p.c.type == CUDA_R_16BF || p.c.type == CUDA_R_32F));
}

cublasStatus_t gemm(cublasHandle_t handle, Product p, const void* alpha, const void* beta,
                    cublasComputeType_t compute) {
  const Lock lock;
  if (handle == nullptr)
    return CUBLAS_STATUS_NOT_INITIALIZED;
  if (!is_legal(p) || alpha == nullptr || beta == nullptr)
    return CUBLAS_STATUS_INVALID_VALUE;
  bool is_double = false;
  switch (compute) {
    case CUBLAS_COMPUTE_64F:
    case CUBLAS_COMPUTE_64F_PEDANTIC:
      is_double = true;
      break;
    case CUBLAS_COMPUTE_32F:
      p.tf32 = handle->math == CUBLAS_TF32_TENSOR_OP_MATH;
      break;
    case CUBLAS_COMPUTE_32F_FAST_TF32:
      p.tf32 = true;
      break;
    case CUBLAS_COMPUTE_32F_PEDANTIC:
      break;
    default:
      refuse("cublasComputeType_t", compute);
  }
  for (const Matrix* matrix : {&p.a, &p.b, &p.c})
    bytes_of(matrix->type);  // refuses unknown ones
  if (!is_supported(p, is_double))
    return CUBLAS_STATUS_NOT_SUPPORTED;
  p.tf32 = p.tf32 && p.a.type == CUDA_R_32F;
  if (p.m == 0 || p.n == 0 || p.count == 0)
    return CUBLAS_STATUS_SUCCESS;
  return is_double ? enqueue_product<double>(*handle, p, alpha, beta) : enqueue_product<float>(*handle, p, alpha, beta);
}

}  // namespace
}  // namespace emu

using namespace emu;

const char* cublasGetStatusName(cublasStatus_t status) {
  switch (status) {
#define EMU_NAME(name, value, text) \
  case name:                        \
    return #name;
    EMU_CUBLAS_STATUSES(EMU_NAME)
#undef EMU_NAME
  }
  return "an unknown status";
}

const char* cublasGetStatusString(cublasStatus_t status) {
  switch (status) {
#define EMU_TEXT(name, value, text) \
  case name:                        \
    return text;
    EMU_CUBLAS_STATUSES(EMU_TEXT)
#undef EMU_TEXT
  }
  return "an unknown status";
}

cublasStatus_t cublasCreate(cublasHandle_t* handle) {
  if (handle == nullptr)
    return CUBLAS_STATUS_INVALID_VALUE;
  *handle = new cublasContext;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasDestroy(cublasHandle_t handle) {
  if (handle == nullptr)
    return CUBLAS_STATUS_NOT_INITIALIZED;
  delete handle;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGetVersion(cublasHandle_t, int* version) {
  *version = 130000;
  return CUBLAS_STATUS_SUCCESS;
}

/// As documented, another stream takes the workspace away: it has to be set again.
cublasStatus_t cublasSetStream(cublasHandle_t handle, cudaStream_t stream) {
  const Lock lock;
  if (handle == nullptr)
    return CUBLAS_STATUS_NOT_INITIALIZED;
  if (find_stream(stream) == nullptr)
    return CUBLAS_STATUS_INVALID_VALUE;
  handle->stream = stream;
  handle->workspace = nullptr;
  handle->workspace_bytes = 0;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGetStream(cublasHandle_t handle, cudaStream_t* stream) {
  if (handle == nullptr)
    return CUBLAS_STATUS_NOT_INITIALIZED;
  *stream = handle->stream;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetWorkspace(cublasHandle_t handle, void* workspace, std::size_t bytes) {
  const Lock lock;
  if (handle == nullptr)
    return CUBLAS_STATUS_NOT_INITIALIZED;
  if (reinterpret_cast<std::uintptr_t>(workspace) % 256 != 0 || (workspace != nullptr && !on_heap(workspace)))
    return CUBLAS_STATUS_INVALID_VALUE;
  handle->workspace = workspace;
  handle->workspace_bytes = bytes;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetMathMode(cublasHandle_t handle, cublasMath_t mode) {
  if (handle == nullptr)
    return CUBLAS_STATUS_NOT_INITIALIZED;
  if (mode != CUBLAS_DEFAULT_MATH && mode != CUBLAS_PEDANTIC_MATH && mode != CUBLAS_TF32_TENSOR_OP_MATH)
    refuse("cublasMath_t", mode);
  handle->math = mode;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGetMathMode(cublasHandle_t handle, cublasMath_t* mode) {
  if (handle == nullptr)
    return CUBLAS_STATUS_NOT_INITIALIZED;
  *mode = handle->math;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetPointerMode(cublasHandle_t handle, cublasPointerMode_t mode) {
  if (handle == nullptr)
    return CUBLAS_STATUS_NOT_INITIALIZED;
  if (mode != CUBLAS_POINTER_MODE_HOST && mode != CUBLAS_POINTER_MODE_DEVICE)
    refuse("cublasPointerMode_t", mode);
  handle->pointers = mode;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGetPointerMode(cublasHandle_t handle, cublasPointerMode_t* mode) {
  if (handle == nullptr)
    return CUBLAS_STATUS_NOT_INITIALIZED;
  *mode = handle->pointers;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetAtomicsMode(cublasHandle_t handle, cublasAtomicsMode_t mode) {
  if (handle == nullptr)
    return CUBLAS_STATUS_NOT_INITIALIZED;
  if (mode != CUBLAS_ATOMICS_NOT_ALLOWED)
    refuse("cublasAtomicsMode_t (results would change from run to run)", mode);
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGemmStridedBatchedEx(cublasHandle_t handle, cublasOperation_t transa, cublasOperation_t transb,
                                          int m, int n, int k, const void* alpha, const void* a, cudaDataType a_type,
                                          int lda, long long stride_a, const void* b, cudaDataType b_type, int ldb,
                                          long long stride_b, const void* beta, void* c, cudaDataType c_type, int ldc,
                                          long long stride_c, int count, cublasComputeType_t compute_type,
                                          cublasGemmAlgo_t algorithm) {
  if (algorithm != CUBLAS_GEMM_DEFAULT && algorithm != CUBLAS_GEMM_DEFAULT_TENSOR_OP)
    refuse("cublasGemmAlgo_t", algorithm);
  return gemm(handle,
              {m,
               n,
               k,
               count,
               {a, a_type, lda, stride_a, is_transposed(transa)},
               {b, b_type, ldb, stride_b, is_transposed(transb)},
               {c, c_type, ldc, stride_c, false},
               false},
              alpha, beta, compute_type);
}

cublasStatus_t cublasGemmEx(cublasHandle_t handle, cublasOperation_t transa, cublasOperation_t transb, int m, int n,
                            int k, const void* alpha, const void* a, cudaDataType a_type, int lda, const void* b,
                            cudaDataType b_type, int ldb, const void* beta, void* c, cudaDataType c_type, int ldc,
                            cublasComputeType_t compute_type, cublasGemmAlgo_t algorithm) {
  return cublasGemmStridedBatchedEx(handle, transa, transb, m, n, k, alpha, a, a_type, lda, 0, b, b_type, ldb, 0, beta,
                                    c, c_type, ldc, 0, 1, compute_type, algorithm);
}

cublasStatus_t cublasSgemmStridedBatched(cublasHandle_t handle, cublasOperation_t transa, cublasOperation_t transb,
                                         int m, int n, int k, const float* alpha, const float* a, int lda,
                                         long long stride_a, const float* b, int ldb, long long stride_b,
                                         const float* beta, float* c, int ldc, long long stride_c, int count) {
  return cublasGemmStridedBatchedEx(handle, transa, transb, m, n, k, alpha, a, CUDA_R_32F, lda, stride_a, b, CUDA_R_32F,
                                    ldb, stride_b, beta, c, CUDA_R_32F, ldc, stride_c, count, CUBLAS_COMPUTE_32F,
                                    CUBLAS_GEMM_DEFAULT);
}

cublasStatus_t cublasDgemmStridedBatched(cublasHandle_t handle, cublasOperation_t transa, cublasOperation_t transb,
                                         int m, int n, int k, const double* alpha, const double* a, int lda,
                                         long long stride_a, const double* b, int ldb, long long stride_b,
                                         const double* beta, double* c, int ldc, long long stride_c, int count) {
  return cublasGemmStridedBatchedEx(handle, transa, transb, m, n, k, alpha, a, CUDA_R_64F, lda, stride_a, b, CUDA_R_64F,
                                    ldb, stride_b, beta, c, CUDA_R_64F, ldc, stride_c, count, CUBLAS_COMPUTE_64F,
                                    CUBLAS_GEMM_DEFAULT);
}

cublasStatus_t cublasSgemm(cublasHandle_t handle, cublasOperation_t transa, cublasOperation_t transb, int m, int n,
                           int k, const float* alpha, const float* a, int lda, const float* b, int ldb,
                           const float* beta, float* c, int ldc) {
  return cublasSgemmStridedBatched(handle, transa, transb, m, n, k, alpha, a, lda, 0, b, ldb, 0, beta, c, ldc, 0, 1);
}

cublasStatus_t cublasDgemm(cublasHandle_t handle, cublasOperation_t transa, cublasOperation_t transb, int m, int n,
                           int k, const double* alpha, const double* a, int lda, const double* b, int ldb,
                           const double* beta, double* c, int ldc) {
  return cublasDgemmStridedBatched(handle, transa, transb, m, n, k, alpha, a, lda, 0, b, ldb, 0, beta, c, ldc, 0, 1);
}
