#pragma once
// Stopping on request: SIGINT and SIGTERM ask the program to finish its step, save and exit with 75.
namespace ockham::apps {

/// From now on the first SIGINT or SIGTERM sets stop_requested(), a second one ends the process at once with 128 + its
/// number.
void watch_stop_signals();

/// Should the program save and return? Loops ask after each step.
bool stop_requested();

/// Thrown through work that cannot return half done.
struct Interrupted {};
/// @throws Interrupted if the program should save and return
void check_stop();

}  // namespace ockham::apps
