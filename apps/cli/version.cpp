#include "apps/cli/version.h"

namespace ockham::apps {

const char* version() {
  return OCKHAM_VERSION;
}
const char* commit() {
  return OCKHAM_COMMIT;
}

}  // namespace ockham::apps
