#include "src/report/text_format.h"

#include "tests/catch.h"

using namespace weigh::core;

TEST_CASE("parameters are decimal and change their unit where rounding would reach the next") {
  struct Row {
    std::uint64_t parameters;
    std::string expected;
  };
  const auto row = GENERATE(values<Row>({
      {0, "0"},
      {999, "999"},
      {1000, "1.0 K"},
      {266'240, "266.2 K"},
      {999'949, "999.9 K"},
      {999'999, "1.0 M"},
      {125'300'000, "125.3 M"},
      {999'999'999, "1.00 B"},
      {46'702'792'704, "46.70 B"},
      {1'000'000'000'000, "1.00 T"},
      {18'446'744'073'709'551'615U, "18446744.07 T"},
  }));
  CHECK(human_parameters(row.parameters) == row.expected);
}

TEST_CASE("digits are grouped by threes") {
  CHECK(grouped(0) == "0");
  CHECK(grouped(999) == "999");
  CHECK(grouped(1000) == "1,000");
  CHECK(grouped(26'441'533'376) == "26,441,533,376");
  CHECK(grouped(18'446'744'073'709'551'615U) == "18,446,744,073,709,551,615");
  CHECK(counted(1, "file") == "1 file");
  CHECK(counted(1900, "file") == "1,900 files");
}

TEST_CASE("sizes of stores are in TiB where GiB would be a thousand and more") {
  CHECK(disk_bytes(512) == "512 bytes");
  CHECK(disk_bytes(std::uint64_t{1023} << 30U) == "1023.00 GiB");
  CHECK(disk_bytes((std::uint64_t{1} << 40U) - 1) == "1.00 TiB");
  CHECK(disk_bytes(1'369'000'000'000) == "1.25 TiB");
  CHECK(disk_bytes(18'446'744'073'709'551'615U) == "16777216.00 TiB");
}

TEST_CASE("ages are in the unit that says most") {
  constexpr std::uint64_t kDay = 86400;
  CHECK(age_text(0) == "0 h");
  CHECK(age_text(2 * kDay - 1) == "47 h");
  CHECK(age_text(2 * kDay) == "2 d");
  CHECK(age_text(729 * kDay) == "729 d");
  CHECK(age_text(730 * kDay) == "2 y");
}
