#include "src/scan/file_system.h"

#include "tests/catch.h"

using namespace weigh::core;

#ifdef __linux__
TEST_CASE("a folder of the kernel is known by its file system, not by its name") {
  for (const char* path : {"/proc", "/proc/self", "/proc/../proc", "/sys"}) {
    CAPTURE(path);
    CHECK(is_kernel_folder(path));
    CHECK_FALSE(is_shared_by_machines(path));
  }
  for (const char* path : {"/", WEIGH_SOURCE, "/proc/..", "/proc/self/root", "/nowhere"}) {
    CAPTURE(path);
    CHECK_FALSE(is_kernel_folder(path));
  }
  CHECK_FALSE(is_shared_by_machines("/nowhere"));
}
#endif
