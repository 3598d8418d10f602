// By element type, by role, by block and by file: each way of cutting a model gives the same whole.

#include <cstdlib>
#include <filesystem>
#include <set>
#include <string>

#include "src/checkpoint/open_checkpoint.h"
#include "src/model/model.h"
#include "tests/catch.h"
#include "tests/fixtures/fixture_list.h"

using namespace weigh::core;

namespace {

namespace fs = std::filesystem;

struct Whole {
  std::uint64_t tensors = 0, parameters = 0, bytes = 0;

  void add(std::uint64_t more_tensors, std::uint64_t more_parameters, std::uint64_t more_bytes) {
    tensors += more_tensors;
    parameters += more_parameters;
    bytes += more_bytes;
  }
  bool operator==(const Whole&) const = default;
};

void check_sums(const Model& model) {
  CAPTURE(model.checkpoint.path);
  const Whole whole{model.tensor_count(), model.total_parameters, model.weight_bytes};
  Whole dtypes, roles, blocks, files;
  for (const DtypeTotals& row : model.by_dtype) dtypes.add(row.tensors, row.parameters, row.bytes);
  for (const RoleTotals& row : model.by_role) roles.add(row.tensors, row.parameters, row.bytes);
  for (const BlockTotals& row : totals_by_block(model)) blocks.add(row.tensors, row.parameters, row.bytes);
  std::size_t i = 0;
  for (const ModelFile& file : model.checkpoint.files) {
    std::uint64_t parameters = 0;
    for (std::size_t n = 0; n < file.tensors.size(); ++n) parameters += model.tensors[i++].parameters;
    files.add(file.tensors.size(), parameters, file.tensor_bytes);
  }
  CHECK((dtypes == whole));
  CHECK((roles == whole));
  CHECK((blocks == whole));
  CHECK((files == whole));
}

// The same tensors, cut by what is known of each.
void check_parts(const Model& model) {
  CAPTURE(model.checkpoint.path);
  std::uint64_t routed = 0, predicting = 0;
  for (const TensorFacts& tensor : model.tensors) {
    if (tensor.routed_expert) routed += tensor.parameters;
    if (tensor.prediction) predicting += tensor.parameters;
    REQUIRE(tensor.block < model.blocks.size());
    CHECK(model.blocks[tensor.block].layer == tensor.layer);
    if (tensor.role == Role::Overhead) CHECK(tensor.parameters == 0);
  }
  CHECK(routed == (model.experts ? model.experts->parameters : 0));
  CHECK(predicting == (model.prediction ? model.prediction->parameters : 0));
  if (model.active_conventions) {
    CHECK(model.active_conventions->without_prediction <= model.active_parameters);
    CHECK(model.active_conventions->without_embedding <= model.active_conventions->without_prediction);
    CHECK(model.active_conventions->without_embedding_and_head <= model.active_conventions->without_embedding);
  }
}

bool overflows(const Model& model) {
  return std::ranges::any_of(model.findings, [](const Finding& f) { return f.code == FindingCode::SumOverflow; });
}

std::size_t check_path(const std::string& path) {
  std::size_t models = 0;
  for (Checkpoint& checkpoint : open_checkpoints(path).checkpoints) {
    const Model model = describe(std::move(checkpoint));
    if (overflows(model)) continue;  // its sums stop at 2^64 - 1, as a test of its own says
    check_sums(model);
    check_parts(model);
    ++models;
  }
  return models;
}

// The corpus as files: WEIGH_CORPUS names them, else they are made in the working folder (sparse, some 70 MB).
fs::path corpus() {
  if (const char* named = std::getenv("WEIGH_CORPUS")) return named;
  const fs::path script = fs::path(WEIGH_SOURCE) / ".." / "shared" / "corpus" / "materialize.py";
  if (!fs::exists(script)) std::exit(77);
  const fs::path folder = fs::current_path() / "corpus";
  if (!fs::exists(folder)) {
    const std::string command = "python3 '" + script.string() + "' '" + folder.string() + "' > /dev/null";
    REQUIRE(std::system(command.c_str()) == 0);
  }
  return folder;
}

}  // namespace

TEST_CASE("every fixture adds up, whichever way it is cut") {
  std::size_t models = 0;
  for (const char* kind : {"file", "set"}) {
    for (const fixtures::Fixture& fixture : fixtures::list(WEIGH_TESTDATA, kind)) {
      models += check_path(WEIGH_TESTDATA "/" + fixture.path);
    }
  }
  CHECK(models > 100);
}

TEST_CASE("every model of the corpus adds up, and every tensor of it has a role", "[.sums]") {
  std::set<std::string> paths;
  for (const fs::directory_entry& entry : fs::directory_iterator(corpus())) paths.insert(entry.path().string());
  REQUIRE(paths.size() > 40);
  for (const std::string& path : paths) {
    CHECK(check_path(path) > 0);
    for (Checkpoint& checkpoint : open_checkpoints(path).checkpoints) {
      CAPTURE(path);
      const Model model = describe(std::move(checkpoint));
      for (const TensorFacts& tensor : model.tensors) CHECK(tensor.role != Role::Other);
    }
  }
}
