#include "src/memory/proven.h"

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include "src/memory/architectures.h"
#include "tests/catch.h"

using namespace weigh::core;

TEST_CASE("architectures that are proven have a rule, and are found", "[memory]") {
  std::ifstream list(WEIGH_SOURCE "/src/memory/proven.inc");
  std::vector<std::string> names;
  for (std::string line; std::getline(list, line);) {
    if (line.starts_with('"')) names.push_back(line.substr(1, line.rfind('"') - 1));
  }
  REQUIRE(names.size() > 30);
  CHECK(std::ranges::is_sorted(names));
  for (const std::string& name : names) {
    CAPTURE(name);
    CHECK(architecture_rule(name) != nullptr);
    CHECK(proven_by_runs(name));
  }
  CHECK(proven_by_runs("llama"));
  CHECK_FALSE(proven_by_runs("not-there"));
  CHECK_FALSE(proven_by_runs(""));
}
