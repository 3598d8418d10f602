#include "src/weigh/device_sets.h"

#include "formats/error.h"
#include "tests/catch.h"

using namespace weigh::core;

namespace {

class MachineWith : public Machine {
 public:
  explicit MachineWith(std::vector<NvidiaDevice> cards, bool has_memory = true)
      : cards_(std::move(cards)), has_memory_(has_memory) {}
  [[nodiscard]] std::optional<std::string> read(const std::string& path) const override {
    const bool is_memory = path == "/proc/meminfo" && has_memory_;
    return is_memory ? std::optional<std::string>("MemTotal: 65536000 kB\n") : std::nullopt;
  }
  [[nodiscard]] std::vector<std::string> list(const std::string&) const override { return {}; }
  [[nodiscard]] std::optional<std::string> sysctl(const std::string&) const override { return std::nullopt; }
  [[nodiscard]] std::vector<NvidiaDevice> nvidia() const override { return cards_; }
  [[nodiscard]] std::optional<std::uint64_t> metal_working_set() const override { return std::nullopt; }

 private:
  std::vector<NvidiaDevice> cards_;
  bool has_memory_;
};

std::vector<std::string> ids(const std::vector<std::string>& requests) {
  std::vector<std::string> result;
  for (const DeviceSet& group : resolve_groups(Catalogue::built_in(), requests)) {
    result.push_back(std::to_string(group.label.count) + " " + group.label.id);
  }
  return result;
}

}  // namespace

TEST_CASE("--on names several devices by commas and by being repeated") {
  using Ids = std::vector<std::string>;
  struct Row {
    std::vector<std::string> requests;
    Ids expected;
  };
  const std::vector<Row> rows = {
      {{}, {}},
      {{"rtx-4060,rtx-4090"}, {"1 rtx-4060", "1 rtx-4090"}},
      {{"rtx-4060", "rtx-4090"}, {"1 rtx-4060", "1 rtx-4090"}},
      {{" 4060 , 2x 3090 ", "24GiB, 8GB card"}, {"1 rtx-4060", "2 rtx-3090", "1 24GiB", "1 8gb-card"}},
      {{"MacBook Pro (14-inch, M3 Pro, 2023) 36 GB,t4"}, {"1 m3-pro-36gb", "1 t4"}},
  };
  for (const Row& row : rows) CHECK(ids(row.requests) == row.expected);

  for (const std::string request : {"", ",", "rtx-4060,", ",rtx-4060", "rtx-4060,,rtx-4090"}) {
    CAPTURE(request);
    CHECK_THROWS_WITH(ids({request}), "--on : names no device");
  }
}

TEST_CASE("without --on this machine stands in where it has a graphics card") {
  using Requests = std::vector<std::string>;
  const Catalogue catalogue = Catalogue::built_in();
  const MachineWith card({{"NVIDIA GeForce RTX 4060", 8585740288, 8000000000}});
  const MachineWith memory_alone({});
  const MachineWith nothing({}, false);
  CHECK(or_this_machine({}, card, catalogue) == Requests{"local"});
  CHECK(or_this_machine({}, memory_alone, catalogue).empty());
  CHECK(or_this_machine({}, nothing, catalogue).empty());
  CHECK(or_this_machine({"t4"}, card, catalogue) == Requests{"t4"});
}
