#include "src/scan/walk.h"

#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <map>

using namespace weigh;

namespace {

namespace fs = std::filesystem;

const std::string kHex(64, 'a');
const std::string kHex2(64, 'b');

/// A tree that goes away with it. Models are files of the right name: a walk does not look into them.
struct Tree {
  fs::path root = fs::temp_directory_path() / ("weigh-walk-" + std::to_string(::getpid()));
  Tree() {
    fs::remove_all(root);
    fs::create_directories(root);
  }
  ~Tree() { fs::remove_all(root); }

  void file(const std::string& name, const std::string& text = "x") const {
    fs::create_directories((root / name).parent_path());
    std::ofstream(root / name, std::ios::binary) << text;
  }
  void link(const std::string& name, const std::string& target) const {
    fs::create_directories((root / name).parent_path());
    fs::create_symlink(target, root / name);
  }
  [[nodiscard]] std::string path(const std::string& name = "") const { return name.empty() ? root : root / name; }
};

struct Met {
  std::vector<FoundFolder> folders;
  std::vector<std::string> failed;

  /// "OWNER|FOLDER: names", a '-' before those that were met before; paths below the tree's root.
  [[nodiscard]] std::vector<std::string> texts(const Tree& tree) const {
    std::vector<std::string> all;
    for (const FoundFolder& found : folders) {
      std::string text = found.owner + "|" + fs::relative(found.folder.path, tree.root).string() + ":";
      for (const FoundFile& file : found.files) text += (file.first ? " " : " -") + file.name;
      all.push_back(text);
    }
    return all;
  }
};

Met met(const std::vector<std::string>& roots) {
  Met result;
  walk(roots, {.found = [&](FoundFolder&& found) { result.folders.push_back(std::move(found)); },
               .failed = [&](Failure&& failure) { result.failed.push_back(failure.path + ": " + failure.message); },
               .passed = [](std::uint64_t) { return true; }});
  return result;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("a walk meets models and what lies beside them, in the order of names") {
  const Tree tree;
  tree.file("b/model.safetensors");
  tree.file("b/config.json");
  tree.file("b/notes.txt");
  tree.file("a/two.gguf");
  tree.file("a/one.gguf.zst");
  tree.file("a/deep/er/x.weigh.zst");
  tree.file("empty/config.json");
  tree.file(".hidden/m.gguf");
  tree.file(".git/lfs/m.gguf");
  const Met result = met({tree.path()});
  CHECK(result.failed.empty());
  CHECK(result.texts(tree) == Texts{"|.hidden: m.gguf", "|a: one.gguf.zst two.gguf", "|a/deep/er: x.weigh.zst",
                                    "|b: config.json model.safetensors"});
  CHECK(result.folders[1].folder.path_of("two.gguf") == tree.path("a/two.gguf"));
}

TEST_CASE("files whose names say nothing are told by their first bytes") {
  const Tree tree;
  const std::string body(70'000, '\0');
  tree.file("model", "GGUF" + body);
  tree.file("weights.bin", "GGUF" + body);
  tree.file("small", "GGUF");
  tree.file("other", "ELF." + body);
  tree.file("model.txt", "GGUF" + body);
  const Met result = met({tree.path()});
  REQUIRE(result.texts(tree) == Texts{"|.: model.gguf weights.bin.gguf"});
  CHECK(result.folders[0].folder.path_of("model.gguf") == tree.path("model"));
}

TEST_CASE("each folder and each file counts once, by its own name rather than a link's") {
  const Tree tree;
  tree.file("real/m.gguf");
  tree.link("a-link", "real");
  tree.link("real/loop", "..");
  tree.link("0.gguf", "real/m.gguf");
  fs::create_directories(tree.path("z"));
  fs::create_hard_link(tree.path("real/m.gguf"), tree.path("z/hard.gguf"));
  const Met result = met({tree.path(), tree.path("real"), tree.path()});
  CHECK(result.failed.empty());
  CHECK(result.texts(tree) == Texts{"|real: m.gguf", "|z: -hard.gguf", "|.: -0.gguf"});
}

TEST_CASE("a folder that only a link leads to is walked") {
  const Tree tree;
  const Tree* const outside = &tree;
  outside->file("far/m.gguf");
  tree.file("near/n.gguf");
  tree.link("near/far", tree.path("far"));
  const Met result = met({tree.path("near")});
  CHECK(result.texts(tree) == Texts{"|near: n.gguf", "|far: m.gguf"});
}

TEST_CASE("what cannot be read is told, and the walk goes on") {
  const Tree tree;
  tree.file("m.gguf");
  tree.link("gone.gguf", "nowhere");
  const Met result = met({tree.path("missing"), tree.path()});
  CHECK(result.failed == Texts{tree.path("missing") + ": does not exist",
                               tree.path("gone.gguf") + ": a link to a file that is not there"});
  CHECK(result.texts(tree) == Texts{"|.: m.gguf"});
}

TEST_CASE("a file as a root stands for itself, with what says more about it") {
  const Tree tree;
  tree.file("m.safetensors");
  tree.file("n.safetensors");
  tree.file("config.json");
  CHECK(met({tree.path("m.safetensors")}).texts(tree) == Texts{"|.: config.json m.safetensors"});
}

TEST_CASE("Hugging Face's cache: the main commit by its owner's name, blobs and other commits left alone") {
  const Tree tree;
  const std::string repo = "hub/models--meta-llama--Llama-3.1-8B/";
  tree.file(repo + "blobs/" + kHex);
  tree.file(repo + "blobs/" + kHex2);
  tree.file(repo + "refs/main", "c0ffee\n");
  tree.link(repo + "snapshots/c0ffee/model.safetensors", "../../blobs/" + kHex);
  tree.link(repo + "snapshots/c0ffee/sub/x.gguf", "../../../blobs/" + kHex2);
  tree.link(repo + "snapshots/0ldc0de/model.safetensors", "../../blobs/" + kHex2);
  tree.file("hub/datasets--squad/snapshots/1/x.gguf");
  const Met result = met({tree.path()});
  CHECK(result.failed.empty());
  CHECK(result.texts(tree) == Texts{"meta-llama/Llama-3.1-8B|" + repo + "snapshots/c0ffee: model.safetensors",
                                    "meta-llama/Llama-3.1-8B/sub|" + repo + "snapshots/c0ffee/sub: x.gguf"});
  CHECK(result.folders[0].store == Store::HuggingFace);
}

TEST_CASE("Ollama's store: manifests name models, their blobs are files") {
  const Tree tree;
  const auto manifest = [](const std::string& layers) { return R"({"schemaVersion":2,"layers":[)" + layers + "]}"; };
  const auto layer = [](const std::string& kind, const std::string& digest) {
    return R"({"mediaType":"application/vnd.ollama.image.)" + kind + R"(","digest":")" + digest + R"("})";
  };
  tree.file("blobs/sha256-" + kHex, "GGUF");
  tree.file("blobs/sha256-" + kHex2, "GGUF");
  const std::string registry = "manifests/registry.ollama.ai/library/";
  tree.file(registry + "llama3.2/1b",
            manifest(layer("model", "sha256:" + kHex) + "," + layer("template", "sha256:" + kHex)));
  tree.file(registry + "llama3.2/latest", manifest(layer("model", "sha256:" + kHex)));
  tree.file("manifests/hf.co/org/vision/Q4",
            manifest(layer("model", "sha256:" + kHex2) + "," + layer("projector", "sha256:" + kHex)));
  tree.file(registry + "bad/escape", manifest(layer("model", "sha256:../../../etc/passwd")));
  tree.file(registry + "bad/json", "{");
  tree.file(registry + "bad/gone", manifest(layer("model", "sha256:" + std::string(64, 'c'))));
  const Met result = met({tree.path()});
  REQUIRE(result.texts(tree) == Texts{"hf.co/org/vision:Q4|.: mmproj.gguf model.gguf", "llama3.2:1b|.: -model.gguf",
                                      "llama3.2:latest|.: -model.gguf"});
  CHECK(result.folders[0].folder.path_of("model.gguf") == tree.path("blobs/sha256-" + kHex2));
  CHECK(result.failed.size() == 3);
}

TEST_CASE("LM Studio's folder: models by publisher and repository") {
  const Tree tree;
  tree.file(".lmstudio/models/publisher/repo/model-Q4_K_M.gguf");
  const Met result = met({tree.path()});
  CHECK(result.texts(tree) == Texts{"publisher/repo|.lmstudio/models/publisher/repo: model-Q4_K_M.gguf"});
}

TEST_CASE("a diffusers pipeline takes the files of its parts, which are no models by themselves") {
  const Tree tree;
  tree.file("pipe/model_index.json");
  tree.file("pipe/unet/diffusion_pytorch_model.safetensors");
  tree.file("pipe/unet/config.json");
  tree.file("pipe/scheduler/scheduler_config.json");
  const Met result = met({tree.path()});
  CHECK(result.texts(tree) == Texts{"|pipe: model_index.json scheduler/scheduler_config.json unet/config.json "
                                    "unet/diffusion_pytorch_model.safetensors"});
}

TEST_CASE("a visitor can end the walk") {
  const Tree tree;
  for (int i = 0; i < 40; ++i) {
    for (int n = 0; n < 40; ++n) tree.file("f" + std::to_string(i) + "/m" + std::to_string(n) + ".gguf");
  }
  std::size_t found = 0;
  walk({tree.path()}, {.found = [&](FoundFolder&&) { ++found; },
                       .failed = [](Failure&&) {},
                       .passed = [](std::uint64_t) { return false; }});
  CHECK(found < 40);
}
