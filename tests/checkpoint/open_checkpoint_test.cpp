#include "src/checkpoint/open_checkpoint.h"

#include <algorithm>

#include "tests/catch.h"
#include "tests/fixtures/fixture_list.h"

using namespace weigh::core;

namespace {

const std::string kTestdata = WEIGH_TESTDATA;

std::vector<Finding> all_findings(const Checkpoint& checkpoint) {
  std::vector<Finding> findings = checkpoint.findings;
  for (const ModelFile& file : checkpoint.files) {
    findings.insert(findings.end(), file.findings.begin(), file.findings.end());
  }
  return findings;
}

std::uint64_t sum(const Checkpoint& checkpoint, std::uint64_t (*of)(const ModelFile&)) {
  std::uint64_t total = 0;
  for (const ModelFile& file : checkpoint.files) total += of(file);
  return total;
}

}  // namespace

TEST_CASE("good sets open whole, with the figures their recipe states") {
  const auto fixtures = fixtures::list(kTestdata, "set");
  REQUIRE(std::ranges::count_if(fixtures, &fixtures::Fixture::good) > 15);
  for (const fixtures::Fixture& fixture : fixtures) {
    if (!fixture.good) continue;
    CAPTURE(fixture.path);
    const OpenResult opened = open_checkpoints(kTestdata + "/" + fixture.path);
    CHECK(opened.failures.empty());
    REQUIRE(opened.checkpoints.size() == 1);
    const Checkpoint& checkpoint = opened.checkpoints.front();
    if (fixture.tensors)
      CHECK(sum(checkpoint, [](const ModelFile& f) { return f.tensors.size(); }) == *fixture.tensors);
    if (fixture.weight_bytes)
      CHECK(sum(checkpoint, [](const ModelFile& f) { return f.tensor_bytes; }) == *fixture.weight_bytes);
    if (fixture.header_bytes)
      CHECK(sum(checkpoint, [](const ModelFile& f) { return f.header_bytes; }) == *fixture.header_bytes);
    const auto findings = all_findings(checkpoint);
    CHECK(std::ranges::count(findings, Severity::Error, &Finding::severity) == 0);
    for (const std::string& code : fixture.findings) {
      CAPTURE(code);
      CHECK(std::ranges::any_of(findings, [&](const Finding& finding) { return name_of(finding.code) == code; }));
    }
    for (const ModelFile& file : checkpoint.files) {
      CHECK(file.header_bytes + file.tensor_bytes + file.padding_bytes ==
            file.file_bytes + file.missing_bytes + file.shared_bytes);
    }
  }
}

TEST_CASE("bad sets fail in a sentence or carry an error finding") {
  const auto fixtures = fixtures::list(kTestdata, "set");
  REQUIRE(std::ranges::count_if(fixtures, [](const auto& f) { return !f.good; }) > 15);
  for (const fixtures::Fixture& fixture : fixtures) {
    if (fixture.good) continue;
    CAPTURE(fixture.path, fixture.error);
    const OpenResult opened = open_checkpoints(kTestdata + "/" + fixture.path);
    bool said = std::ranges::any_of(opened.failures, [&](const Failure& failure) {
      return failure.message.find(fixture.error) != std::string::npos;
    });
    for (const Checkpoint& checkpoint : opened.checkpoints) {
      for (const Finding& finding : all_findings(checkpoint)) {
        said = said ||
               (finding.severity == Severity::Error &&
                (name_of(finding.code) == fixture.error || finding.message.find(fixture.error) != std::string::npos));
      }
    }
    CHECK(said);
  }
}

TEST_CASE("every named part of a split set opens the same checkpoint") {
  for (const char* part : {"1", "2", "3"}) {
    const OpenResult opened = open_checkpoints(kTestdata + "/gguf/good/split-0000" + part + "-of-00003.gguf");
    REQUIRE(opened.checkpoints.size() == 1);
    CHECK(opened.checkpoints.front().files.size() == 3);
    CHECK(opened.checkpoints.front().file_paths.front().ends_with("split-00001-of-00003.gguf"));
  }
}
