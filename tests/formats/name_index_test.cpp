#include "formats/name_index.h"

#include <string>
#include <vector>

#include "tests/catch.h"

using namespace weigh::core;

TEST_CASE("a name index numbers names in the order they come") {
  NameIndex index(0);
  std::vector<std::string> names;
  for (int i = 0; i < 1000; ++i) names.push_back("model.layers." + std::to_string(i));
  for (std::uint32_t i = 0; i < names.size(); ++i) CHECK(index.id(names[i]) == i);
  for (std::uint32_t i = 0; i < names.size(); ++i) CHECK(index.id(names[i]) == i);
  CHECK(index.find("model.layers.7") == 7);
  CHECK(index.find("absent") == NameIndex::none);
  CHECK(index.names().size() == names.size());
}
