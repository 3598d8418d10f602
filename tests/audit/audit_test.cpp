// The table of checks, and what each of them says of the fixtures.

#include "src/audit/audit.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <set>

#include "src/audit/check.h"
#include "src/audit/checks_md.h"
#include "tests/catch.h"
#include "tests/fixtures/fixture_list.h"

using namespace weigh::core;
namespace fs = std::filesystem;

namespace {

const std::string kTestdata = WEIGH_TESTDATA;
using Codes = std::map<std::string_view, Severity>;  // with the worst severity of each

Codes codes_of(const std::string& path) {
  Codes codes;
  for (const Audit& audit : audit_path(path)) {
    for (const Finding& finding : audit.findings) {
      auto& worst = codes[name_of(finding.code)];
      worst = std::max(worst, finding.severity);
    }
  }
  return codes;
}

bool has_errors(const Codes& codes) {
  return std::ranges::any_of(codes, [](const auto& code) { return code.second == Severity::Error; });
}

std::vector<std::string> entries(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename().string());
  std::ranges::sort(names);
  return names;
}

// Findings that a fixture was not made for and has all the same.
const std::map<std::string_view, std::set<std::string_view>> kAlso = {
    {"gguf/good/key-not-utf8.gguf", {"invalid-utf8"}},
    {"gguf/good/name-bidi-override.gguf", {"bidi-override"}},
    {"gguf/good/name-control-bytes.gguf", {"control-character"}},
    {"gguf/good/name-not-utf8.gguf", {"invalid-utf8"}},
    {"safetensors/good/adapter-beside", {"adapter-left-out"}},
    {"safetensors/good/bin-twin", {"copy-left-out"}},
    {"safetensors/good/consolidated-alone", {"config-width"}},
    {"safetensors/good/consolidated-beside", {"copy-left-out"}},
    {"safetensors/good/index-total-parameters-wrong", {"index-total-parameters"}},
    {"safetensors/good/name-escapes.safetensors", {"control-character"}},
    {"safetensors/good/name-utf8.safetensors", {"bidi-override"}},
    {"safetensors/good/variant-beside", {"file-left-out"}},
    {"audit/absurd-size/fires", {"truncated"}},
    {"audit/bidi-override/fires-left-out", {"file-left-out"}},
    {"audit/control-character/fires-left-out", {"file-left-out"}},
    {"audit/missing-file/fires-no-weights", {"no-model"}},
    {"audit/expert-count-varies/fires", {"expert-count-mismatch", "layer-shape"}},
    {"audit/expert-missing/fires", {"expert-count-varies"}},
    {"audit/expert-shape-mismatch/fires", {"expert-used-unknown"}},
    {"audit/extra-shard/fires", {"file-left-out"}},
    {"audit/index-duplicate/fires", {"duplicate-json-key"}},
    {"audit/pickle-in-place/fires", {"no-model"}},
    {"audit/pickle-in-place/silent", {"pickle-beside", "copy-left-out"}},
    {"audit/quantization-mismatch/fires", {"quantization-bits-mismatch"}},
    {"audit/shards-swapped/fires", {"missing-tensor"}},
    {"audit/sum-overflow/fires", {"absurd-size", "truncated"}},
    {"audit/template-escape/fires-gguf", {"template-unusual"}},
    {"audit/template-escape/fires-config", {"template-place"}},
    {"audit/two-generations/fires", {"file-left-out"}},
};

struct AuditedFixture {
  std::string path;                // below testdata/
  std::set<std::string> made_for;  // codes
  std::optional<bool> good;        // without errors; nothing for one that fires
  Codes codes;
};

// testdata/audit/ID has folders fires... and silent... for the check ID. A cache is audited by the snapshot in it.
void add_audit_fixtures(std::vector<AuditedFixture>& all) {
  for (const std::string& id : entries(kTestdata + "/audit")) {
    for (const std::string& kind : entries(kTestdata + "/audit/" + id)) {
      AuditedFixture& fixture = all.emplace_back();
      fixture.path = "audit/" + id + "/" + kind;
      std::string path = kTestdata + "/" + fixture.path;
      const std::string snapshots = path + "/models--org--tiny/snapshots";
      if (fs::exists(snapshots)) path = snapshots + "/" + entries(snapshots).front();
      fixture.codes = codes_of(path);
      if (kind.starts_with("fires")) {
        fixture.made_for = {id};
      } else {
        fixture.good = true;
      }
    }
  }
}

// All fixtures, each audited once.
const std::vector<AuditedFixture>& audited_fixtures() {
  static const std::vector<AuditedFixture> fixtures = [] {
    std::vector<AuditedFixture> all;
    for (const char* kind : {"file", "set"}) {
      for (const auto& fixture : fixtures::list(kTestdata, kind)) {
        const std::set<std::string> findings(fixture.findings.begin(), fixture.findings.end());
        all.push_back({fixture.path, findings, fixture.good, codes_of(kTestdata + "/" + fixture.path)});
      }
    }
    add_audit_fixtures(all);
    return all;
  }();
  return fixtures;
}

}  // namespace

TEST_CASE("a check fires where it should and is silent on every other good fixture") {
  REQUIRE(audited_fixtures().size() > 200);
  for (const AuditedFixture& fixture : audited_fixtures()) {
    if (fixture.good == false) continue;
    CAPTURE(fixture.path);
    std::set<std::string_view> expected(fixture.made_for.begin(), fixture.made_for.end());
    if (const auto also = kAlso.find(fixture.path); also != kAlso.end()) {
      expected.insert(also->second.begin(), also->second.end());
    }
    std::set<std::string_view> found;
    for (const auto& [code, severity] : fixture.codes) {
      // Most fixtures have tensors with invented names.
      if (code != name_of(FindingCode::UnknownRole) || expected.contains(code)) found.insert(code);
    }
    CHECK(found == expected);
  }
}

TEST_CASE("a bad fixture has an error, a good one has none") {
  for (const AuditedFixture& fixture : audited_fixtures()) {
    CAPTURE(fixture.path);
    if (fixture.good) CHECK(has_errors(fixture.codes) == !*fixture.good);
  }
}

TEST_CASE("every check has a fixture on which it fires") {
  std::set<std::string_view> found{"unreadable"};  // tested below
  for (const AuditedFixture& fixture : audited_fixtures()) {
    for (const auto& [code, severity] : fixture.codes) found.insert(code);
  }
  // tests/audit/broken_test.py makes these as it runs: links, and bytes that are not what they should be.
  const std::set<std::string_view> elsewhere{"dangling-link", "sha256-mismatch", "git-id-mismatch", "nan",
                                             "infinite",      "all-zero",        "not-looked-into", "not-checkable",
                                             "link-outside"};
  for (const Check& check : checks()) {
    CAPTURE(name_of(check.code));
    CHECK(found.contains(name_of(check.code)) != elsewhere.contains(name_of(check.code)));
  }
}

TEST_CASE("the table of checks and docs/checks.md have the same checks") {
  std::set<std::string> ids;
  for (const Check& check : checks()) {
    CAPTURE(name_of(check.code));
    CHECK(ids.insert(std::string(name_of(check.code))).second);
    CHECK_FALSE(check.sentence.empty());
    CHECK(check_help(check.code).size() > 30);
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

TEST_CASE("an Ollama store is an audit for itself and one for each of its models") {
  const fs::path store = fs::temp_directory_path() / ("weigh-audit-store-" + std::to_string(::getpid()));
  const std::string library = (store / "manifests/registry.ollama.ai/library").string();
  const std::string digest(64, 'a');  // not that of the content
  fs::create_directories(store / "blobs");
  fs::copy_file(kTestdata + "/gguf/good/v3.gguf", store / ("blobs/sha256-" + digest));
  std::ofstream(store / ("blobs/sha256-" + std::string(64, 'b') + "-partial")) << "GGUF";
  for (const char* name : {"good", "bad"}) {
    fs::create_directories(library + "/" + name);
    std::ofstream(library + "/" + name + "/tag")
        << R"({"layers":[{"mediaType":"application/vnd.ollama.image.model","digest":"sha256:)"
        << (name == std::string("good") ? digest : "../up") << R"("}]})";
  }
  std::map<std::string, std::set<std::string_view>> found;
  AuditOptions deep;
  deep.deep = true;
  for (const Audit& audit : audit_path(store.string(), deep)) {
    auto& codes = found[audit.path];
    for (const Finding& finding : audit.findings) codes.insert(name_of(finding.code));
  }
  fs::remove_all(store);
  CHECK(found == std::map<std::string, std::set<std::string_view>>{
                     {store.string(), {"incomplete-download"}},
                     {library + "/bad/tag", {"unreadable"}},
                     {library + "/good/tag", {"sha256-mismatch"}},
                 });
}

TEST_CASE("a path that cannot be opened is an audit with one error") {
  const auto audits = audit_path(kTestdata + "/nothing");
  REQUIRE(audits.size() == 1);
  REQUIRE(audits[0].findings.size() == 1);
  CHECK(audits[0].findings[0].code == FindingCode::Unreadable);
  CHECK(has_error(audits[0]));
}
