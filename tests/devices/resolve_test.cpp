
#include "formats/error.h"
#include "src/devices/budget.h"
#include "src/devices/catalogue.h"
#include "tests/catch.h"

using namespace weigh::core;

namespace {

const Catalogue& catalogue() {
  static const Catalogue built_in = Catalogue::built_in();
  return built_in;
}

}  // namespace

TEST_CASE("a request: an id, a part of one, and a count before either") {
  struct Row {
    std::string request, id;
    std::uint32_t count;
  };
  const std::vector<Row> rows = {
      {"rtx-4090", "rtx-4090", 1},
      {"RTX-4090", "rtx-4090", 1},
      {"  rtx-4090 ", "rtx-4090", 1},
      {"rtx 4090", "rtx-4090", 1},
      {"RTX 4090 D", "rtx-4090-d", 1},
      {"4090", "rtx-4090", 1},  // no laptop, no pair
      {"4090-laptop", "rtx-4090-laptop", 1},
      {"spark", "dgx-spark", 1},
      {"GeForce RTX 4080 SUPER", "rtx-4080-super", 1},
      {"m2-ultra-19", "m2-ultra-192gb", 1},
      {"m1-16", "m1-16gb", 1},  // also in ipad-pro-m1-16gb, but only one begins so
      {"surface", "surface-laptop-studio-2", 1},
      {"macbook air 8gb", "macbook-air-8gb", 1},
      {"2x rtx-4090", "rtx-4090", 2},
      {"2xrtx-4090", "rtx-4090", 2},
      {"2 x rtx-4090", "rtx-4090", 2},
      {"2X RTX 4090", "rtx-4090", 2},
      {"1x rtx-4090", "rtx-4090", 1},
      {"4x dual-rtx-4090", "dual-rtx-4090", 8},
      {"4096x rtx-4090", "rtx-4090", 4096},
      {"dgx-h100", "dgx-h100", 8},
  };
  for (const Row& row : rows) {
    CAPTURE(row.request);
    const Device device = catalogue().resolve(row.request);
    CHECK(device.id == row.id);
    CHECK(device.count == row.count);
  }
}

TEST_CASE("a request: a size is exact, GiB binary and GB decimal, and nothing of it is held back") {
  struct Row {
    std::string request, id;
    std::uint64_t bytes;
    std::uint32_t count;
  };
  const std::vector<Row> rows = {
      {"24GiB", "24GiB", 25'769'803'776, 1},  {"24gib", "24GiB", 25'769'803'776, 1},
      {"24 GiB", "24GiB", 25'769'803'776, 1}, {"24G", "24GiB", 25'769'803'776, 1},
      {"24GB", "24GB", 24'000'000'000, 1},    {"24576MiB", "24576MiB", 25'769'803'776, 1},
      {"512M", "512MiB", 536'870'912, 1},     {"1.5TiB", "1.5TiB", 1'649'267'441'664, 1},
      {"1TB", "1TB", 1'000'000'000'000, 1},   {"2x 24GiB", "24GiB", 25'769'803'776, 2},
      {"1024TiB", "1024TiB", 1ull << 50, 1},  {"0.5GiB", "0.5GiB", 536'870'912, 1},
  };
  for (const Row& row : rows) {
    CAPTURE(row.request);
    const Device device = catalogue().resolve(row.request);
    CHECK(device.id == row.id);
    CHECK(device.kind == DeviceKind::Size);
    CHECK(device.memory_bytes == row.bytes);
    CHECK(device.count == row.count);
    const Budget budget = budget_of(device);
    CHECK(budget.memory == row.bytes);
    CHECK(budget.limit == row.bytes);
    CHECK(budget.safe == row.bytes);
    CHECK(budget.rule == BudgetRule::AsGiven);
  }
}

TEST_CASE("a request: what names no device is a usage error that says what to do") {
  struct Row {
    std::string request, message;
  };
  const std::vector<Row> rows = {
      {"rtx4090", "rtx4090: no such device; did you mean rtx-4090"},
      {"rtx-409O", "did you mean rtx-4090"},
      {"zzzzzzzz", "zzzzzzzz: no such device; 'weigh devices' lists them all"},
      {"", "names no device"},
      {"   ", "names no device"},
      {"local", "local: no such device"},
      {"0x rtx-4090", "0x rtx-4090: found a count"},
      {"4097x rtx-4090", "found a count that is not a whole number from 1 to 4096"},
      {"99999999999999999999x rtx-4090", "found a count"},
      {"1000x dgx-h100", "found more than 4096 devices"},
      {"2x", "found a count without a device"},
      {"2x 2x rtx-4090", "no such device"},
      {"0GiB", "found a size"},
      {"0.0000001GiB", "found a size"},
      {"1025TiB", "found a size"},
      {"16777216TiB", "found a size"},
      {"99999999999999999999GiB", "found a size"},
      {"1.2.3GiB", "found a size"},
      {".5GiB", "found a size"},
      {"-24GiB", "no such device"},
      {"24XiB", "no such device"},
      {"\x01\xFF", "no such device"},
      {std::string(100'000, 'a'), "no such device"},
      {std::string(100'000, '9'), "no such device"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.request.substr(0, 100));
    CHECK_THROWS_AS(catalogue().resolve(row.request), UsageError);
    CHECK_THROWS_WITH(catalogue().resolve(row.request), contains_text(row.message));
  }
}

TEST_CASE("a request: an ambiguous part lists its candidates") {
  CHECK_THROWS_WITH(catalogue().resolve("m2-ultra"),
                    "m2-ultra: 3 devices match: m2-ultra-64gb, m2-ultra-128gb, m2-ultra-192gb; name one in full");
  // A bare chip name is never taken for the machine that ends in it.
  CHECK_THROWS_WITH(catalogue().resolve("h100"), contains_text("devices match: h100-sxm, h100-pcie, h100-nvl, "));
  CHECK_THROWS_WITH(catalogue().resolve("2x rtx-40"),
                    Catch::Matchers::StartsWith("2x rtx-40: ") && contains_text(" more; name one in full"));
}
