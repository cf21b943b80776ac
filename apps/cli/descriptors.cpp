#include "apps/cli/descriptors.h"

#include <fcntl.h>
#include <unistd.h>

#include <initializer_list>

namespace ockham::apps {

void secure_standard_descriptors() {
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(descriptor, F_GETFD) == -1)  // the lowest closed one, which open() then takes
      ::open("/dev/null", descriptor == STDERR_FILENO ? O_WRONLY : O_RDONLY);
  }
}

}  // namespace ockham::apps
