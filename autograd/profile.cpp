#include "autograd/profile.h"

#include <algorithm>

#include "autograd/side_interfaces.h"
#include "engine/math.h"

namespace ockham {

ProfiledCall describe_call(std::string_view pass, const Op& op, std::span<const Spec> x, std::int64_t D, double bytes,
                           double evaluations) {
  std::string detail = D == 1 ? std::string() : concat("D=", D, ' ');
  if (const std::string attrs = op.attrs(); !attrs.empty())
    detail += attrs + ' ';
  constexpr std::size_t kShown = 3;  // a concat of forty inputs says nothing more by naming them all
  for (std::size_t i = 0; i < std::min(x.size(), kShown); ++i)
    detail += concat(i == 0 ? "" : ",", x[i].shape);
  if (x.size() > kShown)
    detail += concat(",... ", x.size(), " inputs");
  const auto* more = op.as<CountsFlops>();
  return {.pass = std::string(pass),
          .op = std::string(op.name()),
          .detail = std::move(detail),
          .kernel = more ? more->kernel(x) : std::string(),
          .bytes = bytes,
          .flops = more ? evaluations * more->flops(x) : 0.0};
}

double defined_bytes(Inputs tensors) {
  double total = 0.0;
  for (const Tensor& t : tensors) {
    if (t)
      total += static_cast<double>(t.numel()) * static_cast<double>(size_of(t.dtype()));
  }
  return total;
}

Profile::Profile() {
  if (current_ != nullptr)
    throw Error("profile: this thread has one already; stop it before the next begins.");
  current_ = this;
}

void Profile::stop() {
  if (current_ != this)
    return;
  current_ = nullptr;
  seconds_ = std::chrono::duration<double>(Clock::now() - start_).count();
}

void Profile::add(ProfiledCall call, double seconds) {
  inside_ += seconds;
  Row& row = rows_[{call.pass, call.op, call.detail, call.kernel}];
  ++row.calls;
  row.seconds += seconds;
  call.bytes += row.call.bytes;
  call.flops += row.call.flops;
  row.call = std::move(call);
}

std::vector<Profile::Row> Profile::rows() const {
  std::vector<Row> rows;
  for (const auto& [key, row] : rows_)
    rows.push_back(row);
  std::ranges::stable_sort(rows, std::ranges::greater{}, &Row::seconds);
  return rows;
}

}  // namespace ockham
