#pragma once
// Stopping on request: signals ask the program to finish its step, save and exit with 75.
namespace ockham::apps {

/// From now on these signals set stop_requested():
///   SIGINT, SIGTERM    a second one ends the process at once with 128 + its number
///   SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU  the terminal is gone; a batch system's time is nearly up. They come in numbers,
///                      so a second one ends nothing. One that was ignored at the start (nohup) stays ignored.
/// SIGPIPE and SIGXFSZ are ignored: a write to a closed pipe or past the largest file fails instead, which whoever
/// wrote can tell of.
void watch_stop_signals();

/// Should the program save and return? Loops ask after each step.
bool stop_requested();

/// Thrown through work that cannot return half done.
struct Interrupted {};
/// @throws Interrupted if the program should save and return
void check_stop();

}  // namespace ockham::apps
