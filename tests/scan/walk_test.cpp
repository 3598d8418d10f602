#include "src/scan/walk.h"

#include <sys/stat.h>

#include <algorithm>
#include <optional>

#include "tests/scan/walk_tree.h"

using namespace weigh::core;

namespace {

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

}  // namespace

TEST_CASE("a walk meets models and what is next to them, in the order of names") {
  check({
      {"names that tell a model, and what is next to them",
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
      {"what systems leave beside files is passed over",
       [](const Tree& tree) {
         tree.files({"m.gguf", "._m.gguf", "._x.safetensors", ".DS_Store", "Thumbs.db", "__MACOSX/._m.gguf"});
       },
       {""},
       {"|.: m.gguf"}},
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

#ifdef __linux__
TEST_CASE("the kernel's files are not entered, whatever leads to them") {
  check({
      {"links",
       [](const Tree& tree) {
         tree.file("a.gguf");
         tree.link("devices", "/dev");
         tree.link("own", "/proc/self/fd");
         tree.link("process", "/proc/self");
         tree.link("run", "/run");
         tree.link("system", "/sys");
         tree.link("up", "/proc/..//proc");
       },
       {""},
       {"|.: a.gguf"}},
  });
  const Met named = met({"/proc", "/proc/self"});
  CHECK(named.folders.empty());
  REQUIRE(named.failures.size() == 2);
  CHECK_THAT(named.failures[0].message, contains_text("kernel"));
}
#endif

TEST_CASE("a name in an open folder has the state of its path, and none where the path is too long to be opened") {
  const Tree tree;
  tree.files({"a/model.gguf"});
  tree.link("a/link.gguf", "model.gguf");
  tree.link("a/broken.gguf", "nowhere");
  FolderListing listing = list_folder(tree.path("a"));
  for (const char* name : {"model.gguf", "link.gguf"}) {
    const auto status = listing.status_of(name);
    REQUIRE(status);
    CHECK(status->stamp == status_of(tree.path(std::string("a/") + name))->stamp);
    CHECK(status->is_file);
  }
  CHECK_FALSE(listing.status_of("broken.gguf"));
  CHECK(is_absent());
  listing.path.append(5000, '/');
  CHECK_FALSE(listing.status_of("model.gguf"));
  CHECK_FALSE(is_absent());
}
