// ockham-compress: makes a network smaller: trains it, or takes it from a checkpoint, prunes groups of its weights in
// cycles and removes what is pruned. The run itself is compress_training.cpp.
#include "apps/compress/compress_training.h"

int main(int argc, char** argv) {
  return ockham::apps::run_main(argc, argv, ockham::apps::compress_app());
}
