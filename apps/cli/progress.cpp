#include "apps/cli/progress.h"

#include <algorithm>
#include <cmath>

#include "apps/cli/host.h"
#include "apps/cli/text/format.h"

namespace ockham::apps {
namespace {

constexpr double kMemorySeconds = 30;
constexpr double kLiveInterval = 0.1;
constexpr double kPlainInterval = 10;
constexpr std::int64_t kBarWidth = 12;

std::string percent(double share) {
  return std::to_string(std::lround(100 * share)) + "%";
}

}  // namespace

void Pace::add(double seconds, double wait, std::int64_t images) {
  const double kept = std::exp(-seconds / kMemorySeconds);
  steps_ = steps_ * kept + 1;
  seconds_ = seconds_ * kept + seconds;
  wait_ = wait_ * kept + wait;
  images_ = images_ * kept + static_cast<double>(images);
}

double Pace::seconds_for(std::int64_t steps) const {
  return steps_ > 0 ? seconds_ / steps_ * static_cast<double>(steps) : -1;
}

Progress::Progress(Log& log, std::string what, std::int64_t steps, std::int64_t done, Clock clock)
    : log_(log),
      what_(std::move(what)),
      steps_(steps),
      done_(done),
      clock_(clock ? std::move(clock) : Clock(monotonic_seconds)),
      begin_(clock_()),
      last_step_(begin_),
      last_shown_(begin_) {}

void Progress::advance(std::int64_t images, double data_wait_seconds, std::string_view detail) {
  const double now = clock_();
  pace_.add(now - last_step_, data_wait_seconds, images);
  last_step_ = now;
  images_ += images;
  ++done_;
  if (now - last_shown_ < (log_.style().live ? kLiveInterval : kPlainInterval))
    return;
  last_shown_ = now;
  if (log_.style().live)
    log_.live(what_ + " " + bar() + " " + state(detail));
  else
    log_.line(what_ + ": " + state(detail));
}

void Progress::finish() {
  log_.live("");
  const double seconds = clock_() - begin_;
  std::string text = what_ + ": done in " + format_duration(seconds);
  if (images_ > 0 && seconds > 0)
    text += ", " + format_count(std::llround(static_cast<double>(images_) / seconds)) + " images/s";
  log_.line(text);
}

std::string Progress::state(std::string_view detail) const {
  const double share = steps_ > 0 ? static_cast<double>(done_) / static_cast<double>(steps_) : 0;
  std::string text = percent(share) + " " + format_count(done_) + "/" + format_count(steps_);
  text += ", " + format_duration(pace_.seconds_for(steps_ - done_)) + " left";
  if (images_ > 0) {
    text += ", " + format_count(std::llround(pace_.images_per_second())) + " images/s";
    if (peak_ > 0)
      text += " (" + percent(pace_.images_per_second() / peak_) + " of GEMM)";
    text += ", data wait " + percent(pace_.data_wait());
  }
  return text + (detail.empty() ? "" : ", ") + std::string(detail);
}

std::string Progress::bar() const {
  const std::int64_t full = steps_ > 0 ? std::clamp<std::int64_t>(done_ * kBarWidth / steps_, 0, kBarWidth) : 0;
  return "[" + std::string(static_cast<std::size_t>(full), '=') +
         std::string(static_cast<std::size_t>(kBarWidth - full), ' ') + "]";
}

}  // namespace ockham::apps
