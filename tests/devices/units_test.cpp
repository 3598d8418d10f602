#include "src/devices/units.h"

#include "tests/catch.h"

using namespace weigh::core;

TEST_CASE("sizes for people: the unit changes where the smaller one would round up to 1024") {
  struct Row {
    std::uint64_t bytes;
    std::string text;
  };
  const std::vector<Row> rows = {
      {0, "0 bytes"},
      {1, "1 byte"},
      {1023, "1023 bytes"},
      {1024, "1.0 KiB"},
      {kMiB - 1, "1.0 MiB"},
      {7 * kMiB, "7.0 MiB"},
      {kGiB - 1, "1.00 GiB"},
      {26'441'533'376, "24.63 GiB"},
      {192 * kGiB, "192.00 GiB"},
      {2048 * kGiB, "2048.00 GiB"},
      {~std::uint64_t{0}, "17179869184.00 GiB"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.bytes);
    CHECK(human_bytes(row.bytes) == row.text);
  }
}

TEST_CASE("numbers with a unit are exact integers, and nothing on overflow or garbage") {
  struct Row {
    std::string number;
    std::uint64_t unit;
    std::optional<std::uint64_t> expected;
  };
  const std::vector<Row> rows = {
      {"24", kGiB, 25'769'803'776},
      {"1.5", kGiB * 1024, 1'649'267'441'664},
      {"0.1", 10, 1},
      {"0.999999", 1, 0},
      {"51.2", 1'000'000'000, 51'200'000'000},
      {"18446744073709551615", 1, ~std::uint64_t{0}},
      {"18446744073709551616", 1, std::nullopt},
      {"17179869183.999999", kGiB, 18'446'744'073'709'550'542u},
      {"17179869184", kGiB, std::nullopt},
      {"0.1234567", kGiB, std::nullopt},
      {"", 1, std::nullopt},
      {".", 1, std::nullopt},
      {"1.", 1, std::nullopt},
      {".5", 10, std::nullopt},
      {"1.2.3", 1, std::nullopt},
      {"-1", 1, std::nullopt},
      {"+1", 1, std::nullopt},
      {" 1", 1, std::nullopt},
      {"1.-5", 1, std::nullopt},
      {"1e3", 1, std::nullopt},
  };
  for (const Row& row : rows) {
    CAPTURE(row.number);
    CHECK(parse_scaled(row.number, row.unit) == row.expected);
  }
}
