#pragma once
// How far a long loop is: a live bar on a terminal, else a plain line every ten seconds.
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "apps/cli/log.h"

namespace ockham::apps {

/// Speed over about the last half minute: older steps count exponentially less, so that a slow start is forgotten.
class Pace {
 public:
  /// One step that took `seconds`, `wait` of them waiting for data, and handled `images`.
  void add(double seconds, double wait, std::int64_t images);
  double images_per_second() const { return seconds_ > 0 ? images_ / seconds_ : 0; }
  /// Share of the time spent waiting for data, 0 to 1.
  double data_wait() const { return seconds_ > 0 ? wait_ / seconds_ : 0; }
  /// Seconds that so many more steps will take; negative while unknown.
  double seconds_for(std::int64_t steps) const;

 private:
  double steps_ = 0, seconds_ = 0, wait_ = 0, images_ = 0;
};

class Progress {
 public:
  using Clock = std::function<double()>;  // seconds

  /// @param what names the work, such as "search"
  /// @param done steps that an earlier run has already taken
  Progress(Log& log, std::string what, std::int64_t steps, std::int64_t done = 0, Clock clock = {});
  ~Progress() { log_.live(""); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// What the machine could do at most: the log then tells the share that is reached.
  void set_peak(double images_per_second) { peak_ = images_per_second; }

  /// A step is done. @param detail what else to show, such as "loss 1.23"
  void advance(std::int64_t images, double data_wait_seconds, std::string_view detail = "");
  /// Prints the total time. Not called when the loop is left early.
  void finish();
  const Pace& pace() const { return pace_; }

 private:
  std::string state(std::string_view detail) const;
  std::string bar() const;

  Log& log_;
  std::string what_;
  std::int64_t steps_;
  std::int64_t done_;
  Clock clock_;
  double begin_, last_step_, last_shown_;
  std::int64_t images_ = 0;
  double peak_ = 0.0;  ///< images a second; 0: not known
  Pace pace_;
};

}  // namespace ockham::apps
