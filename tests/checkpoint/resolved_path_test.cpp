#include "src/checkpoint/resolved_path.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/catch.h"

using namespace weigh::core;

namespace {

namespace fs = std::filesystem;

// A repository's folder of the Hugging Face cache.
class Repository {
 public:
  Repository() : path_(fs::temp_directory_path() / ("weigh-repository-" + std::to_string(::getpid()))) {
    fs::remove_all(path_);
    fs::create_directories(path_ / "refs");
  }
  ~Repository() { fs::remove_all(path_); }
  Repository(const Repository&) = delete;
  Repository& operator=(const Repository&) = delete;

  void add_commit(const std::string& commit) {
    const fs::path folder = path_ / "snapshots" / commit;
    fs::create_directories(folder);
    fs::copy_file(fs::path(WEIGH_TESTDATA) / "gguf/good/v3.gguf", folder / (commit.substr(0, 1) + ".gguf"));
  }
  void set_main(const std::string& text) { std::ofstream(path_ / "refs/main") << text; }

  // The file that it is taken for; empty when it is taken for none.
  [[nodiscard]] std::string chosen() const {
    const ResolvedPath resolved = resolve_path(path_.string());
    return resolved.selections.empty() ? "" : resolved.selections.front().files.front();
  }

 private:
  fs::path path_;
};

}  // namespace

TEST_CASE("a repository's folder in the Hugging Face cache is its current commit") {
  const std::string a(40, 'a');
  const std::string b(40, 'b');
  Repository repository;
  CHECK(repository.chosen().empty());  // a download that has only begun
  repository.add_commit(a);
  CHECK(repository.chosen() == "a.gguf");
  repository.add_commit(b);
  CHECK(repository.chosen().empty());  // neither is the current one
  repository.set_main(b + "\n");
  CHECK(repository.chosen() == "b.gguf");

  // Nothing that refs/main holds leads out of the folder or is read without end.
  for (const std::string& text : {std::string("../../../etc"), std::string(), std::string(1 << 20, 'b')}) {
    repository.set_main(text);
    CHECK(repository.chosen().empty());
  }
}
