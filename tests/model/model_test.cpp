#include "src/model/model.h"

#include <limits>

#include "tests/catch.h"
#include "tests/model/builder.h"

using namespace weigh::core;
using namespace weigh::core::test;

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();

TEST_CASE("sums by element type add up to the totals, the largest in bytes first") {
  Checkpoint checkpoint = gguf({{"a.weight", Dtype::Q4_K, {4, 256}}, {"b.weight", Dtype::F32, {4, 256}}}, {});
  Checkpoint second = gguf({{"c.weight", Dtype::Q4_K, {2, 256}}, {"d.weight", Dtype::F16, {2, 2}}}, {});
  checkpoint.files.push_back(std::move(second.files.front()));
  checkpoint.files[0].padding_bytes = 5;
  checkpoint.files[1].padding_bytes = 7;
  checkpoint.files[0].file_bytes = 100;
  checkpoint.files[1].file_bytes = 10;
  checkpoint.files[1].header_bytes = 3;
  const Model model = describe(std::move(checkpoint));
  REQUIRE(model.by_dtype.size() == 3);
  CHECK(model.by_dtype[0].dtype == "F32");
  CHECK(model.by_dtype[1].dtype == "Q4_K");
  CHECK(model.by_dtype[1].tensors == 2);
  CHECK(model.by_dtype[1].elements == 6 * 256);
  CHECK(model.by_dtype[1].bytes == 6 * 144);
  CHECK(model.by_dtype[2].dtype == "F16");
  DtypeTotals sum;
  for (const DtypeTotals& row : model.by_dtype) {
    sum.tensors += row.tensors;
    sum.parameters += row.parameters;
    sum.bytes += row.bytes;
  }
  CHECK(sum.tensors == model.tensor_count());
  CHECK(sum.parameters == model.total_parameters);
  CHECK(sum.bytes == model.weight_bytes);
  CHECK(model.tensor_count() == 4);
  CHECK(model.padding_bytes == 12);
  CHECK(model.file_bytes() == 110);
  CHECK(model.header_bytes() == 3);
  CHECK(*model.bits_per_weight() ==
        Approx(8.0 * static_cast<double>(model.weight_bytes) / static_cast<double>(model.total_parameters)));
}

TEST_CASE("types of equal bytes are in the order of their names") {
  const Model model = describe(gguf({{"a", Dtype::I16, {8}}, {"b", Dtype::BF16, {8}}, {"c", Dtype::F16, {8}}}, {}));
  REQUIRE(model.by_dtype.size() == 3);
  CHECK(model.by_dtype[0].dtype == "BF16");
  CHECK(model.by_dtype[1].dtype == "F16");
  CHECK(model.by_dtype[2].dtype == "I16");
}

TEST_CASE("sums past 64 bits stop there and say so") {
  const std::vector<TensorSpec> tensors = {{"layers.0.mlp.experts.a_proj", Dtype::F4, {2, 1, kMax / 2}},
                                           {"layers.0.mlp.experts.b_proj", Dtype::F4, {2, 1, kMax / 2}},
                                           {"layers.0.mlp.gate.weight", Dtype::F4, {2, 8}}};
  const Model model = describe(safetensors(tensors, R"({"num_experts_per_tok": 1})"));
  CHECK(model.total_parameters == kMax);
  CHECK_FALSE(model.active_parameters);
  REQUIRE_FALSE(model.findings.empty());
  CHECK(model.findings.front().code == FindingCode::SumOverflow);
  CHECK(model.findings.front().severity == Severity::Error);
}

TEST_CASE("a packed tensor whose weights exceed 64 bits does not wrap") {
  const Model model = describe(safetensors({{"m.weight", Dtype::U32, {kMax / 8, 2}}, {"m.scales", Dtype::BF16, {1, 1}}},
                                           R"({"quantization": {"bits": 4, "group_size": 16}})"));
  CHECK(model.total_parameters == kMax);
}

TEST_CASE("hostile shapes of companions divide by nothing") {
  for (const std::vector<std::uint64_t>& shape :
       std::vector<std::vector<std::uint64_t>>{{}, {0}, {0, 0}, {4, 0}, {0, 4}, {kMax, 1}}) {
    for (const char* main : {"m.weight", "m.qweight", "m.weight_packed", "m.W_q", "m.trellis", "m.q_weight", "m.codes",
                             "m.Qidxs", "e_blocks"}) {
      for (const Dtype dtype : {Dtype::I32, Dtype::U32, Dtype::U8, Dtype::I8, Dtype::I16, Dtype::F8_E4M3}) {
        std::vector<TensorSpec> tensors = {{main, dtype, {4, 4}}};
        for (const char* companion : {"m.scales", "m.scale", "m.weight_scale", "m.qzeros", "m.g_idx", "m.q_invperm",
                                      "m.codebooks", "m.SU", "m.SV", "m.weight.absmax", "e_scales"}) {
          tensors.push_back({companion, Dtype::U8, shape});
        }
        CHECK_NOTHROW(describe(safetensors(tensors)));
        tensors[0].shape = shape;
        CHECK_NOTHROW(describe(safetensors(tensors)));
      }
    }
  }
}

TEST_CASE("findings of files, set and model are one list, errors first, else in order") {
  Checkpoint checkpoint = safetensors({}, R"({"quantization_config": {"quant_method": "gptq"}})");
  checkpoint.files.front().findings = {{FindingCode::LeadingBlanks, Severity::Note, "of the file"},
                                       {FindingCode::Truncated, Severity::Error, "of the file"}};
  checkpoint.findings = {{FindingCode::IndexTotalSize, Severity::Warning, "of the set"},
                         {FindingCode::MissingShard, Severity::Error, "of the set"}};
  const Model model = describe(std::move(checkpoint));
  CHECK(codes(model) == std::vector<std::string>{"truncated", "missing-shard", "index-total-size",
                                                 "quantization-not-found", "leading-blanks"});
  CHECK(model.findings.front().file == "model.safetensors");
  CHECK(model.findings[1].file.empty());
}

TEST_CASE("an empty checkpoint is a model of nothing") {
  const Model model = describe(gguf({}, {}));
  CHECK(model.total_parameters == 0);
  CHECK(model.active_parameters == 0);
  CHECK(model.by_dtype.empty());
  CHECK_FALSE(model.bits_per_weight());
  CHECK_FALSE(model.experts);
}

TEST_CASE("a model imagined is parameters times bits") {
  struct Row {
    std::uint64_t parameters, bits, bytes;
  };
  for (const Row& row : {Row{7'000'000'000, 16, 14'000'000'000}, Row{7'000'000'000, 4, 3'500'000'000}, Row{3, 4, 2},
                         Row{1, 1, 1}, Row{0, 16, 0}, Row{kMax, 8, kMax}, Row{kMax, 16, kMax}}) {
    const Model model = hypothetical_model(row.parameters, "F16", row.bits);
    CHECK(model.weight_bytes == row.bytes);
    CHECK(model.total_parameters == row.parameters);
    CHECK(model.active_parameters == row.parameters);
    REQUIRE(model.by_dtype.size() == 1);
    CHECK(model.by_dtype.front().bytes == row.bytes);
    CHECK(model.by_dtype.front().dtype == "F16");
  }
}
