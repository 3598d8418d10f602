#include "src/cli/options.h"

#include "tests/catch.h"

using namespace weigh::core;

TEST_CASE("a count of parameters is read exactly or not at all") {
  struct Row {
    std::string text;
    std::optional<std::uint64_t> expected;
  };
  const auto row = GENERATE(values<Row>({
      {"7B", 7'000'000'000},
      {"7b", 7'000'000'000},
      {"46.7B", 46'700'000'000},
      {"46.702792704B", 46'702'792'704},
      {"350M", 350'000'000},
      {"1.1K", 1100},
      {"2T", 2'000'000'000'000},
      {"6738415616", 6'738'415'616},
      {"46,702,792,704", 46'702'792'704},
      {"18446744073709551615", 18'446'744'073'709'551'615U},
      {"18446744073709551616", std::nullopt},
      {"18446744.073709551616T", std::nullopt},
      {"0", std::nullopt},
      {"0B", std::nullopt},
      {"", std::nullopt},
      {"B", std::nullopt},
      {".5B", std::nullopt},
      {"7.B", std::nullopt},
      {"-7B", std::nullopt},
      {"+7B", std::nullopt},
      {"1.5", std::nullopt},
      {"1.2345K", std::nullopt},
      {"1.2.3B", std::nullopt},
      {"7BB", std::nullopt},
      {"7 B", std::nullopt},
      {"0x7B", std::nullopt},
      {"1e9", std::nullopt},
      {"46,7B", std::nullopt},
      {",467", std::nullopt},
      {"1,,234", std::nullopt},
      {"1234,567", std::nullopt},
  }));
  CAPTURE(row.text);
  CHECK(parse_parameters(row.text) == row.expected);
}
