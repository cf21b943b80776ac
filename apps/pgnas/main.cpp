// ockham-pgnas: learns which channels a network needs, draws networks from what it learned, and from chance.
// The run itself is pgnas_training.cpp.
#include "apps/pgnas/pgnas_training.h"

int main(int argc, char** argv) {
  return ockham::apps::run_main(argc, argv,
                                {.name = "pgnas",
                                 .purpose = "Trains a network of branches together with the drop probabilities of its "
                                            "channels, draws networks from them and at random, ranks both groups.",
                                 .declare = ockham::apps::declare_pgnas,
                                 .run = ockham::apps::run_pgnas});
}
