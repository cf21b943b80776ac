// Affinity masks and quotas of control groups, in file systems made by the test, and how many threads they give.
#include "engine/processors.h"

#include <omp.h>
#include <sched.h>

#include <cstdlib>
#include <fstream>

#include "engine/parallel.h"
#include "tests/support.h"

namespace ockham {
namespace {

struct Root : test::TemporaryFolder {
  /// Writes a file below the root.
  const Root& with(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories((path() / name).parent_path());
    std::ofstream(path() / name, std::ios::binary) << text;
    return *this;
  }
  std::optional<double> quota() const { return processor_quota(path()); }
};

const std::string kSelf = "proc/self/cgroup";
const std::string kGroups = "sys/fs/cgroup/";

BOOST_AUTO_TEST_SUITE(processors)

BOOST_AUTO_TEST_CASE(quota_of_version_2) {
  BOOST_TEST(Root().with(kSelf, "0::/\n").with(kGroups + "cpu.max", "50000 100000\n").quota().value() == 0.5);
  BOOST_TEST(Root().with(kSelf, "0::/a/b\n").with(kGroups + "a/b/cpu.max", "250000 100000\n").quota().value() == 2.5);
  BOOST_TEST(!Root().with(kSelf, "0::/\n").with(kGroups + "cpu.max", "max 100000\n").quota());
}

BOOST_AUTO_TEST_CASE(the_least_quota_on_the_way_up_holds) {
  const Root root;
  root.with(kSelf, "0::/a/b\n").with(kGroups + "a/b/cpu.max", "300000 100000\n");
  root.with(kGroups + "a/cpu.max", "150000 100000\n").with(kGroups + "cpu.max", "max 100000\n");
  BOOST_TEST(root.quota().value() == 1.5);
}

BOOST_AUTO_TEST_CASE(quota_of_version_1_under_either_name_of_its_folder) {
  for (const char* controllers : {"cpu", "cpu,cpuacct", "cpuacct,cpu"}) {
    const Root root;
    root.with(kSelf, std::string("5:cpuset:/\n4:") + controllers + ":/docker/1f\n0::/\n");
    root.with(kGroups + controllers + "/docker/1f/cpu.cfs_quota_us", "50000\n");
    root.with(kGroups + controllers + "/docker/1f/cpu.cfs_period_us", "100000\n");
    BOOST_TEST(root.quota().value() == 0.5, controllers);
    root.with(kGroups + controllers + "/docker/1f/cpu.cfs_quota_us", "-1\n");
    BOOST_TEST(!root.quota(), controllers);
  }
}

BOOST_AUTO_TEST_CASE(hierarchies_of_both_versions_beside_each_other) {
  const Root root;
  root.with(kSelf, "1:cpu:/\n0::/x\n").with(kGroups + "unified/x/cpu.max", "100000 100000\n");
  BOOST_TEST(root.quota().value() == 1.0);
}

BOOST_AUTO_TEST_CASE(container_that_sees_its_own_group_at_the_root) {
  // Without a namespace for groups the path is the host's, while the mount begins at the container's own group.
  const Root root;
  root.with(kSelf, "4:cpu,cpuacct:/docker/1f\n").with(kGroups + "cpu,cpuacct/cpu.cfs_quota_us", "200000\n");
  root.with(kGroups + "cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  BOOST_TEST(root.quota().value() == 2.0);
}

BOOST_AUTO_TEST_CASE(what_is_no_quota_is_passed_over) {
  BOOST_TEST(!Root().quota());
  for (const char* text : {"", "\n", "50000", "50000 0", "0 100000", "-5 100000", "5e4 100000", "50000 100000 7", "x y",
                           "99999999999999999999 100000", "50000  100000"})
    BOOST_TEST(!Root().with(kSelf, "0::/\n").with(kGroups + "cpu.max", text).quota(), text);
  BOOST_TEST(!Root().with(kSelf, "0::/\n").with(kGroups + "cpu.max", std::string(1 << 20, '9')).quota());
  for (const char* text : {"", "0", "0:", "::", "0::", "no colons", "0:cpux:/a", "7:memory:/a"})
    BOOST_TEST(!Root().with(kSelf, text).with(kGroups + "a/cpu.max", "50000 100000").quota(), text);
}

BOOST_AUTO_TEST_CASE(path_that_leads_out_of_the_hierarchy_is_not_followed) {
  const Root root;
  root.with(kSelf, "0::/../../../elsewhere\n").with("elsewhere/cpu.max", "50000 100000\n");
  BOOST_TEST(!root.quota());
  root.with(kGroups + "cpu.max", "100000 100000\n");
  BOOST_TEST(root.quota().value() == 1.0);
}

/// Threads for a quota, where OMP_NUM_THREADS says nothing. libgomp has read it at the start, so that the processors
/// are as many as it counted.
int threads_for(const std::string& quota) {
  const Root root;
  return default_thread_count(root.with(kSelf, "0::/\n").with(kGroups + "cpu.max", quota + " 100000\n").path());
}

BOOST_AUTO_TEST_CASE(quota_bounds_the_threads_from_above) {
  if (std::getenv("OMP_NUM_THREADS") != nullptr)
    return;
  const int processors = omp_get_max_threads();
  BOOST_TEST(threads_for("50000") == 1);
  BOOST_TEST(threads_for("1000") == 1);
  BOOST_TEST(threads_for("149999") == 1);
  BOOST_TEST(threads_for("150000") == std::min(2, processors));
  BOOST_TEST(threads_for("240000") == std::min(2, processors));
  BOOST_TEST(threads_for("100000000") == processors);
  BOOST_TEST(threads_for("max") == processors);
}

BOOST_AUTO_TEST_CASE(without_a_quota_threads_are_those_of_the_affinity_mask) {
  if (std::getenv("OMP_NUM_THREADS") != nullptr)
    return;
  cpu_set_t mask;
  BOOST_REQUIRE(::sched_getaffinity(0, sizeof mask, &mask) == 0);
  BOOST_TEST(threads_for("max") == CPU_COUNT(&mask));
}

BOOST_AUTO_TEST_CASE(OMP_NUM_THREADS_is_a_wish_that_no_quota_cuts) {
  const char* before = std::getenv("OMP_NUM_THREADS");
  ::setenv("OMP_NUM_THREADS", "5", 1);  // libgomp counted at the start; that it is set is what is asked here
  BOOST_TEST(threads_for("50000") == omp_get_max_threads());
  if (before == nullptr)
    ::unsetenv("OMP_NUM_THREADS");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ockham
