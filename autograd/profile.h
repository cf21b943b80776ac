#pragma once
// Profile: where the time of a step goes, pass by pass and op by op. Off unless a Profile lives; one branch then.
#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "autograd/op.h"

namespace ockham {

/// What one call of a pass is known by, and what it moves and computes.
struct ProfiledCall {
  /// forward, vjp, jvp, jvp_curvature, weight_diagonal, sample_gradients, factor, recursion, or optimizer
  std::string pass;
  std::string op;      ///< its name
  std::string detail;  ///< attributes and input shapes, directions first
  std::string kernel;  ///< the kernel that ran and why others did not (CountsFlops::kernel); empty: the op has one only
  double bytes = 0.0;  ///< of the tensors that the pass reads and writes, each once
  double flops = 0.0;  ///< two a multiply-accumulate; 0: not counted
};

/// One pass of one op on `x`. `bytes` as in ProfiledCall; `evaluations`: how many forward evaluations its arithmetic
/// amounts to, the factor on CountsFlops::flops().
ProfiledCall describe_call(std::string_view pass, const Op& op, std::span<const Spec> x, std::int64_t D, double bytes,
                           double evaluations);
/// Bytes of those that are defined.
double defined_bytes(Inputs tensors);

/// Collects the passes that its thread runs from its construction to stop().
class Profile {
 public:
  /// All calls of one pass, op, detail and kernel.
  struct Row {
    ProfiledCall call;  ///< bytes and flops are sums
    std::int64_t calls = 0;
    double seconds = 0.0;
  };

  /// @throws Error if this thread is profiled already
  Profile();
  ~Profile() { stop(); }
  Profile(const Profile&) = delete;
  Profile& operator=(const Profile&) = delete;

  /// The one of this thread; null where nothing is profiled.
  static Profile* current() { return current_; }

  void add(ProfiledCall call, double seconds);
  /// The end: later passes and later time do not count.
  void stop();
  /// By time, longest first.
  std::vector<Row> rows() const;
  /// Seconds from construction to stop(), and those of them that no row has: building graphs, copying gradients,
  /// reading data.
  double seconds() const { return seconds_; }
  double seconds_outside() const { return seconds_ - inside_; }

 private:
  using Clock = std::chrono::steady_clock;
  using Key = std::tuple<std::string, std::string, std::string, std::string>;

  static inline thread_local Profile* current_ = nullptr;
  std::map<Key, Row> rows_;
  Clock::time_point start_ = Clock::now();
  double inside_ = 0.0;
  double seconds_ = 0.0;
};

/// Runs `work`, and if this thread has a profile tells it what describe() says (asked afterwards) and the time.
template <class Work, class Describe>
void profiled(Work&& work, Describe&& describe) {
  Profile* profile = Profile::current();
  if (profile == nullptr) {
    work();
    return;
  }
  const auto start = std::chrono::steady_clock::now();
  work();
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
  profile->add(describe(), time.count());
}

}  // namespace ockham
