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
