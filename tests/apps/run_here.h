#pragma once
// Runs a program within the test, with its standard streams in hand.
#include <sstream>

#include "apps/runs/program.h"
#include "tests/apps/program.h"

namespace ockham::test {

/// Points a standard stream at a buffer for a while.
class Redirect {
 public:
  Redirect(std::ostream& stream, std::streambuf* buffer) : stream_(stream), old_(stream.rdbuf(buffer)) {}
  ~Redirect() { stream_.rdbuf(old_); }

 private:
  std::ostream& stream_;
  std::streambuf* old_;
};

inline Outcome run_here(const apps::App& app, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "ockham-" + app.name);
  std::vector<char*> argv;
  for (std::string& argument : arguments)
    argv.push_back(argument.data());
  std::ostringstream out, err;
  const Redirect to_out(std::cout, out.rdbuf());
  const Redirect to_err(std::cerr, err.rdbuf());
  const int exit_code = apps::run_main(static_cast<int>(argv.size()), argv.data(), app);
  return {exit_code, out.str(), err.str()};
}

}  // namespace ockham::test
