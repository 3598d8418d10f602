#include "src/checkpoint/ollama_store.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "formats/error.h"
#include "src/checkpoint/open_checkpoint.h"
#include "src/checkpoint/take_snapshot.h"
#include "tests/catch.h"

using namespace weigh::core;

namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;

const std::string kLibrary = "models/manifests/registry.ollama.ai/library/";

std::string digest(char digit) { return std::string(64, digit); }

std::string layer(const std::string& kind, const std::string& hex, const std::string& name = "") {
  return R"({"mediaType":"application/vnd.ollama.image.)" + kind + R"(","digest":"sha256:)" + hex + R"(","name":")" +
         name + R"("})";
}

// The folder ~/.ollama, whose store is in "models".
class Home {
 public:
  Home() : path_(fs::temp_directory_path() / ("weigh-ollama-" + std::to_string(::getpid()))) {
    fs::remove_all(path_);
    fs::create_directories(path_ / "models/blobs");
    fs::create_directories(path_ / "models/manifests");
  }
  ~Home() { fs::remove_all(path_); }
  Home(const Home&) = delete;
  Home& operator=(const Home&) = delete;

  void add_blob(char digit, const std::string& fixture) const {
    fs::copy_file(fs::path(WEIGH_TESTDATA) / fixture, path_ / "models/blobs" / ("sha256-" + digest(digit)));
  }
  void add_file(const std::string& name, const std::string& text) const {
    fs::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name, std::ios::binary) << text;
  }
  void add_manifest(const std::string& name, const Names& layers) const {
    std::string text = R"({"layers":[)";
    for (std::size_t i = 0; i < layers.size(); ++i) text += (i == 0 ? "" : ",") + layers[i];
    add_file(kLibrary + name, text + "]}");
  }
  [[nodiscard]] std::string path(const std::string& name = "") const {
    return name.empty() ? path_.string() : (path_ / name).string();
  }
  [[nodiscard]] std::string blob(char digit) const { return path("models/blobs/sha256-" + digest(digit)); }

 private:
  fs::path path_;
};

Names names_of(const OpenResult& opened) {
  Names names;
  for (const Checkpoint& checkpoint : opened.checkpoints) names.push_back(checkpoint.name);
  return names;
}

}  // namespace

TEST_CASE("an Ollama store opens as its models, by Ollama's own names") {
  Home home;
  home.add_blob('a', "gguf/good/v3.gguf");
  home.add_blob('b', "gguf/good/v2.gguf");
  home.add_blob('c', "safetensors/good/tiny.safetensors");
  home.add_manifest("llama3/8b", {layer("model", digest('a')), layer("template", digest('f'))});
  home.add_manifest("llama3/latest", {layer("model", digest('a')), layer("model", digest('a'))});
  home.add_manifest("mlx/4b", {layer("tensor", digest('c'))});
  home.add_manifest("vision/4b", {layer("projector", digest('b')), layer("model", digest('a'))});
  const Names all{"llama3:8b", "llama3:latest", "mlx:4b", "vision:4b", "vision:4b/mmproj.gguf"};
  for (const std::string& path : {home.path(), home.path("models"), home.path("models") + '/'}) {
    CAPTURE(path);
    const OpenResult opened = open_checkpoints(path);
    CHECK(opened.failures.empty());
    REQUIRE(names_of(opened) == all);
    CHECK(opened.checkpoints[0].file_paths == Names{home.blob('a')});
    CHECK(opened.checkpoints[1].file_paths == Names{home.blob('a')});
    CHECK(opened.checkpoints[2].files.front().format == Format::Safetensors);
    for (const Checkpoint& checkpoint : opened.checkpoints) {  // each path leads back to its model
      const OpenResult again = open_checkpoints(checkpoint.path);
      CHECK(std::ranges::count(again.checkpoints, checkpoint.file_paths, &Checkpoint::file_paths) == 1);
    }
  }
  CHECK(names_of(open_checkpoints(home.path(kLibrary + "mlx/4b"))) == Names{"mlx:4b"});
  CHECK(take_snapshot(home.path(kLibrary + "mlx/4b")).name == "mlx:4b");
  CHECK_THROWS_AS(take_snapshot(home.path()), UsageError);

  home.add_file("models/own.gguf", "GGUF");
  CHECK(names_of(open_checkpoints(home.path("models"))) == all);
  CHECK(open_checkpoints(home.path("models")).failures.size() == 1);  // own.gguf is cut off
}

TEST_CASE("a damaged part of an Ollama store is a failure beside the rest") {
  struct Row {
    std::string what;
    std::string manifest;
    std::string message;
  };
  const std::string open = R"({"layers":[{"mediaType":"application/vnd.ollama.image.model","digest":")";
  for (const Row& row : {
           Row{"no JSON", "{", "no manifest of Ollama"},
           Row{"a list", "[]", "no manifest of Ollama"},
           Row{"layers of another type", R"({"layers": 1})", "no manifest of Ollama"},
           Row{"too large", std::string((1U << 20U) + 1, ' '), "1048577 bytes, more than 1048576"},
           Row{"a path", open + R"(sha256:../../../../etc/passwd"}]})", "64 hex digits"},
           Row{"a path of the right length", open + "sha256:../" + std::string(61, 'a') + R"("}]})", "64 hex digits"},
           Row{"another digest", open + "sha512:" + digest('a') + R"("}]})", "64 hex digits"},
           Row{"a blob's name", open + "sha256-" + digest('a') + R"("}]})", "64 hex digits"},
           Row{"no digest", open + R"("}]})", "64 hex digits"},
           Row{"a blob that is not there", R"({"layers":[)" + layer("model", digest('e')) + "]}",
               "a layer of bad:tag is missing"},
       }) {
    CAPTURE(row.what);
    Home home;
    home.add_blob('a', "gguf/good/v3.gguf");
    home.add_manifest("good/tag", {layer("model", digest('a'))});
    home.add_file(kLibrary + "bad/tag", row.manifest);
    const OpenResult opened = open_checkpoints(home.path());
    CHECK(names_of(opened) == Names{"good:tag"});
    REQUIRE(opened.failures.size() == 1);
    CHECK(opened.failures.front().message.find(row.message) != std::string::npos);
  }
}

TEST_CASE("what is no Ollama store, or an empty one") {
  Home home;
  CHECK(open_checkpoints(home.path()).checkpoints.empty());
  CHECK(open_checkpoints(home.path()).failures.size() == 1);
  home.add_blob('a', "gguf/good/v3.gguf");
  home.add_file("models/manifests/less/deep", R"({"layers":[]})");
  CHECK(open_checkpoints(home.path("models")).failures.front().message ==
        "is a store of blobs, as Ollama keeps it, without a manifest that names a model");
  CHECK_FALSE(ollama_store_at(home.path("models/blobs")));
  CHECK_FALSE(ollama_manifest_at(home.path("models/manifests/less/deep")));
  CHECK_FALSE(ollama_manifest_at("x.gguf"));
  CHECK_FALSE(ollama_manifest_at(""));
}
