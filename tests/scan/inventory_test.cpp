#include "src/scan/inventory.h"

#include <sqlite3.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "formats/error.h"
#include "src/scan/stored_row.h"
#include "tests/catch.h"

using namespace weigh::core;

namespace {

namespace fs = std::filesystem;

/// A file name in a folder of its own that goes away with it.
struct Place {
  fs::path folder = fs::temp_directory_path() / ("weigh-inventory-" + std::to_string(::getpid()));
  Place() {
    fs::remove_all(folder);
    fs::create_directories(folder);
  }
  ~Place() { fs::remove_all(folder); }
  [[nodiscard]] std::string file(const char* name = "models.sqlite") const { return (folder / name).string(); }
};

StoredModel model(const std::string& path, std::uint64_t parameters = 7) {
  const std::string line = R"({"schema":"weigh.inspect/2","path":")" + path +
                           R"(","name":"m","weights":{"bytes":4,"by_dtype":[]},"parameters":{"total":)" +
                           std::to_string(parameters) + "}}";
  return {row_from_line(line), line, "signature of " + path};
}

std::vector<std::string> paths(const Inventory& inventory, const std::vector<std::string>& roots = {}) {
  std::vector<std::string> all;
  inventory.each(roots, {.model = [&](StoredModel&& model) { all.push_back(model.row.path); },
                         .failure = [&](const Failure& failure) { all.push_back("!" + failure.path); },
                         .damaged =
                             [&](const Failure& damage, const std::string& folder) {
                               all.push_back("?" + damage.path + " in " + folder + ": " + damage.message);
                             }});
  return all;
}

}  // namespace

TEST_CASE("a folder is current while its signature and its run are") {
  const Place place;
  {
    Inventory inventory(place.file(), "1");
    inventory.put({"/m/a", "s1", "on x", {model("/m/a/1.gguf"), model("/m/a/2.gguf")}, {}});
    inventory.put({"/m/b", "s2", "", {}, {{"/m/b/bad.gguf", "is empty", std::nullopt}}});
    inventory.finish();
  }
  const Inventory inventory(place.file(), "1");
  CHECK(paths(inventory) == std::vector<std::string>{"/m/a/1.gguf", "/m/a/2.gguf", "!/m/b/bad.gguf"});
  CHECK(inventory.is_current("/m/a", "s1", "on x"));
  CHECK(inventory.is_current("/m/a", "s1", ""));
  CHECK_FALSE(inventory.is_current("/m/a", "s1", "on y"));
  CHECK_FALSE(inventory.is_current("/m/a", "s2", ""));
  CHECK_FALSE(inventory.is_current("/m/c", "s1", ""));
  REQUIRE(inventory.models_of("/m/a", "on x").size() == 2);
  CHECK(inventory.models_of("/m/a", "on x")[0].signature == "signature of /m/a/1.gguf");
  CHECK(inventory.models_of("/m/a", "on y").empty());
}

TEST_CASE("what is put replaces the folder, what is gone is forgotten, what could not be read is kept") {
  const Place place;
  Inventory inventory(place.file(), "1");
  for (const char* folder : {"/m", "/m/a", "/m/ab", "/m/away", "/other"}) {
    inventory.put({folder, "s", "", {model(std::string(folder) + "/1.gguf")}, {}});
  }
  inventory.put({"/m/a", "s", "", {model("/m/a/2.gguf", 1ULL << 63U)}, {}});
  CHECK(paths(inventory, {"/m/a"}) == std::vector<std::string>{"/m/a/2.gguf"});
  inventory.forget({"/m"}, {"/m/a"}, {"/m/away"});
  CHECK(paths(inventory) == std::vector<std::string>{"/m/a/2.gguf", "/m/away/1.gguf", "/other/1.gguf"});
}

TEST_CASE("a process that ends before finish() leaves whole folders") {
  const Place place;
  {
    Inventory inventory(place.file(), "1");
    inventory.put({"/m/a", "s1", "", {model("/m/a/1.gguf")}, {}});
    inventory.finish();
    inventory.put({"/m/b", "s1", "", {model("/m/b/1.gguf")}, {}});
  }
  const Inventory inventory(place.file(), "1");
  CHECK(paths(inventory) == std::vector<std::string>{"/m/a/1.gguf"});
  CHECK_FALSE(inventory.is_current("/m/b", "s1", ""));
}

TEST_CASE("another version reads all anew and loses nothing") {
  const Place place;
  { Inventory(place.file(), "1").put({"/m/a", "s1", "", {model("/m/a/1.gguf")}, {}}); }
  {
    Inventory first(place.file(), "1");
    first.put({"/m/a", "s1", "", {model("/m/a/1.gguf")}, {}});
    first.finish();
  }
  const Inventory inventory(place.file(), "2");
  CHECK(paths(inventory).size() == 1);
  CHECK_FALSE(inventory.is_current("/m/a", "s1", ""));
  CHECK(inventory.models_of("/m/a", "").empty());
}

TEST_CASE("loaded lines replace those of the same path") {
  const Place place;
  Inventory inventory(place.file(), "1");
  inventory.load(model("/far/1.gguf", 1));
  inventory.load(model("/far/1.gguf", 2));
  inventory.load(Failure{"/far/2.gguf", "is empty", 5});
  CHECK(paths(inventory) == std::vector<std::string>{"/far/1.gguf", "!/far/2.gguf"});
}

TEST_CASE("a file that is no inventory is left alone, with a sentence") {
  const Place place;
  std::ofstream(place.file("text")) << "not a database, but long enough to be looked at as one by a careless reader";
  CHECK_THROWS_AS(Inventory(place.file("text"), "1"), IoError);
  sqlite3* other = nullptr;
  REQUIRE(sqlite3_open(place.file("other").c_str(), &other) == SQLITE_OK);
  sqlite3_exec(other, "create table models (x)", nullptr, nullptr, nullptr);
  sqlite3_close(other);
  CHECK_THROWS_WITH(Inventory(place.file("other"), "1"), contains_text("another program"));
  CHECK_THROWS_AS(Inventory(place.file("missing/folder/x"), "1"), IoError);
}

TEST_CASE("a newer version's inventory is listed and not scanned into") {
  const Place place;
  {
    Inventory inventory(place.file(), "1.10.0");
    inventory.put({"/m/a", "s1", "", {model("/m/a/1.gguf")}, {}});
    inventory.finish();
  }
  for (const char* older : {"1.9.9", "1.2", "0.99.0"}) {
    CAPTURE(older);
    CHECK_THROWS_WITH(Inventory(place.file(), older), contains_text("1.10.0"));
    CHECK(paths(Inventory(place.file(), older, InventoryUse::List)) == std::vector<std::string>{"/m/a/1.gguf"});
  }
  for (const char* same : {"1.10", "1.10.0"}) CHECK_NOTHROW(Inventory(place.file(), same));
}

TEST_CASE("a listing sees one moment while a scan writes") {
  const Place place;
  Inventory scan(place.file(), "1");
  scan.put({"/m/a", "s1", "", {model("/m/a/1.gguf")}, {}});
  scan.finish();
  scan.put({"/m/b", "s1", "", {model("/m/b/1.gguf")}, {}});
  const Inventory listing(place.file(), "1", InventoryUse::List);
  CHECK(paths(listing) == std::vector<std::string>{"/m/a/1.gguf"});
  scan.finish();
  CHECK(paths(listing) == std::vector<std::string>{"/m/a/1.gguf"});
  CHECK(paths(Inventory(place.file(), "1", InventoryUse::List)).size() == 2);
}

TEST_CASE("a damaged row is told by its path and folder, and read anew") {
  const Place place;
  {
    Inventory inventory(place.file(), "1");
    StoredModel broken = model("/m/a/1.gguf");
    broken.line = "{";
    inventory.put({"/m/a", "s1", "", {broken, model("/m/a/2.gguf")}, {}});
    inventory.finish();
  }
  Inventory inventory(place.file(), "1");
  CHECK(paths(inventory) == std::vector<std::string>{"?/m/a/1.gguf in /m/a: no line of a scan", "/m/a/2.gguf"});
  CHECK(inventory.models_of("/m/a", "").size() == 1);
  inventory.mark_changed({"/m/a"});
  CHECK_FALSE(inventory.is_current("/m/a", "s1", ""));
}
