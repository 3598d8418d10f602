// The table of checks, and what each of them says of the fixtures.

#include "src/audit/audit.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <regex>
#include <set>

#include "src/audit/check.h"
#include "src/audit/checks_md.h"
#include "tests/catch.h"
#include "tests/fixtures/fixture_list.h"

using namespace weigh::core;
namespace fs = std::filesystem;

namespace {

const std::string kTestdata = WEIGH_TESTDATA;
using Codes = std::map<std::string, Severity>;  // with the worst severity of each

Codes codes_of(const std::string& path) {
  Codes codes;
  for (const Audit& audit : audit_path(path)) {
    for (const Finding& finding : audit.findings) {
      auto& worst = codes[std::string(finding.code)];
      worst = std::max(worst, finding.severity);
    }
  }
  return codes;
}

bool has_errors(const Codes& codes) {
  return std::ranges::any_of(codes, [](const auto& code) { return code.second == Severity::Error; });
}

std::vector<std::string> entries(const fs::path& folder) {
  std::vector<std::string> paths;
  for (const auto& entry : fs::directory_iterator(folder)) paths.push_back(entry.path().string());
  std::ranges::sort(paths);
  return paths;
}

// A cache is input by the snapshot in it.
std::string audited_path(const std::string& folder) {
  const fs::path snapshots = fs::path(folder) / "models--org--tiny/snapshots";
  return fs::exists(snapshots) ? entries(snapshots).front() : folder;
}

struct Pair {
  std::string id;
  std::string path;
  bool fires;
};

std::vector<Pair> pairs() {
  std::vector<Pair> all;
  for (const std::string& folder : entries(kTestdata + "/audit")) {
    for (const std::string& path : entries(folder)) {
      const std::string kind = fs::path(path).filename().string();
      all.push_back({fs::path(folder).filename().string(), audited_path(path), kind.starts_with("fires")});
    }
  }
  return all;
}

std::vector<std::string> all_fixtures() {
  std::vector<std::string> paths;
  for (const char* kind : {"file", "set"}) {
    for (const auto& fixture : fixtures::list(kTestdata, kind)) paths.push_back(kTestdata + "/" + fixture.path);
  }
  for (const Pair& pair : pairs()) paths.push_back(pair.path);
  paths.push_back(kTestdata + "/no-such-file.gguf");
  return paths;
}

}  // namespace

TEST_CASE("a check fires where it should and is silent where it should be") {
  const auto all = pairs();
  REQUIRE(all.size() > 80);
  for (const Pair& pair : all) {
    CAPTURE(pair.id, pair.path);
    REQUIRE(find_check(pair.id) != nullptr);
    const Codes codes = codes_of(pair.path);
    CHECK(codes.contains(pair.id) == pair.fires);
    if (!pair.fires) CHECK_FALSE(has_errors(codes));
  }
}

TEST_CASE("a good fixture has no error") {
  for (const char* kind : {"file", "set"}) {
    for (const auto& fixture : fixtures::list(kTestdata, kind)) {
      CAPTURE(fixture.path);
      CHECK(has_errors(codes_of(kTestdata + "/" + fixture.path)) == !fixture.good);
    }
  }
}

TEST_CASE("every code is a check, and every check has a fixture on which it fires") {
  Codes found;
  for (const std::string& path : all_fixtures()) found.merge(codes_of(path));
  for (const auto& [code, severity] : found) {
    CAPTURE(code);
    CHECK(find_check(code) != nullptr);
  }
  // tests/audit/broken_test.py makes these as it runs: links, and bytes that are not what they should be.
  const std::set<std::string_view> elsewhere{"dangling-link", "sha256-mismatch", "git-id-mismatch", "nan",
                                             "infinite",      "all-zero",        "not-looked-into", "not-checkable"};
  for (const Check& check : checks()) {
    CAPTURE(check.id);
    CHECK(found.contains(std::string(check.id)) != elsewhere.contains(check.id));
  }
}

TEST_CASE("a check is silent on most fixtures") {
  for (const Check& check : checks()) {
    CAPTURE(check.id);
    CHECK_FALSE(codes_of(kTestdata + "/safetensors/good/sharded").contains(std::string(check.id)));
    CHECK_FALSE(codes_of(kTestdata + "/gguf/good/v3.gguf").contains(std::string(check.id)));
  }
}

TEST_CASE("every code in the sources of the readers is a check") {
  const std::regex code(R"(Severity::\w+,\s*"([a-z0-9]+(?:-[a-z0-9]+)+)\")");
  std::size_t seen = 0;
  for (const char* folder : {"formats", "src/checkpoint", "src/model", "src/audit"}) {
    for (const std::string& path : entries(std::string(WEIGH_SOURCE) + "/" + folder)) {
      if (!path.ends_with(".cpp")) continue;
      const std::string text = fixtures::read_text(path);
      for (std::sregex_iterator match(text.begin(), text.end(), code), end; match != end; ++match, ++seen) {
        CAPTURE(path, (*match)[1].str());
        CHECK(find_check((*match)[1].str()) != nullptr);
      }
    }
  }
  CHECK(seen > 25);
}

TEST_CASE("the table and docs/checks.md tell of the same checks") {
  std::set<std::string> ids;
  for (const Check& check : checks()) {
    CAPTURE(check.id);
    CHECK(ids.insert(std::string(check.id)).second);
    CHECK_FALSE(check.sentence.empty());
    CHECK(check_help(check.id).size() > 30);
  }
  std::set<std::string> sections;
  const std::string text(checks_md());
  for (std::size_t at = 0; (at = text.find("\n### ", at)) != std::string::npos;) {
    at += 5;
    sections.insert(text.substr(at, text.find('\n', at) - at));
  }
  CHECK(sections == ids);
}

TEST_CASE("deep checks run only when they are asked for") {
  const std::string path = kTestdata + "/safetensors/good/sharded";
  const auto runs_nan = [](const Audit& audit) {
    return std::ranges::find(audit.checks_run, std::string_view("nan")) != audit.checks_run.end();
  };
  CHECK_FALSE(runs_nan(audit_path(path).front()));
  AuditOptions deep;
  deep.deep = true;
  std::uint64_t read = 0;
  deep.progress = [&](std::uint64_t done, std::uint64_t all) {
    CHECK(done <= all);
    read = done;
  };
  CHECK(runs_nan(audit_path(path, deep).front()));
  CHECK(read > 800);
}

TEST_CASE("a folder of several models is an audit for itself and one for each") {
  const auto audits = audit_path(kTestdata + "/gguf/good");
  REQUIRE(audits.size() > 10);
  CHECK(audits.front().path == kTestdata + "/gguf/good");
  CHECK(audits.front().files.empty());
  CHECK(audits[1].files.size() >= 1);
}

TEST_CASE("what cannot be opened is an audit with one error") {
  const auto audits = audit_path(kTestdata + "/nothing");
  REQUIRE(audits.size() == 1);
  REQUIRE(audits[0].findings.size() == 1);
  CHECK(audits[0].findings[0].code == "unreadable");
  CHECK(has_error(audits[0]));
}
