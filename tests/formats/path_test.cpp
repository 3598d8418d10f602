#include "formats/path.h"

#include <catch2/catch.hpp>

using namespace weigh::core;

TEST_CASE("names from a file stay inside its folder") {
  struct Row {
    std::string_view name;
    bool inside;
  };
  using namespace std::string_view_literals;
  const Row rows[] = {
      {"model.safetensors", true},
      {"sub/model.safetensors", true},
      {"a..b", true},
      {"..", false},
      {"../x", false},
      {"a/../x", false},
      {"a/..", false},
      {"/x", false},
      {"", false},
      {"a//b", false},
      {"a/", false},
      {"a/./b", true},
      {"a\\b", false},
      {"http://x/y", false},
      {"a\0b"sv, false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CHECK(stays_inside(row.name) == row.inside);
  }
}
