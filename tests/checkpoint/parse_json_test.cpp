#include "src/checkpoint/parse_json.h"

#include <nlohmann/json.hpp>

#include "tests/catch.h"

using namespace weigh::core;

TEST_CASE("what is not JSON is null, whatever is wrong with it") {
  struct Row {
    std::string_view text;
    bool good;
    std::size_t fault;
  };
  const Row rows[] = {
      {R"({"a": [1, 2.5]})", true, 0},
      {"17", true, 0},
      {"", false, 1},
      {R"({"a": )", false, 7},
      {"{} x", false, 4},
      {"17E4567", false, 0},
      {R"({"max_position_embeddings": 1e999})", false, 0},
      {"\"\xff\"", false, 2},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    std::size_t fault = 0;
    CHECK((parse_json(row.text, &fault) != nullptr) == row.good);
    CHECK(fault == row.fault);
  }
}

TEST_CASE("deep nesting costs no stack") {
  const std::string deep(1 << 20, '[');
  CHECK(parse_json(deep) == nullptr);
  CHECK(parse_json(deep + std::string(deep.size(), ']')) != nullptr);
}
