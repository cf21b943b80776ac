#pragma once
// What proxies make of the matrices that they collect, all in float64.
#include <cstdint>
#include <span>
#include <vector>

namespace ockham::nas::proxies {

/// log |det K| of a symmetric K [n, n]; minus infinity where K is singular.
double log_determinant(std::span<const double> K, std::int64_t n);
/// codes [n, units] of 0 and 1: K[i, j] += the number of units in which i and j agree.
void add_agreements(std::span<const char> codes, std::int64_t n, std::span<double> K);
/// Distinct rows of patterns [n, units].
std::int64_t count_regions(std::span<const char> patterns, std::int64_t n);
/// Of the rows of J [n, length]; see jacobian_covariance().
double correlation_score(std::span<const double> J, std::int64_t n);
/// Largest over smallest eigenvalue of G G^T, G [n, length]; 1e5 where that is no number.
double condition_number(std::span<const double> G, std::int64_t n);
/// M += R^T R, of rows R [any, n] and M [n, n].
void add_gram(std::span<const double> R, std::int64_t n, std::span<double> M);
/// Entropy in nats of the nine deciles of `values`, each as its part of their sum: log 9 where all are equal, 0 where
/// the largest is all there is. Between values deciles are interpolated. Values below zero count as zero.
double decile_entropy(std::vector<double> values);
/// decile_entropy() of the eigenvalues of a symmetric M [n, n].
double spectrum_entropy(std::span<const double> M, std::int64_t n);

}  // namespace ockham::nas::proxies
