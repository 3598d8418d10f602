// The two halves of a report in one translation unit: their headers share a namespace.
#include "src/audit/check.h"
#include "src/checkpoint/open_checkpoint.h"
#include "src/fit/candidate.h"
#include "tests/catch.h"

using namespace weigh::core;

TEST_CASE("a model is checked and weighed as one value") {
  OpenResult opened = open_checkpoints(WEIGH_TESTDATA "/gguf/good/v3.gguf");
  REQUIRE(opened.checkpoints.size() == 1);
  const Model model = describe(std::move(opened.checkpoints.front()));
  Candidate candidate(model, default_engine(model));
  CHECK(candidate.whole({}).need.weights == 832);

  const Check* check = find_check(FindingCode::AbsurdSize);
  REQUIRE(check != nullptr);
  CHECK(check->needs == CheckInput::Model);
  std::vector<Finding> findings;
  FindingLog log(findings);
  AuditInput input;
  input.model = &candidate.source();
  check->run(input, FindingReporter(*check, log));
  CHECK(findings.empty());
}
