#include "src/audit/digests.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <stdexcept>

#include "tests/catch.h"

using namespace weigh::core;
namespace fs = std::filesystem;
using Kind = ExpectedDigest::Kind;

namespace {

const std::string kA(64, 'a'), kB(64, 'b'), kGit(40, 'c'), kCommit = "0123456789abcdef0123456789abcdef01234567";

// A folder that goes away with the test, filled from a table of names and contents; "-> X" makes a link to X.
struct Tree {
  fs::path path;

  explicit Tree(const std::map<std::string, std::string>& files) {
    std::string name = (fs::temp_directory_path() / "weigh-digests-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path = name;
    for (const auto& [file, content] : files) {
      fs::create_directories((path / file).parent_path());
      if (content.starts_with("-> ")) {
        fs::create_symlink(content.substr(3), path / file);
      } else {
        std::ofstream(path / file, std::ios::binary) << content;
      }
    }
  }
  ~Tree() { fs::remove_all(path); }
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;
};

struct Stated {
  Kind kind;
  std::string hex, by;
  std::optional<std::uint64_t> size = std::nullopt;
};

struct Row {
  std::string what;
  std::map<std::string, std::string> files;
  std::string path;
  std::vector<Stated> expected;
};

void check(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const Tree tree(row.files);
    const auto digests = DigestRecords().expected((tree.path / row.path).string());
    REQUIRE(digests.size() == row.expected.size());
    for (std::size_t i = 0; i < digests.size(); ++i) {
      CHECK(digests[i].kind == row.expected[i].kind);
      CHECK(digests[i].hex == row.expected[i].hex);
      CHECK(digests[i].stated_by == row.expected[i].by);
      CHECK(digests[i].size == row.expected[i].size);
    }
  }
}

}  // namespace

TEST_CASE("a store's blob is named by its digest") {
  const std::string snapshot = "models--o--n/snapshots/" + kCommit + "/";
  check({
      {"a link of the Hugging Face cache",
       {{snapshot + "m.safetensors", "-> ../../blobs/" + kA}, {"models--o--n/blobs/" + kA, "x"}},
       snapshot + "m.safetensors",
       {{Kind::Sha256, kA, "the blob's name"}}},
      {"deeper, and a file that is no LFS file",
       {{snapshot + "sub/m", "-> ../../../blobs/" + kGit}, {"models--o--n/blobs/" + kGit, "x"}},
       snapshot + "sub/m",
       {{Kind::GitId, kGit, "the blob's name"}}},
      {"a user's link to that link",
       {{snapshot + "m", "-> ../../blobs/" + kA},
        {"models--o--n/blobs/" + kA, "x"},
        {"mine.safetensors", "-> " + snapshot + "m"}},
       "mine.safetensors",
       {{Kind::Sha256, kA, "the blob's name"}}},
      {"the blob itself", {{"blobs/" + kB, "x"}}, "blobs/" + kB, {{Kind::Sha256, kB, "the blob's name"}}},
      {"Ollama", {{"blobs/sha256-" + kB, "x"}}, "blobs/sha256-" + kB, {{Kind::Sha256, kB, "the blob's name"}}},
      {"unfinished", {{"blobs/" + kB + ".incomplete", "x"}}, "blobs/" + kB + ".incomplete", {}},
      {"a name that only looks like it", {{"weights/" + kB, "x"}}, "weights/" + kB, {}},
      {"no hexadecimal number", {{"blobs/" + std::string(64, 'g'), "x"}}, "blobs/" + std::string(64, 'g'), {}},
      {"links in a circle", {{"a", "-> b"}, {"b", "-> a"}}, "a", {}},
      {"nothing there", {}, "absent", {}},
  });
}

TEST_CASE("a commit's list of files states digests and sizes") {
  const std::string repository = "models--o--n/";
  const std::string snapshot = repository + "snapshots/" + kCommit + "/";
  const std::string list = repository + "trees/" + kCommit + ".json";
  const std::string tree = R"({"format_version": 1, "files": {
    "config.json": {"size": 519, "blob_id": ")" +
                           kGit + R"("},
    "sub/m": {"size": 130, "blob_id": ")" +
                           kGit + R"(", "lfs_sha256": ")" + kA + R"(", "lfs_size": 1234}}})";
  check({
      {"a large file",
       {{snapshot + "sub/m", "x"}, {list, tree}},
       snapshot + "sub/m",
       {{Kind::Sha256, kA, "the commit's list of files", 1234}}},
      {"a small one",
       {{snapshot + "config.json", "x"}, {list, tree}},
       snapshot + "config.json",
       {{Kind::GitId, kGit, "the commit's list of files", 519}}},
      {"the blob's name says the same: one digest, and its size",
       {{snapshot + "sub/m", "-> ../../../blobs/" + kA}, {list, tree}},
       snapshot + "sub/m",
       {{Kind::Sha256, kA, "the blob's name", 1234}}},
      {"the blob's name says otherwise",
       {{snapshot + "sub/m", "-> ../../../blobs/" + kB}, {list, tree}},
       snapshot + "sub/m",
       {{Kind::Sha256, kB, "the blob's name"}, {Kind::Sha256, kA, "the commit's list of files", 1234}}},
      {"not in the list", {{snapshot + "m", "x"}, {list, tree}}, snapshot + "m", {}},
      {"a list of another kind", {{snapshot + "m", "x"}, {list, R"({"format_version": 2})"}}, snapshot + "m", {}},
      {"no JSON", {{snapshot + "m", "x"}, {list, "{"}}, snapshot + "m", {}},
      {"JSON of other types",
       {{snapshot + "m", "x"}, {list, R"({"format_version": 1, "files": {"m": {"lfs_sha256": 1, "size": "x"}}})"}},
       snapshot + "m",
       {}},
      {"an array", {{snapshot + "m", "x"}, {list, "[1]"}}, snapshot + "m", {}},
  });
}

TEST_CASE("a download into a folder leaves the digest beside it") {
  const std::string store = "d/.cache/huggingface/";
  const std::string lines = kCommit + "\n" + kA + "\n1700000000.5\n";
  check({
      {"at the top",
       {{"d/m.gguf", "x"}, {store + "download/m.gguf.metadata", lines}},
       "d/m.gguf",
       {{Kind::Sha256, kA, "m.gguf.metadata"}}},
      {"in a folder below",
       {{"d/sub/m.gguf", "x"}, {store + "download/sub/m.gguf.metadata", lines}},
       "d/sub/m.gguf",
       {{Kind::Sha256, kA, "m.gguf.metadata"}}},
      {"the commit's list gives the size",
       {{"d/m", "x"},
        {store + "download/m.metadata", lines},
        {store + "trees/" + kCommit + ".json",
         R"({"format_version": 1, "files": {"m": {"size": 5, "lfs_sha256": ")" + kA + R"("}}})"}},
       "d/m",
       {{Kind::Sha256, kA, "m.metadata", 5}}},
      {"one of another file", {{"d/m", "x"}, {store + "download/n.metadata", lines}}, "d/m", {}},
      {"an etag that is none", {{"d/m", "x"}, {store + "download/m.metadata", "a\nb\nc\n"}}, "d/m", {}},
      {"one line", {{"d/m", "x"}, {store + "download/m.metadata", kA}}, "d/m", {}},
  });
}

TEST_CASE("lists of digests beside the file") {
  const std::vector<Stated> found = {{Kind::Sha256, kA, "SHA256SUMS"}};
  const auto listed = [&](std::string what, const std::string& text, std::vector<Stated> expected) {
    return Row{std::move(what), {{"m.gguf", "x"}, {"SHA256SUMS", text}}, "m.gguf", std::move(expected)};
  };
  check({
      listed("as sha256sum writes it", kB + "  other\n" + kA + "  m.gguf\n", found),
      listed("of binary files, in capitals, without an end of line", std::string(64, 'A') + " *m.gguf", found),
      listed("with the line ends of another system", kA + "  ./m.gguf\r\n", found),
      listed("as BSD writes it", "SHA256 (m.gguf) = " + kA + "\n", found),
      listed("of another file", kA + "  M.gguf\n" + kB + "  sub/m.gguf\n" + kB + "  m.gguf.bak\n", {}),
      listed("malformed lines",
             kA + " m.gguf\n" + kA + "\nSHA256 (m.gguf = " + kA + "\nSHA256 (\n) = \nab  m.gguf\n\n\\\n", {}),
      listed("too short, too long", kA.substr(1) + "  m.gguf\n" + kA + "a  m.gguf\nSHA256 (m.gguf) = " + kA + "a\n",
             {}),
      listed("two that differ", kA + "  m.gguf\n" + kB + "  m.gguf\n",
             {{Kind::Sha256, kA, "SHA256SUMS"}, {Kind::Sha256, kB, "SHA256SUMS"}}),
      listed("what a limit cuts is no line", std::string((1U << 20U) - 72, '\n') + kA + "  m.gguf.bak\n", {}),
      {"a name with a line end in it",
       {{"m\n\\.gguf", "x"}, {"SHA256SUMS", "\\" + kA + "  m\\n\\\\.gguf\n"}},
       "m\n\\.gguf",
       found},
      {"one file's own list",
       {{"m.gguf", "x"}, {"m.gguf.sha256", kA + "\n"}},
       "m.gguf",
       {{Kind::Sha256, kA, "m.gguf.sha256"}}},
      {"the list of another name",
       {{"m.gguf", "x"}, {"sha256sum.txt", kA + "  m.gguf\n"}},
       "m.gguf",
       {{Kind::Sha256, kA, "sha256sum.txt"}}},
      {"a list elsewhere", {{"d/m.gguf", "x"}, {"SHA256SUMS", kA + "  m.gguf\n"}}, "d/m.gguf", {}},
      {"a link out of the folder",
       {{"d/m.gguf", "x"}, {"list", kA + "  m.gguf\n"}, {"d/SHA256SUMS", "-> ../list"}},
       "d/m.gguf",
       {}},
  });
}

TEST_CASE("the files of a commit are those of its list that belong into the folder") {
  const std::string list =
      R"({"format_version":1,"files":{"config.json":{"size":2,"blob_id":"x"},"unet/a.safetensors":{"size":1,)"
      R"("lfs_sha256":"y","lfs_size":9},"../out.json":{"size":1},"/etc/passwd":{"size":1},"odd":7}})";
  const std::string older(40, '9');
  struct ListRow {
    std::string what;
    std::map<std::string, std::string> files;
    std::string path;
    std::vector<std::string> names;
  };
  const std::string store = "d/.cache/huggingface/";
  const std::vector<ListRow> rows = {
      {"a snapshot",
       {{"m/snapshots/" + kCommit + "/config.json", "{}"}, {"m/trees/" + kCommit + ".json", list}},
       "m/snapshots/" + kCommit,
       {"config.json", "unet/a.safetensors"}},
      {"a folder in it, which another folder links to",
       {{"m/snapshots/" + kCommit + "/unet/b.json", "{}"},
        {"m/trees/" + kCommit + ".json", list},
        {"link", "-> m/snapshots/" + kCommit + "/unet"}},
       "link",
       {"a.safetensors"}},
      {"a download, the newest of two",
       {{"d/config.json", "{}"},
        {store + "download/config.json.metadata", kCommit + "\n" + kGit + "\n1700000001.5\n"},
        {store + "download/old.json.metadata", older + "\n" + kGit + "\n1700000000.0\n"},
        {store + "trees/" + kCommit + ".json", list}},
       "d/",
       {"config.json", "unet/a.safetensors"}},
      {"no list", {{"m/snapshots/" + kCommit + "/config.json", "{}"}}, "m/snapshots/" + kCommit, {}},
      {"a list of another format",
       {{"m/snapshots/" + kCommit + "/config.json", "{}"},
        {"m/trees/" + kCommit + ".json", R"({"format_version":2,"files":{"a":{"size":1}}})"}},
       "m/snapshots/" + kCommit,
       {}},
  };
  for (const ListRow& row : rows) {
    CAPTURE(row.what);
    const Tree tree(row.files);
    const auto commit = DigestRecords().commit_files((tree.path / row.path).string());
    CHECK(commit.has_value() == !row.names.empty());
    if (!commit) continue;
    CHECK(commit->commit == kCommit);
    std::vector<std::string> names;
    for (const CommitFile& file : commit->files) names.push_back(file.name);
    CHECK(names == row.names);
    CHECK(commit->files.back().size == 9);
  }
}
