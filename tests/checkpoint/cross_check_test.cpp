#include "src/checkpoint/cross_check.h"

#include <algorithm>

#include "src/checkpoint/shard_index.h"
#include "tests/catch.h"

using namespace weigh::core;

namespace {

using Names = std::vector<std::string>;

// Each tensor has one byte.
ModelFile shard(const std::string& name, const Names& tensors) {
  std::string json = "{";
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    json += (i == 0 ? "\"" : ", \"") + tensors[i] + R"(": {"dtype": "U8", "shape": [1], "data_offsets": [)" +
            std::to_string(i) + ", " + std::to_string(i + 1) + "]}";
  }
  json += '}';
  const std::string bytes =
      std::string(1, static_cast<char>(json.size())) + std::string(7, '\0') + json + std::string(tensors.size(), 'x');
  MemorySource source(std::as_bytes(std::span(bytes)));
  ModelFile file = read_model_file(source, name);
  file.name = name;
  return file;
}

struct Row {
  const char* what;
  Names first, second;  // tensors of the shards
  std::string index;    // of an index.json; empty without one
  std::uint64_t missing;
  std::vector<std::string_view> codes;
};

}  // namespace

TEST_CASE("a set is held to its index, and without one to itself") {
  const std::string both = R"("weight_map": {"a": "1.safetensors", "b": "2.safetensors"}})";
  const std::string sized = R"({"metadata": {"total_size": 2}, )" + both;
  const Row row = GENERATE_COPY(values<Row>({
      {"no index", {"a"}, {"b"}, "", 0, {}},
      {"no index, a tensor twice", {"a", "b"}, {"b"}, "", 0, {"duplicate-tensor"}},
      {"as the index says", {"a"}, {"b"}, sized, 0, {}},
      {"a tensor that the index does not know", {"a", "c"}, {"b"}, "{" + both, 0, {"unindexed-tensor"}},
      {"a tensor that is not there", {"a"}, {"c"}, "{" + both, 0, {"unindexed-tensor", "missing-tensor"}},
      {"a tensor in two shards", {"a", "b"}, {"b"}, sized, 0, {"tensor-in-two-shards"}},
      {"another size", {"a"}, {"b"}, R"({"metadata": {"total_size": 3}, )" + both, 0, {"index-total-size"}},
      {"of a part that is not there nothing is expected",
       {"a"},
       {"c"},
       sized,
       1,
       {"missing-shard", "unindexed-tensor"}},
  }));
  CAPTURE(row.what);
  Checkpoint checkpoint;
  checkpoint.files.push_back(shard("1.safetensors", row.first));
  checkpoint.files.push_back(shard("2.safetensors", row.second));
  Selection selection;
  selection.files = {"1.safetensors", "2.safetensors"};
  selection.missing_count = row.missing;
  if (!row.index.empty()) {
    MemorySource source(std::as_bytes(std::span(row.index)));
    selection.index = std::make_shared<const ShardIndex>(read_shard_index(source));
  }
  cross_check(checkpoint, selection);
  std::vector<std::string_view> codes;
  for (const Finding& finding : checkpoint.findings) codes.push_back(name_of(finding.code));
  CHECK(codes == row.codes);
  CHECK(parts_missing(checkpoint) == (row.missing != 0));
}

TEST_CASE("a tensor in two shards counts where the index names it, and its other bytes are padding") {
  Checkpoint checkpoint;
  checkpoint.files.push_back(shard("1.safetensors", {"a", "b"}));
  checkpoint.files.push_back(shard("2.safetensors", {"b"}));
  const std::string text = R"({"weight_map": {"a": "1.safetensors", "b": "2.safetensors"}})";
  MemorySource source(std::as_bytes(std::span(text)));
  Selection selection;
  selection.files = {"1.safetensors", "2.safetensors"};
  selection.index = std::make_shared<const ShardIndex>(read_shard_index(source));
  cross_check(checkpoint, selection);
  const ModelFile& first = checkpoint.files.front();
  REQUIRE(first.tensors.size() == 1);
  CHECK(first.tensors.front().name == "a");
  CHECK(first.tensor_bytes == 1);
  CHECK(first.padding_bytes == 1);
  CHECK(checkpoint.files.back().tensor_bytes == 1);
}
