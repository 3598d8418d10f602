#include "src/cli/options.h"

#include "tests/catch.h"

using namespace weigh::core;

TEST_CASE("a model has at least one parameter") {
  struct Row {
    std::string text;
    std::optional<std::uint64_t> expected;
  };
  const auto row = GENERATE(values<Row>(
      {{"46.7B", 46'700'000'000}, {"46,702,792,704", 46'702'792'704}, {"0", std::nullopt}, {"7BB", std::nullopt}}));
  CAPTURE(row.text);
  CHECK(parse_parameters(row.text) == row.expected);
}
