// Published figures, to the digit, from whole models of their real shapes, in both formats.

#include "tests/model/families.h"

#include "tests/catch.h"

using namespace weigh::core;
using namespace weigh::core::test;
using namespace weigh::core::fixtures;

namespace {

void check_sparse(const PublishedFamily& published, Checkpoint checkpoint, std::uint64_t prediction,
                  std::uint64_t copies) {
  const MoeShape& moe = *published.family.moe;
  const Model model = describe(std::move(checkpoint));
  CHECK(model.total_parameters == published.total + prediction);
  REQUIRE(model.active_conventions);
  CHECK(model.active_conventions->without_prediction == published.active);
  CHECK(model.active_conventions->without_embedding == published.less_embedding);
  REQUIRE(model.experts);
  CHECK(model.experts->count == moe.experts);
  CHECK(model.experts->used == moe.used);
  CHECK(model.experts->shared == moe.shared);
  REQUIRE(model.prediction.has_value() == (prediction != 0));
  if (model.prediction) {
    CHECK(model.prediction->blocks == 1);
    CHECK(model.prediction->parameters == prediction);
    CHECK(model.prediction->copied_parameters == copies);
    CHECK(parameters_of(model, Role::Prediction) == prediction);
  }
  CHECK(parameters_of(model, Role::RoutedExpert) + model.experts->prediction_parameters == model.experts->parameters);
  CHECK(parameters_of(model, Role::Other) == 0);
  for (const Finding& finding : model.findings) CHECK(finding.message.empty());
  CHECK(model.architecture.tied_embeddings == published.family.tied);
}

Family named(const std::string& name) {
  for (const PublishedFamily& row : sparse_families()) {
    if (row.family.name == name) return row.family;
  }
  FAIL("no family " << name);
  return {};
}

}  // namespace

TEST_CASE("mixtures of experts have their published figures, by safetensors names") {
  for (const PublishedFamily& row : sparse_families()) {
    CAPTURE(row.family.name);
    check_sparse(row, as_safetensors(row.family), row.prediction, row.copies);
  }
}

TEST_CASE("a vision tower is counted, is active, and is a role of its own") {
  struct Row {
    std::string name;
    std::uint64_t total, active, less_embedding;
  };
  for (const Row& row : {Row{"Llama-4-Scout", 108'641'793'536, 18'044'827'136, 17'010'341'376},
                         Row{"Llama-4-Maverick", 401'583'781'376, 18'056'623'616, 17'022'137'856}}) {
    CAPTURE(row.name);
    Family family = named(row.name + ", text");
    family.more = llama4_vision();
    const Model model = describe(as_safetensors(family));
    CHECK(model.total_parameters == row.total);
    CHECK(model.active_parameters == row.active);
    CHECK(model.active_conventions->without_embedding == row.less_embedding);
    CHECK(parameters_of(model, Role::Vision) + parameters_of(model, Role::Projector) == 871'932'416);
    CHECK(parameters_of(model, Role::Projector) == 4096 * 5120);
    CHECK(parameters_of(model, Role::Other) == 0);
    CHECK(model.kind == "vision-language model");
    CHECK(model.architecture.layers == 48);
  }
}

TEST_CASE("mixtures of experts have their published figures, by GGUF names") {
  for (const PublishedFamily& row : sparse_families()) {
    CAPTURE(row.family.name);
    const bool stored = row.family.prediction != PredictionForm::QwenNext;
    check_sparse(row, as_gguf(row.family), stored ? row.prediction : 0, stored ? row.copies : 0);
  }
}
