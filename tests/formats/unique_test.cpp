#include "formats/unique.h"

#include <string>

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

TEST_CASE("is_utf8 follows RFC 3629") {
  struct Row {
    std::string_view text;
    bool valid;
  };
  const std::vector<Row> rows = {
      {"", true},
      {"plain", true},
      {"gr\xc3\xbc\xc3\x9f", true},
      {"\xe2\x82\xac \xf0\x9f\x98\x80", true},
      {std::string_view("\0", 1), true},
      {"\xf4\x8f\xbf\xbf", true},   // U+10FFFF
      {"\xf4\x90\x80\x80", false},  // one above
      {"\xff", false},
      {"\x80", false},  // a continuation alone
      {"\xc3", false},  // cut
      {"\xe2\x82", false},
      {"\xc3(", false},
      {"\xc0\x80", false},  // overlong zero
      {"\xe0\x80\x80", false},
      {"\xf0\x80\x80\x80", false},
      {"\xed\xa0\x80", false},  // a surrogate
      {"\xed\x9f\xbf", true},   // just below them
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    CHECK(is_utf8(row.text) == row.valid);
  }
}

}  // namespace
}  // namespace weigh::core
