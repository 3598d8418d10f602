#include "src/scan/identity.h"

#include <filesystem>
#include <string>
#include <vector>

#include "src/checkpoint/open_checkpoint.h"
#include "tests/catch.h"

namespace weigh::core {
namespace {

std::vector<Checkpoint> good_models() {
  std::vector<Checkpoint> models;
  for (const std::string folder : {"/gguf/good", "/safetensors/good"}) {
    for (const auto& entry : std::filesystem::directory_iterator(WEIGH_TESTDATA + folder)) {
      for (Checkpoint& checkpoint : open_checkpoints(entry.path().string()).checkpoints) {
        models.push_back(std::move(checkpoint));
      }
    }
  }
  return models;
}

TEST_CASE("an identity that is known already is the one that is found anew") {
  const std::vector<Checkpoint> models = good_models();
  REQUIRE(models.size() > 50);
  Identities identities;
  for (int round = 0; round < 2; ++round) {
    for (const Checkpoint& model : models) {
      CAPTURE(round, model.path);
      const Identity found = identities.of(model);
      const Identity expected = identity_of(model);
      CHECK(found.tensors == expected.tensors);
      CHECK(found.header == expected.header);
    }
  }
}

TEST_CASE("a file of another size with the same header is another model") {
  OpenResult opened = open_checkpoints(std::string(WEIGH_TESTDATA) + "/safetensors/good/every-dtype.safetensors");
  REQUIRE(opened.checkpoints.size() == 1);
  Checkpoint& model = opened.checkpoints.front();
  Identities identities;
  const Identity whole = identities.of(model);
  model.files.front().file_bytes += 1;
  const Identity longer = identities.of(model);
  CHECK(longer.tensors == whole.tensors);
  CHECK(longer.header != whole.header);
}

}  // namespace
}  // namespace weigh::core
