#include "src/checkpoint/take_snapshot.h"

#include <algorithm>

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
  CHECK_THROWS(take_snapshot(kTestdata + "/other"));
  CHECK_THROWS(take_snapshot(kTestdata + "/other/lfs-pointer.gguf"));
}
