#include "formats/text.h"

#include <catch2/catch.hpp>

using namespace weigh::core;

namespace {
constexpr std::uint64_t kGiB = std::uint64_t{1} << 30U;
}

TEST_CASE("letters in lower case are those of ASCII, and other bytes stay") {
  CHECK(lower("Q4_K_M-\xC3\x84") == "q4_k_m-\xC3\x84");
  CHECK(same_letters("q4_k", "Q4_K"));
  CHECK(same_letters("", ""));
  CHECK_FALSE(same_letters("q4_k", "Q4_K_M"));
  CHECK_FALSE(same_letters("[", "{"));  // 32 apart like letters, and none
}

TEST_CASE("an unsigned number is digits alone") {
  struct Row {
    std::string text;
    int base;
    std::optional<std::uint64_t> expected;
  };
  const auto row = GENERATE(values<Row>({
      {"0", 10, 0},
      {"00042", 10, 42},
      {"18446744073709551615", 10, ~std::uint64_t{0}},
      {"18446744073709551616", 10, std::nullopt},
      {"", 10, std::nullopt},
      {"-1", 10, std::nullopt},
      {"+1", 10, std::nullopt},
      {" 1", 10, std::nullopt},
      {"1 ", 10, std::nullopt},
      {"1.0", 10, std::nullopt},
      {"ff", 10, std::nullopt},
      {"ff", 16, 255},
  }));
  CAPTURE(row.text);
  CHECK(parse_uint(row.text, row.base) == row.expected);
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

TEST_CASE("sizes are read in both kinds of units, exactly") {
  struct Row {
    std::string text;
    std::optional<std::uint64_t> expected;
  };
  const auto row = GENERATE(values<Row>({
      {"1024", 1024},
      {"1024B", 1024},
      {"2 kib", 2048},
      {"2kB", 2000},
      {"500MB", 500'000'000},
      {"1.5GiB", 1'610'612'736},
      {"24g", 24 * kGiB},
      {"1T", 1024 * kGiB},
      {"9007199254740993", 9'007'199'254'740'993},  // 2^53 + 1: no double holds it
      {"16777215.999999TiB", 18'446'744'073'708'452'104U},
      {"16777216TiB", std::nullopt},
      {"9999999999TB", std::nullopt},
      {"0.1234567GiB", std::nullopt},
      {"", std::nullopt},
      {"GiB", std::nullopt},
      {"8parsecs", std::nullopt},
      {"-1", std::nullopt},
      {"1e3", std::nullopt},
      {"1.2.3GB", std::nullopt},
  }));
  CAPTURE(row.text);
  CHECK(parse_size(row.text) == row.expected);
}

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
      {"0", 0},
      {"0B", 0},
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
  CHECK(parse_count(row.text) == row.expected);
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
