#include "src/scan/walk.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <optional>

using namespace weigh::core;

namespace {

namespace fs = std::filesystem;

const std::string kHex(64, 'a');
const std::string kHex2(64, 'b');
const std::string kHex3(64, 'c');
const std::string kBody(70'000, '\0');

/// A tree that goes away with it. Models are files of the right name: a walk does not look into them.
struct Tree {
  fs::path root = fs::canonical(fs::temp_directory_path()) / ("weigh-walk-" + std::to_string(::getpid()));
  Tree() {
    fs::remove_all(root);
    fs::create_directories(root);
  }
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;
  ~Tree() {
    std::error_code ignored;
    fs::remove_all(root, ignored);
  }

  void file(const std::string& name, const std::string& text = "x") const {
    fs::create_directories((root / name).parent_path());
    std::ofstream(root / name, std::ios::binary) << text;
  }
  void files(const std::vector<std::string>& names) const {
    for (const std::string& name : names) file(name);
  }
  /// `target` as a link has it: relative to the link's folder, or absolute.
  void link(const std::string& name, const std::string& target) const {
    fs::create_directories((root / name).parent_path());
    fs::create_symlink(target, root / name);
  }
  void hard_link(const std::string& name, const std::string& target) const {
    fs::create_directories((root / name).parent_path());
    fs::create_hard_link(root / target, root / name);
  }
  [[nodiscard]] std::string path(const std::string& name = "") const {
    return name.empty() ? root.string() : (root / name).string();
  }
};

struct Met {
  std::vector<FoundFolder> folders;
  std::vector<Failure> failures;

  /// "OWNER|FOLDER: names", a '-' before those that were met before; paths below the tree's root.
  [[nodiscard]] std::vector<std::string> texts(const Tree& tree) const {
    std::vector<std::string> all;
    for (const FoundFolder& found : folders) {
      const fs::path path = found.folder.path.empty() ? "." : found.folder.path;
      std::string text =
          found.owner + "|" +
          fs::absolute(path / "").lexically_normal().parent_path().lexically_relative(tree.root).string() + ":";
      for (const FoundFile& file : found.files) text += (file.first ? " " : " -") + file.name;
      all.push_back(text);
    }
    return all;
  }
  /// "PATH: why", the path below the tree's root.
  [[nodiscard]] std::vector<std::string> failed(const Tree& tree) const {
    std::vector<std::string> all;
    for (const Failure& failure : failures) {
      all.push_back(fs::path(failure.path).lexically_relative(tree.root).string() + ": " + failure.message);
    }
    return all;
  }
};

Met met(const std::vector<std::string>& roots) {
  Met result;
  walk(roots, {.found = [&](FoundFolder&& found) { result.folders.push_back(std::move(found)); },
               .failed = [&](Failure&& failure) { result.failures.push_back(std::move(failure)); },
               .passed = [](std::uint64_t) { return true; }});
  return result;
}

using Texts = std::vector<std::string>;

struct Row {
  std::string name;
  std::function<void(const Tree&)> make;
  std::vector<std::string> roots;  ///< below the tree; "" is the tree itself
  Texts found;
  Texts failed = {};
};

void check(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    const Tree tree;
    row.make(tree);
    std::vector<std::string> roots;
    for (const std::string& root : row.roots) roots.push_back(tree.path() + (root.empty() ? "" : "/" + root));
    const Met result = met(roots);
    CAPTURE(row.name);
    CHECK(result.texts(tree) == row.found);
    CHECK(result.failed(tree) == row.failed);
  }
}

std::string manifest(const std::vector<std::string>& layers) {
  std::string text = R"({"schemaVersion":2,"layers":[)";
  for (std::size_t i = 0; i < layers.size(); ++i) text += (i == 0 ? "" : ",") + layers[i];
  return text + "]}";
}
std::string layer(const std::string& kind, const std::string& hex, const std::string& name = "") {
  return R"({"mediaType":"application/vnd.ollama.image.)" + kind + R"(","digest":"sha256:)" + hex + R"(","name":")" +
         name + R"("})";
}
const std::string kLibrary = "manifests/registry.ollama.ai/library/";

/// Another user than root, who may read everything: for as long as it lives.
struct OrdinaryUser {
  OrdinaryUser() {
    if (::geteuid() == 0) is_root_ = ::seteuid(65534) == 0;
  }
  OrdinaryUser(const OrdinaryUser&) = delete;
  OrdinaryUser& operator=(const OrdinaryUser&) = delete;
  ~OrdinaryUser() {
    if (is_root_ && ::seteuid(0) != 0) std::abort();
  }

 private:
  bool is_root_ = false;
};

struct WorkingFolder {
  fs::path before = fs::current_path();
  explicit WorkingFolder(const std::string& path) { fs::current_path(path); }
  WorkingFolder(const WorkingFolder&) = delete;
  WorkingFolder& operator=(const WorkingFolder&) = delete;
  ~WorkingFolder() { fs::current_path(before); }
};

}  // namespace

TEST_CASE("a walk meets models and what lies beside them, in the order of names") {
  check({
      {"names that tell a model, and what lies beside",
       [](const Tree& tree) {
         tree.files(
             {"b/model.safetensors", "b/config.json", "b/chat_template.jinja", "b/notes.txt", "b/x.safetensors.zst"});
         tree.files({"a/two.gguf", "a/one.gguf.zst", "a/deep/er/x.weigh.zst", "a/other.zst", "c/z.gguf"});
       },
       {""},
       {"|a: one.gguf.zst two.gguf", "|a/deep/er: x.weigh.zst",
        "|b: chat_template.jinja config.json model.safetensors x.safetensors.zst", "|c: z.gguf"}},
      {"a folder without a model is none",
       [](const Tree& tree) {
         tree.files({"config.json", "model.safetensors.index.json", "a.bin", "gguf", "b/x.pt"});
       },
       {""},
       {}},
      {"hidden folders are entered, a repository's own is not",
       [](const Tree& tree) {
         tree.files({".cache/m.gguf", ".git/lfs/m.gguf", "sub/.git/m.gguf"});
       },
       {""},
       {"|.cache: m.gguf"}},
      {"a folder or a pipe that is called like a model is none",
       [](const Tree& tree) {
         tree.file("folder.gguf/m.gguf");
         REQUIRE(::mkfifo(tree.path("pipe.gguf").c_str(), 0600) == 0);
         REQUIRE(::mkfifo(tree.path("pipe").c_str(), 0600) == 0);
       },
       {""},
       {"|folder.gguf: m.gguf"}},
  });
}

TEST_CASE("files whose names say nothing are told by their first bytes") {
  check({
      {"no extension or .bin, large enough, GGUF",
       [](const Tree& tree) {
         tree.file("model", "GGUF" + kBody);
         tree.file("weights.bin", "GGUF" + kBody);
         tree.file("small", "GGUF");
         tree.file("other", "ELF." + kBody);
         tree.file("model.txt", "GGUF" + kBody);
       },
       {""},
       {"|.: model.gguf weights.bin.gguf"}},
      {"a name that is taken stays with its owner",
       [](const Tree& tree) {
         tree.file("model", "GGUF" + kBody);
         tree.file("model.gguf");
       },
       {""},
       {"|.: model.gguf model.gguf.gguf"}},
      {"by a link",
       [](const Tree& tree) {
         tree.file("a/model", "GGUF" + kBody);
         tree.link("b/again", "../a/model");
       },
       {""},
       {"|a: model.gguf", "|b: -again.gguf"}},
  });
  const Tree tree;
  tree.file("model", "GGUF" + kBody);
  tree.file("model.gguf", "GGUF the real one");
  const Met result = met({tree.path()});
  REQUIRE(result.folders.size() == 1);
  const Folder& folder = result.folders[0].folder;
  CHECK(folder.path_of("model.gguf") == tree.path("model.gguf"));
  CHECK(folder.path_of("model.gguf.gguf") == tree.path("model"));
  CHECK(folder.open("model.gguf")->size() == 17);
  CHECK(folder.open("model.gguf.gguf")->size() == kBody.size() + 4);
}

TEST_CASE("roots: nested ones once, files with their sets") {
  const auto two = [](const Tree& tree) { tree.files({"a/m.gguf", "b/n.gguf"}); };
  const auto shards = [](const Tree& tree) {
    tree.files({"s/a-00001-of-00002.gguf", "s/a-00002-of-00002.gguf", "s/b.gguf", "s/c.gguf", "s/config.json"});
    tree.file("s/bare", "GGUF" + kBody);
  };
  const auto indexed = [](const Tree& tree) {
    tree.files({"i/one.safetensors", "i/two.safetensors", "i/three.safetensors", "i/config.json"});
    tree.file("i/model.safetensors.index.json", R"({"weight_map":{"x":"one.safetensors","y":"two.safetensors"}})");
  };
  check({
      {"named twice, and nested", two, {"", "a", ""}, {"|a: m.gguf", "|b: n.gguf"}},
      {"nested, the inner one first", two, {"b", ""}, {"|b: n.gguf", "|a: m.gguf"}},
      {"a '/' behind", two, {"a///"}, {"|a: m.gguf"}},
      {"not there",
       two,
       {"none", "a", "a/m.gguf/"},
       {"|a: m.gguf"},
       {"none: does not exist", "a/m.gguf/: Not a directory"}},
      {"a file alone", shards, {"s/b.gguf"}, {"|s: b.gguf config.json"}},
      {"a file's set",
       shards,
       {"s/a-00002-of-00002.gguf"},
       {"|s: a-00001-of-00002.gguf a-00002-of-00002.gguf config.json"}},
      {"a file's set by its index",
       indexed,
       {"i/two.safetensors"},
       {"|i: config.json model.safetensors.index.json one.safetensors two.safetensors"}},
      {"an index",
       indexed,
       {"i/model.safetensors.index.json"},
       {"|i: config.json model.safetensors.index.json one.safetensors two.safetensors"}},
      {"a file that the index beside it does not know",
       indexed,
       {"i/three.safetensors"},
       {"|i: config.json three.safetensors"}},
      {"several files of one folder are one folder, each once",
       shards,
       {"s/c.gguf", "s/b.gguf", "s/c.gguf"},
       {"|s: b.gguf c.gguf config.json"}},
      {"a file and the folder it lies in", two, {"a/m.gguf", ""}, {"|a: m.gguf", "|b: n.gguf"}},
      {"a file by first bytes, whatever it is called",
       [](const Tree& tree) { tree.file("model.txt", "GGUF"); },
       {"model.txt"},
       {"|.: model.txt.gguf"}},
      {"no model",
       [](const Tree& tree) {
         tree.files({"notes.txt", "m.gguf"});
       },
       {"notes.txt"},
       {},
       {"notes.txt: is no GGUF or safetensors file"}},
      {"a pipe",
       [](const Tree& tree) { REQUIRE(::mkfifo(tree.path("pipe.gguf").c_str(), 0600) == 0); },
       {"pipe.gguf"},
       {},
       {"pipe.gguf: is neither a folder nor a file"}},
      {"a broken link",
       [](const Tree& tree) { tree.link("m.gguf", "gone"); },
       {"m.gguf"},
       {},
       {"m.gguf: a link to a file that is not there"}},
  });
  const Tree tree;
  two(tree);
  const WorkingFolder here(tree.path("a"));
  CHECK(met({"."}).texts(tree) == Texts{"|a: m.gguf"});
  CHECK(met({"."}).folders.at(0).folder.name == "a");
  CHECK(met({"m.gguf"}).folders.at(0).folder.path_of("m.gguf") == "m.gguf");
  CHECK(met({"../b", "n.gguf"}).folders.at(0).folder.path_of("n.gguf") == "../b/n.gguf");
}

TEST_CASE("each folder and each file counts once, by its own name rather than a link's") {
  check({
      {"a link that sorts before the file, a hard link behind it, a loop",
       [](const Tree& tree) {
         tree.file("real/m.gguf");
         tree.link("a-link", "real");
         tree.link("real/loop", "..");
         tree.link("0.gguf", "real/m.gguf");
         tree.hard_link("z/hard.gguf", "real/m.gguf");
       },
       {""},
       {"|real: m.gguf", "|z: -hard.gguf", "|.: -0.gguf"}},
      {"hard links in the order of their paths",
       [](const Tree& tree) {
         tree.file("b/m.gguf");
         tree.hard_link("a/m.gguf", "b/m.gguf");
         tree.hard_link("a/n.gguf", "b/m.gguf");
       },
       {""},
       {"|a: m.gguf -n.gguf", "|b: -m.gguf"}},
      {"hard links in a folder and in those below, in the order of their paths",
       [](const Tree& tree) {
         tree.files({"a/m.gguf", "m/n.gguf"});
         tree.hard_link("b.gguf", "a/m.gguf");
         tree.hard_link("c.gguf", "m/n.gguf");
         tree.hard_link("z/m.gguf", "m/n.gguf");
       },
       {""},
       {"|a: m.gguf", "|m: -n.gguf", "|z: -m.gguf", "|.: -b.gguf c.gguf"}},
      {"a link beside a real file does not take the file's turn from it",
       [](const Tree& tree) {
         tree.files({"a/real.gguf", "b/other.gguf"});
         tree.link("a/link.gguf", "../b/other.gguf");
         tree.hard_link("z/hard.gguf", "a/real.gguf");
       },
       {""},
       {"|b: other.gguf", "|z: -hard.gguf", "|a: -link.gguf real.gguf"}},
      {"two links to a file that lies elsewhere",
       [](const Tree& tree) {
         tree.file("far/m.gguf");
         tree.link("near/b/m.gguf", "../../far/m.gguf");
         tree.link("near/a/m.gguf", "../../far/m.gguf");
       },
       {"near"},
       {"|near/a: m.gguf", "|near/b: -m.gguf"}},
      {"a file in a linked folder before a link to it",
       [](const Tree& tree) {
         tree.file("far/m.gguf");
         tree.link("near/0.gguf", "../far/m.gguf");
         tree.link("near/out", "../far");
       },
       {"near"},
       {"|near/out: m.gguf", "|near: -0.gguf"}},
      {"links to folders in the order of their paths, each target once, after everything else",
       [](const Tree& tree) {
         tree.files({"far/m.gguf", "else/e.gguf", "near/z/n.gguf"});
         tree.link("near/b/far", "../../far");
         tree.link("near/a/far", "../../far");
         tree.link("near/a/else", "../../else");
         tree.link("near/a/z", "../z");
       },
       {"near"},
       {"|near/z: n.gguf", "|near/a/else: e.gguf", "|near/a/far: m.gguf"}},
      {"a link in a linked folder",
       [](const Tree& tree) {
         tree.file("far/m.gguf");
         tree.link("mid/on", "../far");
         tree.link("mid/back", "../near");
         tree.link("near/mid", "../mid");
       },
       {"near"},
       {"|near/mid/on: m.gguf"}},
      {"folders that link to each other and to themselves",
       [](const Tree& tree) {
         tree.files({"a/m.gguf", "b/n.gguf"});
         tree.link("a/self", ".");
         tree.link("a/to-b", "../b");
         tree.link("b/to-a", "../a");
         tree.link("b/root", "..");
         tree.link("b/nothing", "nothing");
       },
       {""},
       {"|a: m.gguf", "|b: n.gguf"}},
      {"links that lead nowhere: told where the name is a model's",
       [](const Tree& tree) {
         tree.file("m.gguf");
         tree.link("gone.gguf", "nowhere");
         tree.link("gone.safetensors", "gone.safetensors");
         tree.link("gone.txt", "nowhere");
       },
       {""},
       {"|.: m.gguf"},
       {"gone.gguf: a link to a file that is not there", "gone.safetensors: a link to a file that is not there"}},
  });
}

TEST_CASE("a file's stamp is its target's") {
  const Tree tree;
  tree.file("far/m.gguf", "12345");
  tree.link("near/link.gguf", "../far/m.gguf");
  struct stat status {};
  REQUIRE(::stat(tree.path("far/m.gguf").c_str(), &status) == 0);
  const Met result = met({tree.path("near")});
  REQUIRE(result.folders.size() == 1);
  const FileStamp stamp = result.folders[0].files.at(0).stamp;
  CHECK(stamp.bytes == 5);
  CHECK(stamp.inode == status.st_ino);
  CHECK(stamp.device == status.st_dev);
  CHECK(stamp.modified_ns / 1'000'000'000 == status.st_mtime);
  fs::resize_file(tree.path("far/m.gguf"), 6);
  CHECK(met({tree.path("near")}).folders.at(0).files.at(0).stamp != stamp);
}

TEST_CASE("folders that cannot be read or that vanish are told, and the walk goes on") {
  const Tree tree;
  tree.files({"a/m.gguf", "b/m.gguf", "c/m.gguf", "d/m.gguf"});
  fs::permissions(tree.path("b"), fs::perms::none);
  Met result;
  {
    const OrdinaryUser user;
    result = met({tree.path("b"), tree.path()});
  }
  fs::permissions(tree.path("b"), fs::perms::owner_all);
  CHECK(result.texts(tree) == Texts{"|a: m.gguf", "|c: m.gguf", "|d: m.gguf"});
  CHECK(result.failed(tree) == Texts{"b: the folder cannot be listed: Permission denied"});

  Met rest;
  walk({tree.path()}, {.found =
                           [&](FoundFolder&& found) {
                             fs::remove_all(tree.path("c"));
                             rest.folders.push_back(std::move(found));
                           },
                       .failed = [&](Failure&& failure) { rest.failures.push_back(std::move(failure)); },
                       .passed = [](std::uint64_t) { return true; }});
  CHECK(rest.texts(tree) == Texts{"|a: m.gguf", "|b: m.gguf", "|d: m.gguf"});
  CHECK(rest.failed(tree) == Texts{"c: does not exist"});
}

TEST_CASE("Hugging Face's cache: the main commit by its owner's name, blobs and other commits left alone") {
  const std::string repo = "hub/models--meta-llama--Llama-3.1-8B/";
  const std::string owner = "meta-llama/Llama-3.1-8B";
  const auto cache = [repo](const Tree& tree) {
    tree.file(repo + "blobs/" + kHex, "GGUF" + kBody);
    tree.file(repo + "blobs/" + kHex2, "GGUF" + kBody);
    tree.file(repo + "refs/main", "c0ffee\n");
    tree.link(repo + "snapshots/c0ffee/model.safetensors", "../../blobs/" + kHex);
    tree.link(repo + "snapshots/c0ffee/sub/x.gguf", "../../../blobs/" + kHex2);
    tree.link(repo + "snapshots/01dc0de/model.safetensors", "../../blobs/" + kHex);
  };
  const auto with_main = [&](const std::string& main) {
    return [=](const Tree& tree) {
      cache(tree);
      fs::remove(tree.path(repo + "refs/main"));
      if (!main.empty()) tree.file(repo + "refs/main", main);
    };
  };
  const std::string main = owner + "|" + repo + "snapshots/c0ffee: model.safetensors";
  const std::string sub = owner + "/sub|" + repo + "snapshots/c0ffee/sub: x.gguf";
  const std::string old = owner + "|" + repo + "snapshots/01dc0de: model.safetensors";
  const std::string main_again = owner + "|" + repo + "snapshots/c0ffee: -model.safetensors";
  check({
      {"the main commit", cache, {""}, {main, sub}},
      {"the repository's folder as the root", cache, {repo}, {main, sub}},
      {"the snapshot as the root", cache, {repo + "snapshots/c0ffee/"}, {main, sub}},
      {"a folder of the snapshot as the root", cache, {repo + "snapshots/c0ffee/sub"}, {sub}},
      {"a file as the root", cache, {repo + "snapshots/c0ffee/model.safetensors"}, {main}},
      {"no main commit: all, links once", with_main(""), {""}, {old, main_again, sub}},
      {"a main commit that is not there: all", with_main("abcdef"), {""}, {old, main_again, sub}},
      {"a main commit that leads out of the cache: all",
       [&](const Tree& tree) {
         with_main("../../../elsewhere")(tree);
         tree.file("elsewhere/x.gguf");
       },
       {"hub"},
       {old, main_again, sub}},
      {"another kind, and a download that has only begun",
       [](const Tree& tree) {
         tree.files({"hub/datasets--squad/snapshots/1/x.gguf", "hub/spaces--a--b/snapshots/1/x.gguf"});
         tree.file("hub/models--a--b/blobs/" + kHex + ".incomplete");
         tree.file("hub/models--a--b/blobs/" + kHex2, "GGUF" + kBody);
         tree.file("hub/models--gpt2/snapshots/1/x.gguf");
       },
       {""},
       {"gpt2|hub/models--gpt2/snapshots/1: x.gguf"}},
      {"a blob that is gone",
       [](const Tree& tree) {
         tree.link("models--a--b/snapshots/1/x.gguf", "../../blobs/" + kHex);
         tree.file("models--a--b/snapshots/1/y.gguf");
       },
       {""},
       {"a/b|models--a--b/snapshots/1: y.gguf"},
       {"models--a--b/snapshots/1/x.gguf: a link to a file that is not there"}},
      {"a link from elsewhere is the second name",
       [&](const Tree& tree) {
         cache(tree);
         tree.link("a.safetensors", repo + "snapshots/c0ffee/model.safetensors");
       },
       {""},
       {main, sub, "|.: -a.safetensors"}},
  });
  const Tree tree;
  cache(tree);
  tree.link("current", repo + "snapshots/c0ffee");
  const Met linked = met({tree.path("current")});
  REQUIRE(linked.folders.size() == 2);
  CHECK(linked.folders[0].owner == owner);
  CHECK(linked.folders[0].store == Store::HuggingFace);
  CHECK(linked.folders[0].folder.name == owner);
  const WorkingFolder here(tree.path(repo));
  CHECK(met({"."}).texts(tree) == Texts{main, sub});
}

TEST_CASE("Ollama's store: manifests name models, their blobs are files") {
  const auto blobs = [](const Tree& tree) {
    for (const std::string& hex : {kHex, kHex2, kHex3}) tree.file("blobs/sha256-" + hex, "GGUF" + kBody);
  };
  const auto with = [&](const std::string& name, const std::string& text) {
    return [=](const Tree& tree) {
      blobs(tree);
      tree.file(name, text);
      tree.file(kLibrary + "zz/last", manifest({layer("model", kHex)}));
    };
  };
  const std::string last = "zz:last|.: model.gguf";
  const std::string bad = kLibrary + "bad/tag";
  const std::string escape = R"({"layers":[{"mediaType":"application/vnd.ollama.image.model","digest":"sha256:)";
  const std::string wrong_digest = "sha256: and 64 hex digits";
  check({
      {"tags of one blob count once, each by its name",
       [&](const Tree& tree) {
         blobs(tree);
         tree.file(kLibrary + "llama3.2/1b", manifest({layer("model", kHex), layer("template", kHex2)}));
         tree.file(kLibrary + "llama3.2/latest", manifest({layer("model", kHex)}));
         tree.file("manifests/registry.ollama.ai/someone/thing/v1", manifest({layer("model", kHex2)}));
         tree.file("manifests/hf.co/org/vision/Q4", manifest({layer("model", kHex3)}));
       },
       {""},
       {"hf.co/org/vision:Q4|.: model.gguf", "llama3.2:1b|.: model.gguf", "llama3.2:latest|.: -model.gguf",
        "someone/thing:v1|.: model.gguf"}},
      {"several parts, a projector, an adapter, a draft",
       with(kLibrary + "many/parts", manifest({layer("model", kHex), layer("projector", kHex3), layer("model", kHex2),
                                               layer("adapter", kHex3), layer("draft", kHex3)})),
       {""},
       {"many:parts|.: -adapter.gguf -draft.gguf mmproj.gguf model-00001-of-00002.gguf model-00002-of-00002.gguf",
        "zz:last|.: -model.gguf"}},
      {"tensors and the files beside them",
       with(kLibrary + "safe/tensors",
            manifest({layer("tensor", kHex2, "a.weight"), layer("tensor", kHex3, "b.weight"),
                      layer("json", kHex, "config.json"), layer("json", kHex, "config.json"),
                      layer("json", kHex, "../up.json"), layer("json", kHex, "model-00001-of-00002.safetensors")})),
       {""},
       {"safe:tensors|.: config.json model-00001-of-00002.safetensors model-00002-of-00002.safetensors", last}},
      {"no weights", with(kLibrary + "only/text", manifest({layer("template", kHex)})), {""}, {last}},
      {"a file that is no manifest by its place", with("manifests/README", "{"), {""}, {last}},
      {"no JSON", with(bad, "{"), {""}, {last}, {bad + ": no manifest of Ollama: expected JSON with layers"}},
      {"layers that are none", with(bad, R"({"layers":[1,null,{"mediaType":7}]})"), {""}, {last}},
      {"more than 4 MiB",
       with(bad, std::string((4U << 20U) + 1, ' ')),
       {""},
       {last},
       {bad + ": size: found 4194305, expected at most 4194304"}},
      {"a digest that leads out of the store",
       with(bad, escape + R"(../../../etc/passwd"}]})"),
       {""},
       {last},
       {bad + ": digest: found 'sha256:../../../etc/passwd', expected " + wrong_digest}},
      {"a digest of the right length that leads out of the store",
       with(bad, escape + "../" + std::string(61, 'a') + R"("}]})"),
       {""},
       {last},
       {bad + ": digest: found 'sha256:../" + std::string(61, 'a') + "', expected " + wrong_digest}},
      {"a layer that is missing",
       with(bad, manifest({layer("model", std::string(64, 'd')), layer("projector", kHex2)})),
       {""},
       {"bad:tag|.: mmproj.gguf", last},
       {"blobs/sha256-" + std::string(64, 'd') + ": a layer of bad:tag is missing"}},
      {"blobs on another disk, and models that lie in the store's folder",
       [&](const Tree& tree) {
         tree.file("disk/sha256-" + kHex, "GGUF" + kBody);
         tree.link("store/blobs", "../disk");
         tree.file("store/" + kLibrary + "m/tag", manifest({layer("model", kHex)}));
         tree.file("store/extra/x.gguf");
       },
       {"store"},
       {"m:tag|store: model.gguf", "|store/extra: x.gguf"}},
  });
  const Tree tree;
  tree.file("blobs/sha256-" + kHex, "GGUF and nine");
  tree.file(kLibrary + "m/tag", manifest({layer("model", kHex)}));
  const Met result = met({tree.path()});
  REQUIRE(result.folders.size() == 1);
  CHECK(result.folders[0].store == Store::Ollama);
  CHECK(result.folders[0].folder.path_of("model.gguf") == tree.path("blobs/sha256-" + kHex));
  CHECK(result.folders[0].folder.open("model.gguf")->size() == 13);
}

TEST_CASE("LM Studio's folder: models by publisher and repository") {
  const std::string file = ".lmstudio/models/publisher/repo/model.gguf";
  const std::string found = "publisher/repo|.lmstudio/models/publisher/repo: model.gguf";
  const auto now = [&](const Tree& tree) { tree.files({file, ".lmstudio/models/loose/x.gguf", "models/a/b/y.gguf"}); };
  const std::string loose = "|.lmstudio/models/loose: x.gguf";
  check({
      {"from above", now, {""}, {loose, found, "|models/a/b: y.gguf"}},
      {"its folder as the root", now, {".lmstudio/models/"}, {loose, found}},
      {"the repository as the root", now, {".lmstudio/models/publisher/repo"}, {found}},
      {"a file as the root", now, {file}, {found}},
      {"the older place",
       [](const Tree& tree) { tree.file(".cache/lm-studio/models/p/r/m.gguf"); },
       {""},
       {"p/r|.cache/lm-studio/models/p/r: m.gguf"}},
  });
  const Tree tree;
  now(tree);
  const WorkingFolder here(tree.path(".lmstudio/models"));
  const Met result = met({"publisher"});
  CHECK(result.texts(tree) == Texts{found});
  CHECK(result.folders.at(0).store == Store::LmStudio);
}

TEST_CASE("a diffusers pipeline takes the files of its parts, which are no models by themselves") {
  const auto pipeline = [](const Tree& tree) {
    tree.files({"pipe/model_index.json", "pipe/unet/diffusion_pytorch_model.safetensors", "pipe/unet/config.json",
                "pipe/scheduler/scheduler_config.json"});
  };
  const std::string whole =
      "|pipe: model_index.json scheduler/scheduler_config.json unet/config.json "
      "unet/diffusion_pytorch_model.safetensors";
  check({
      {"one folder", pipeline, {""}, {whole}},
      {"its part as another root", pipeline, {"pipe", "pipe/unet"}, {whole}},
      {"models that are no part of it: of another format, deeper, hidden",
       [&](const Tree& tree) {
         pipeline(tree);
         tree.files({"pipe/unet/small.gguf", "pipe/unet/old/m.safetensors", "pipe/.old/m.safetensors"});
       },
       {""},
       {whole, "|pipe/.old: m.safetensors", "|pipe/unet: config.json small.gguf", "|pipe/unet/old: m.safetensors"}},
      {"a part that is a link",
       [&](const Tree& tree) {
         pipeline(tree);
         tree.file("shared/vae.safetensors");
         tree.link("pipe/vae", "../shared");
       },
       {"pipe"},
       {whole + " vae/vae.safetensors"}},
      {"a part that is a link to a folder of models",
       [&](const Tree& tree) {
         pipeline(tree);
         tree.file("shared/vae.safetensors");
         tree.link("pipe/vae", "../shared");
       },
       {""},
       {"|shared: vae.safetensors", whole + " -vae/vae.safetensors"}},
      {"without model_index.json each is its own",
       [&](const Tree& tree) {
         pipeline(tree);
         fs::remove(tree.path("pipe/model_index.json"));
       },
       {""},
       {"|pipe/unet: config.json diffusion_pytorch_model.safetensors"}},
  });
}

TEST_CASE("a walk tells how many names it met, again and again, and can be ended") {
  const Tree tree;
  for (int i = 0; i < 40; ++i) {
    for (int n = 0; n < 40; ++n) tree.file("f" + std::to_string(i) + "/m" + std::to_string(n) + ".gguf");
  }
  std::uint64_t names = 0;
  std::size_t told = 0;
  std::size_t found = 0;
  walk({tree.path()}, {.found = [&](FoundFolder&&) { ++found; },
                       .failed = [](Failure&&) {},
                       .passed =
                           [&](std::uint64_t more) {
                             names += more;
                             ++told;
                             return true;
                           }});
  CHECK(found == 40);
  CHECK(names == 40 * 40 + 40);
  CHECK(told >= 3);

  for (int i = 0; i < 1200; ++i) tree.file("notes" + std::to_string(i % 2) + "/" + std::to_string(i) + ".txt");
  told = 0;
  walk({tree.path("notes0"), tree.path("notes1")}, {.found = [](FoundFolder&&) {},
                                                    .failed = [](Failure&&) {},
                                                    .passed =
                                                        [&](std::uint64_t) {
                                                          ++told;
                                                          return true;
                                                        }});
  CHECK(told == 3);

  found = 0;
  walk({tree.path(), tree.path("missing")}, {.found = [&](FoundFolder&&) { ++found; },
                                             .failed = [](Failure&&) {},
                                             .passed = [](std::uint64_t) { return false; }});
  CHECK(found < 40);
}
