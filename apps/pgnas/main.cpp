// ockham-pgnas: learns which channels a network needs, draws networks from what it learned, and from chance.
// The run itself is pgnas_training.cpp.
#include "apps/pgnas/pgnas_training.h"

int main(int argc, char** argv) {
  using namespace ockham::apps;
  return run_main(argc, argv,
                  app_of("pgnas",
                         "Trains a network of branches together with the drop probabilities of its channels, draws "
                         "networks from them and at random, ranks both groups.",
                         run_pgnas, declare_pgnas));
}
