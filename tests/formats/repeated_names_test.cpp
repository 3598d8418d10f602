#include "formats/repeated_names.h"

#include "tests/catch.h"

namespace weigh::core {
namespace {

using Indices = std::vector<std::size_t>;

Indices repeated(const std::vector<std::string_view>& names) { return repeated_names(names); }

TEST_CASE("repeated_names gives each further occurrence, in order") {
  CHECK(repeated({}).empty());
  CHECK(repeated({"a", "b", "c"}).empty());
  CHECK(repeated({"a", "b", "a"}) == Indices{2});
  CHECK(repeated({"b", "a", "a", "b", "a"}) == Indices{2, 3, 4});
  CHECK(repeated({"", "x", ""}) == Indices{2});
  CHECK(repeated({"a", "A", "a "}).empty());
}

}  // namespace
}  // namespace weigh::core
