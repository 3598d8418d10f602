#include "src/source/parse_json.h"

#include <nlohmann/json.hpp>

#include "formats/byte_source.h"
#include "tests/catch.h"

using namespace weigh::core;

namespace {

std::string repeated(std::string_view text, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) all += text;
  return all;
}

}  // namespace

TEST_CASE("what is not JSON, or more than a small file may be, is a problem and no value") {
  constexpr JsonLimits kLimits{1000, 150};
  struct Row {
    std::string text;
    std::string problem;
  };
  const Row rows[] = {
      {R"({"a": [1, 2.5]})", ""},
      {"17", ""},
      {"", "no valid JSON at byte 1"},
      {R"({"a": )", "no valid JSON at byte 7"},
      {"{} x", "no valid JSON at byte 4"},
      {"17E4567", "a number that is too large"},
      {R"({"max_position_embeddings": 1e999})", "a number that is too large"},
      {"\"\xff\"", "no valid JSON at byte 2"},
      {repeated("[", 128) + repeated("]", 128), ""},
      {repeated("[", 129) + repeated("]", 129), "nesting deeper than 128 levels"},
      {repeated(R"({"a":)", 129) + "1" + repeated("}", 129), "nesting deeper than 128 levels"},
      {'[' + repeated("1,", 149) + "1]", ""},
      {'[' + repeated("1,", 150) + "1]", "more than 150 values"},
      {repeated("[],", 151), "more than 150 values"},
      {repeated(" ", 1001), "1001 bytes, more than 1000"},
      {'"' + repeated("[{,", 130) + '"', ""},
      {R"("\\\"[[[")", ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text.substr(0, 40));
    const ParsedJson json = parse_json(row.text, kLimits);
    CHECK(json.problem == row.problem);
    CHECK(static_cast<bool>(json) == row.problem.empty());
    MemorySource source(std::as_bytes(std::span(row.text)));
    CHECK(read_json(source, kLimits).problem == row.problem);
  }
}
