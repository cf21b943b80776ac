#pragma once
// What this machine multiplies matrices at: the measure beside which a run's log puts its own arithmetic.
namespace ockham::apps {

/// Floating-point operations a second of float32 matrix products on all threads, the best of a few tries within about
/// 30 ms.
double measure_gemm_rate();

}  // namespace ockham::apps
