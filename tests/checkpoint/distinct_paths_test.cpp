#include "src/checkpoint/distinct_paths.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/catch.h"

using namespace weigh::core;

namespace {

namespace fs = std::filesystem;

// A folder to work in, with the names in it as paths.
class Scratch {
 public:
  Scratch() : path_(fs::temp_directory_path() / ("weigh-distinct-" + std::to_string(::getpid()))) {
    fs::remove_all(path_);
    fs::create_directories(path_);
  }
  ~Scratch() { fs::remove_all(path_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  void add(const std::string& name, const std::string& text = "") const {
    fs::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name) << text;
  }
  void link(const std::string& name, const std::string& target) const {
    fs::create_directories((path_ / name).parent_path());
    fs::create_symlink(path_ / target, path_ / name);
  }
  [[nodiscard]] std::vector<std::string> distinct(const std::vector<std::string>& names) const {
    std::vector<std::string> paths;
    for (const std::string& name : names) paths.push_back(name == "-" ? name : path_.string() + "/" + name);
    std::vector<std::string> kept;
    for (const std::string& path : distinct_paths(paths)) {
      kept.push_back(path == "-" ? path : path.substr(path_.string().size() + 1));
    }
    return kept;
  }

 private:
  fs::path path_;
};

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("a set named by several of its parts is one path, the first one") {
  const Scratch scratch;
  for (const char* name : {"a-00001-of-00003.gguf", "a-00002-of-00003.gguf", "a-00003-of-00003.gguf",
                           "b-00001-of-00003.gguf", "b-00002-of-00003.gguf", "z.gguf"}) {
    scratch.add(name);
  }
  CHECK(scratch.distinct({"b-00002-of-00003.gguf", "a-00002-of-00003.gguf", "a-00001-of-00003.gguf", "z.gguf",
                          "b-00001-of-00003.gguf", "a-00003-of-00003.gguf"}) ==
        Names{"b-00002-of-00003.gguf", "a-00002-of-00003.gguf", "z.gguf"});
}

TEST_CASE("shards of an index are one path, with the index itself") {
  const Scratch scratch;
  scratch.add("s/model.safetensors.index.json", R"({"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}})");
  for (const char* name : {"s/one.safetensors", "s/two.safetensors", "s/three.safetensors"}) scratch.add(name);
  CHECK(scratch.distinct({"s/one.safetensors", "s/three.safetensors", "s/two.safetensors",
                          "s/model.safetensors.index.json"}) == Names{"s/one.safetensors", "s/three.safetensors"});
  CHECK(scratch.distinct({"s/model.safetensors.index.json", "s/two.safetensors"}) ==
        Names{"s/model.safetensors.index.json"});
}

TEST_CASE("another spelling and a link name the same model") {
  const Scratch scratch;
  scratch.add("m/a.gguf");
  scratch.add("m/p-00001-of-00002.gguf");
  scratch.add("m/p-00002-of-00002.gguf");
  scratch.link("a.gguf", "m/a.gguf");
  scratch.link("n", "m");
  scratch.link("p-00001-of-00002.gguf", "m/p-00001-of-00002.gguf");
  scratch.link("p-00002-of-00002.gguf", "m/p-00002-of-00002.gguf");
  CHECK(scratch.distinct({"m/a.gguf", "./m/a.gguf", "m/../m/a.gguf", "a.gguf", "n/a.gguf"}) == Names{"m/a.gguf"});
  CHECK(scratch.distinct({"m/p-00002-of-00002.gguf", "n/p-00001-of-00002.gguf", "p-00001-of-00002.gguf"}) ==
        Names{"m/p-00002-of-00002.gguf"});
  CHECK(scratch.distinct({"m", "n", "m/"}) == Names{"m"});
  CHECK(scratch.distinct({"-", "m/a.gguf", "-"}) == Names{"-", "m/a.gguf"});
}

TEST_CASE("two models that share files are two") {
  const Scratch scratch;
  scratch.add("blobs/one");
  for (const char* commit : {"a", "b"}) {
    const std::string folder = commit;
    scratch.link(folder + "/p-00001-of-00002.gguf", "blobs/one");
    scratch.add(folder + "/p-00002-of-00002.gguf");
    scratch.link(folder + "/model.safetensors", "blobs/one");  // each with a config.json of its own
  }
  const Names sets{"a/p-00001-of-00002.gguf", "b/p-00001-of-00002.gguf"};
  CHECK(scratch.distinct(sets) == sets);
  const Names folders{"a/model.safetensors", "b/model.safetensors"};
  CHECK(scratch.distinct(folders) == folders);
}

TEST_CASE("what cannot be looked at stays") {
  const Scratch scratch;
  scratch.add("s/model.safetensors.index.json", "no JSON");
  scratch.add("s/one.safetensors");
  const Names names{"gone", "gone", "s/one.safetensors", "gone-00001-of-00002.gguf"};
  CHECK(scratch.distinct(names) == names);
}
