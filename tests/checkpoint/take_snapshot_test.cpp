#include "src/checkpoint/take_snapshot.h"

#include <algorithm>
#include <optional>

#include "formats/error.h"
#include "tests/catch.h"

using namespace weigh::core;

namespace {
const std::string kTestdata = WEIGH_TESTDATA;
}

TEST_CASE("a snapshot of a snapshot says the same as the model") {
  const std::string path = kTestdata + "/safetensors/good/sharded";
  const Snapshot first = take_snapshot(path);
  CHECK(std::ranges::count(first.files, "config.json", &SnapshotFile::name) == 1);
  CHECK(std::ranges::count(first.files, "model.safetensors.index.json", &SnapshotFile::name) == 1);
  for (const SnapshotFile& file : first.files) {
    if (file.name.ends_with(".safetensors")) CHECK(file.head.size() < file.file_bytes);
  }
}

TEST_CASE("a snapshot of what is not a model is an error") {
  const auto code_of = [](const std::string& path) -> std::optional<FindingCode> {
    try {
      take_snapshot(kTestdata + path);
    } catch (const Error& error) {
      return error.code;
    }
    return std::nullopt;
  };
  CHECK(code_of("/safetensors/bad/no-model") == FindingCode::NoModel);
  CHECK(code_of("/other/page.gguf") == FindingCode::OtherFormat);
  CHECK(code_of("/other/lfs-pointer.gguf") == FindingCode::LfsPointer);
}
