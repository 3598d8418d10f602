#include "src/devices/catalogue.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "formats/error.h"
#include "src/devices/budget.h"
#include "src/devices/csv.h"
#include "src/devices/devices_csv.h"
#include "tests/catch.h"

using namespace weigh::core;

namespace {

const Catalogue& catalogue() {
  static const Catalogue built_in = Catalogue::built_in();
  return built_in;
}

std::vector<std::string> ids(const std::vector<const Device*>& devices) {
  std::vector<std::string> result;
  for (const Device* device : devices) result.push_back(device->id);
  return result;
}

// A folder of its own, gone at the end.
struct Folder {
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "weigh-devices-XXXXXX").string();
    path = mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::filesystem::path path;
};

void write(const std::filesystem::path& path, std::string_view text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path) << text;
}

// Sets or unsets a variable of the environment for one test.
struct Variable {
  Variable(const char* variable, const std::string& value) : name(variable) {
    if (const char* old = std::getenv(name)) before = old;
    setenv(name, value.c_str(), 1);
  }
  ~Variable() {
    if (before) {
      setenv(name, before->c_str(), 1);
    } else {
      unsetenv(name);
    }
  }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;
  const char* name;
  std::optional<std::string> before;
};

}  // namespace

TEST_CASE("every line of the built-in catalogue is a device, and each is sound") {
  CsvReader reader(devices_csv());
  std::size_t records = 0;
  while (reader.next() != nullptr) ++records;
  REQUIRE(catalogue().devices().size() == records - 1);
  CHECK(catalogue().devices().size() >= 400);

  std::set<std::string> seen;
  for (const Device& device : catalogue().devices()) seen.insert(device.id);
  CHECK(seen.size() == catalogue().devices().size());

  for (const Device& device : catalogue().devices()) {
    CAPTURE(device.id);
    CHECK_FALSE(device.name.empty());
    CHECK_FALSE(device.vendor.empty());
    CHECK_FALSE(device.maker.empty());
    CHECK(device.kind != DeviceKind::Size);
    CHECK(device.memory_bytes >= std::uint64_t{1} << 30);
    CHECK(device.limit_bytes.value_or(1) > 0);
    CHECK(device.limit_bytes.value_or(1) <= device.memory_bytes);
    CHECK(device.bandwidth_bytes_per_second.value_or(1) > 0);
    CHECK(device.count > 0);
    CHECK((device.member.empty() || seen.count(device.member) == 1));
    const Budget budget = budget_of(device);
    CHECK(budget.safe > 0);
    CHECK(budget.safe <= budget.limit);
    CHECK(budget.limit <= budget.raised);
    CHECK(budget.raised <= budget.memory);
    CHECK(catalogue().resolve(device.id).id == device.id);
  }
}

TEST_CASE("a machine has the memory of its members, each") {
  for (const Device& device : catalogue().devices()) {
    if (device.member.empty()) continue;
    CAPTURE(device.id);
    const Device member = catalogue().resolve(device.member);
    CHECK(device.memory_bytes == member.memory_bytes);
    CHECK(device.maker == member.vendor);
    CHECK(budget_of(device).safe == budget_of(member).safe);
  }
}

TEST_CASE("the common devices reach from a laptop to beyond a terabyte") {
  std::uint64_t smallest = ~std::uint64_t{0};
  std::uint64_t largest = 0;
  std::size_t common = 0;
  for (const Device& device : catalogue().devices()) {
    if (!device.common) continue;
    ++common;
    smallest = std::min(smallest, budget_of(device).safe * device.count);
    largest = std::max(largest, budget_of(device).safe * device.count);
  }
  CHECK(common >= 15);
  CHECK(common <= 30);
  CHECK(smallest <= 6'000'000'000);
  CHECK(largest >= 1'200'000'000'000);
}

TEST_CASE("kinds have the catalogue's names") {
  CHECK(kind_name(DeviceKind::DiscreteGpu) == "discrete-gpu");
  CHECK(kind_name(DeviceKind::AppleUnified) == "apple-unified");
  CHECK(kind_name(DeviceKind::Size) == "size");
}

TEST_CASE("figures of a row arrive as they are written, bandwidths in bytes") {
  const Device device = catalogue().resolve("rtx-4090");
  CHECK(device.name == "GeForce RTX 4090");
  CHECK(device.vendor == "NVIDIA");
  CHECK(device.kind == DeviceKind::DiscreteGpu);
  CHECK(device.memory_bytes == 25'757'220'864);
  CHECK(device.limit_bytes == 25'249'710'080);
  CHECK(device.bandwidth_bytes_per_second == 1'008'000'000'000);
  CHECK(catalogue().resolve("jetson-xavier-nx-8gb").bandwidth_bytes_per_second == 59'700'000'000);
  CHECK(catalogue().resolve("p5-48xlarge").count == 8);
}

TEST_CASE("search finds every word in id or name, in any case, or what is called so") {
  CHECK(ids(catalogue().search("STRIX halo 64GB")) == std::vector<std::string>{"ryzen-ai-max-395-64gb"});
  CHECK(ids(catalogue().search("dgx spark")) == std::vector<std::string>{"dgx-spark", "dgx-spark-pair"});
  CHECK(ids(catalogue().search("4060ti 16gb")) == std::vector<std::string>{"rtx-4060-ti-16gb"});
  CHECK(catalogue().search("no-such-device").empty());
  CHECK(catalogue().search("").size() == catalogue().devices().size());
}

TEST_CASE("a user's file adds devices and replaces known ones, its columns in any order") {
  Catalogue mine = Catalogue::built_in();
  const std::size_t before = mine.devices().size();
  mine.add(
      "kind,id,memory_bytes,count,member\r\n"
      "accelerator,my-server,85520809984,2,my-card\r\n"
      "discrete-gpu,my-card,85520809984,,\r\n"
      "discrete-gpu,rtx-4090,51539607552,,\r\n",
      "mine.csv");
  CHECK(mine.devices().size() == before + 2);
  CHECK(mine.resolve("my-server").count == 2);
  CHECK(mine.resolve("my-card").name == "my-card");
  CHECK_FALSE(mine.resolve("my-card").limit_bytes.has_value());
  CHECK(mine.resolve("rtx-4090").memory_bytes == 51'539'607'552);
  CHECK_FALSE(mine.resolve("rtx-4090").limit_bytes.has_value());
}

TEST_CASE("a wrong line of a user's file is an error that names file, line and field, and adds nothing") {
  const std::string heading = "id,kind,memory_bytes,limit_bytes,bandwidth_GBps,count,member,common\n";
  struct Row {
    std::string name, text, message;
  };
  const std::vector<Row> rows = {
      {"empty file", "", "mine.csv: empty"},
      {"unknown column", "id,kind,memory\n", "mine.csv: line 1: found 'memory', expected a column"},
      {"column twice", "id,id,kind\n", "mine.csv: line 1: found 'id', expected each column once"},
      {"no memory column", "id,kind\n", "mine.csv: line 1: the first line names no column 'memory_bytes'"},
      {"too few fields", heading + "a,cpu,1\n", "mine.csv: line 2: found 3 fields, expected 8"},
      {"too many fields", heading + "a,cpu,1,,,,,,\n", "mine.csv: line 2: found 9 fields, expected 8"},
      {"no id", heading + "\n,cpu,1,,,,,\n", "mine.csv: line 3: 'id' is empty"},
      {"id with spaces", heading + "my card,cpu,1,,,,,\n", "mine.csv: line 2: id: found 'my card'"},
      {"unknown kind", heading + "a,gpu,1,,,,,\n", "mine.csv: line 2: kind: found 'gpu', expected discrete-gpu"},
      {"kind size", heading + "a,size,1,,,,,\n", "mine.csv: line 2: kind: found 'size'"},
      {"no memory", heading + "a,cpu,,,,,,\n", "mine.csv: line 2: 'memory_bytes' is empty"},
      {"memory in words", heading + "a,cpu,12GB,,,,,\n", "mine.csv: line 2: memory_bytes: found '12GB'"},
      {"memory 0", heading + "a,cpu,0,,,,,\n", "mine.csv: line 2: memory_bytes: found '0'"},
      {"negative memory", heading + "a,cpu,-1,,,,,\n", "mine.csv: line 2: memory_bytes: found '-1'"},
      {"memory with a fraction", heading + "a,cpu,1.5,,,,,\n", "mine.csv: line 2: memory_bytes: found '1.5'"},
      {"memory over 2^50", heading + "a,cpu,1125899906842625,,,,,\n", "mine.csv: line 2: memory_bytes: found"},
      {"memory over 2^64", heading + "a,cpu,18446744073709551617,,,,,\n", "mine.csv: line 2: memory_bytes: found"},
      {"limit over memory", heading + "a,cpu,5,6,,,,\n", "mine.csv: line 2: limit_bytes is above memory_bytes"},
      {"bandwidth 0", heading + "a,cpu,5,,0,,,\n", "mine.csv: line 2: bandwidth_GBps: found '0'"},
      {"count 0", heading + "a,cpu,5,,,0,,\n", "mine.csv: line 2: count: found '0'"},
      {"count 4097", heading + "a,cpu,5,,,4097,,\n", "mine.csv: line 2: count: found '4097'"},
      {"common maybe", heading + "a,cpu,5,,,,,maybe\n", "mine.csv: line 2: common: found 'maybe'"},
      {"unknown member", heading + "a,cpu,5,,,2,b,\n", "mine.csv: line 2: member: no device 'b'"},
      {"member of itself", heading + "a,cpu,5,,,2,a,\n", "mine.csv: line 2: member: 'a' is itself made of 'a'"},
      {"member of a machine", heading + "a,cpu,5,,,2,dgx-h100,\n",
       "mine.csv: line 2: member: 'dgx-h100' is itself made of"},
      {"spoilt member", heading + "b,cpu,5,,,,,\nt4,cpu,5,,,,b,\n",
       "mine.csv: line 3: member: 't4' is itself made of 'b'"},
      {"id twice", heading + "a,cpu,5,,,,,\na,cpu,6,,,,,\n", "mine.csv: line 3: 'a' stands in line 2 already"},
      {"open quote", heading + "\"a,cpu,5\n", "mine.csv: line 2: found a quote that is never closed"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    Catalogue mine = Catalogue::built_in();
    const std::size_t before = mine.devices().size();
    CHECK_THROWS_AS(mine.add(row.text, "mine.csv"), UsageError);
    CHECK_THROWS_WITH(mine.add(row.text, "mine.csv"), Catch::Matchers::StartsWith(row.message));
    CHECK(mine.devices().size() == before);
    CHECK(mine.resolve("t4").kind == DeviceKind::Accelerator);
  }
}

TEST_CASE("the user's file is looked for in WEIGH_DEVICES, then XDG_CONFIG_HOME, then ~/.config") {
  const Folder folder;
  const std::string heading = "id,kind,memory_bytes\n";
  write(folder.path / "asked.csv", heading + "asked,cpu,5\n");
  write(folder.path / "config/weigh/devices.csv", heading + "from-config,cpu,5\n");
  write(folder.path / "home/.config/weigh/devices.csv", heading + "from-home,cpu,5\n");
  const std::size_t built_in = catalogue().devices().size();

  const Variable home("HOME", (folder.path / "home").string());
  const Variable no_config("XDG_CONFIG_HOME", "");
  const Variable not_asked("WEIGH_DEVICES", "");
  CHECK(load_catalogue().resolve("from-home").memory_bytes == 5);
  const Variable config("XDG_CONFIG_HOME", (folder.path / "config").string());
  CHECK(load_catalogue().resolve("from-config").memory_bytes == 5);
  const Variable asked("WEIGH_DEVICES", (folder.path / "asked.csv").string());
  CHECK(load_catalogue().resolve("asked").memory_bytes == 5);
  CHECK(load_catalogue().devices().size() == built_in + 1);

  SECTION("the usual place may be empty") {
    const Variable none("WEIGH_DEVICES", "");
    const Variable nowhere("XDG_CONFIG_HOME", (folder.path / "nowhere").string());
    CHECK(load_catalogue().devices().size() == built_in);
  }
  SECTION("a file that was asked for must be there, and be a file") {
    const Variable missing("WEIGH_DEVICES", (folder.path / "missing.csv").string());
    CHECK_THROWS_AS(load_catalogue(), UsageError);
    const Variable is_folder("WEIGH_DEVICES", folder.path.string());
    CHECK_THROWS_WITH(load_catalogue(), contains_text("cannot be read"));
  }
}
