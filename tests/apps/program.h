#pragma once
// Runs a built program as a user's shell would.
#include <sys/wait.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/support.h"

namespace ockham::test {

struct Outcome {
  int exit_code = 0;  // 128 + n where signal n killed it
  std::string out, err;
};

inline std::string content(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// `ockham-NAME arguments` in `folder`; the arguments are a piece of shell text, redirections included.
inline Outcome run_program(const std::filesystem::path& folder, const std::string& name, const std::string& arguments) {
  const std::filesystem::path out = folder / ".out";
  const std::filesystem::path err = folder / ".err";
  const std::string command = "cd '" + folder.string() + "' && '" OCKHAM_BINARY_DIR "/bin/ockham-" + name + "' >'" +
                              out.string() + "' 2>'" + err.string() + "' " + arguments;
  const int status = std::system(command.c_str());
  Outcome outcome = {WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status), content(out), content(err)};
  std::filesystem::remove(out);
  std::filesystem::remove(err);
  return outcome;
}

}  // namespace ockham::test
