#include "src/report/difference.h"

#include "src/checkpoint/open_checkpoint.h"
#include "tests/catch.h"

using namespace weigh::core;

namespace {

Model model_of(const std::string& path) {
  OpenResult opened = open_checkpoints(std::string(WEIGH_TESTDATA) + "/" + path);
  REQUIRE(opened.checkpoints.size() == 1);
  return describe(std::move(opened.checkpoints.front()));
}

}  // namespace

TEST_CASE("a model equals itself, however it is spread over files") {
  const Model sharded = model_of("safetensors/good/sharded");
  CHECK(compare(sharded, sharded).equal());
  const Model parts = model_of("gguf/good/split-00001-of-00003.gguf");
  CHECK(compare(parts, model_of("gguf/good/split-00002-of-00003.gguf")).equal());
}

TEST_CASE("two types of one model: the same tensors, each retyped, and sums on both sides") {
  const Model a = model_of("snapshots/Llama-2-7B.Q4_0.weigh.zst");
  const Model b = model_of("snapshots/Llama-2-7B.Q8_0.weigh.zst");
  const Difference difference = compare(a, b);
  CHECK_FALSE(difference.equal());
  CHECK(difference.added.empty());
  CHECK(difference.removed.empty());
  CHECK(difference.changed.size() == 226);  // 291 tensors, of which 65 norms stay F32
  for (const auto* rows : {&difference.by_dtype, &difference.by_role}) {
    SideBySide sum;
    for (const SideBySide& row : *rows) {
      *sum.a_parameters += row.a_parameters.value();
      *sum.b_parameters += row.b_parameters.value();
      sum.a_bytes += row.a_bytes;
      sum.b_bytes += row.b_bytes;
    }
    CHECK(sum.a_parameters == a.total_parameters);
    CHECK(sum.b_parameters == b.total_parameters);
    CHECK(sum.a_bytes == a.weight_bytes);
    CHECK(sum.b_bytes == b.weight_bytes);
  }
}

TEST_CASE("merged experts against one tensor per expert: other tensors, the same roles") {
  const Difference difference = compare(model_of("snapshots/Mixtral-8x7B-v0.1.Q4_K_M.weigh.zst"),
                                        model_of("snapshots/Mixtral-8x7B-v0.1-2023.Q4_K_M.weigh.zst"));
  CHECK(difference.added.size() == 768);   // 32 layers x 3 matrices x 8 experts
  CHECK(difference.removed.size() == 96);  // 32 layers x 3 matrices
  for (const SideBySide& row : difference.by_role) CHECK(row.a_parameters == row.b_parameters);
}

TEST_CASE("a GGUF against its safetensors source is compared by role and layer") {
  const Difference same =
      compare(model_of("snapshots/Llama-2-7B-f16.weigh.zst"), model_of("snapshots/Llama-2-7B.Q4_0.weigh.zst"));
  CHECK_FALSE(same.comparable_names);
  CHECK(same.groups.empty());
  CHECK_FALSE(same.equal());  // other types
  const Difference other =
      compare(model_of("snapshots/Llama-2-13B-f16.weigh.zst"), model_of("snapshots/Llama-2-7B.Q4_0.weigh.zst"));
  CHECK(other.groups.size() > 40);
}
