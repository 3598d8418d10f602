#include "formats/model_file.h"

#include "formats/snapshot.h"
#include "tests/catch.h"
#include "tests/formats/reading.h"

namespace weigh::core {
namespace {

bool is_snapshot(const fixtures::Fixture& fixture) { return fixture.path.starts_with("snapshots/"); }

void check_figures(const ModelFile& file, const fixtures::Fixture& fixture) {
  std::uint64_t elements = 0, bytes = 0;
  for (const Tensor& tensor : file.tensors) {
    elements += tensor.elements;
    bytes += tensor.bytes;
  }
  CHECK(bytes == file.tensor_bytes);
  if (fixture.tensors) CHECK(file.tensors.size() == *fixture.tensors);
  if (fixture.elements) CHECK(elements == *fixture.elements);
  if (fixture.weight_bytes) CHECK(file.tensor_bytes == *fixture.weight_bytes);
  if (fixture.header_bytes) CHECK(file.header_bytes == *fixture.header_bytes);
  if (fixture.padding_bytes) CHECK(file.padding_bytes == *fixture.padding_bytes);
  CHECK(every_byte_has_an_owner(file));
}

std::string codes(const ModelFile& file) {
  std::string text;
  for (const Finding& finding : file.findings) {
    text += std::string(severity_name(finding.severity)) + " " + std::string(name_of(finding.code)) + ": " +
            finding.message + "\n";
  }
  return text;
}

TEST_CASE("good fixtures give the figures of their recipes and no error") {
  for (const fixtures::Fixture& fixture : fixtures::list(WEIGH_TESTDATA, "file")) {
    if (!fixture.good || is_snapshot(fixture)) continue;
    CAPTURE(fixture.path);
    try {
      const ModelFile file = read_fixture(fixture.path);
      CAPTURE(codes(file));
      check_figures(file, fixture);
      CHECK(touch(file) > 0);
      CHECK_FALSE(has_error(file));
      for (const std::string& code : fixture.findings) {
        CHECK((has_finding(file, code, Severity::Note) || has_finding(file, code, Severity::Warning)));
      }
      if (fixture.findings.empty()) CHECK(file.findings.empty());
    } catch (const Error& error) {
      FAIL_CHECK(error.what());
    }
  }
}

bool mentions(const ModelFile& file, const std::string& words) {
  return std::ranges::any_of(file.findings, [&](const Finding& finding) {
    return finding.severity == Severity::Error &&
           (name_of(finding.code) == words || finding.message.find(words) != std::string::npos);
  });
}

TEST_CASE("bad fixtures are refused or reported in the stated words") {
  for (const fixtures::Fixture& fixture : fixtures::list(WEIGH_TESTDATA, "file")) {
    if (fixture.good) continue;
    CAPTURE(fixture.path, fixture.error);
    try {
      const ModelFile file = read_fixture(fixture.path);
      CAPTURE(codes(file));
      CHECK(mentions(file, fixture.error));
      check_figures(file, fixture);
      CHECK(touch(file) > 0);
    } catch (const FormatError& error) {
      const std::string sentence = error.what();
      CAPTURE(sentence);
      CHECK(sentence.find(fixture.error) != std::string::npos);
      CHECK_FALSE(fixture.tensors);  // where figures are stated, the header must still be reported
    }
  }
}

TEST_CASE("what a file is does not depend on its name") {
  for (const std::string path : {"gguf/good/v3.gguf", "safetensors/good/tiny.safetensors",
                                 "safetensors/good/length-looks-like-pickle.safetensors"}) {
    const std::vector<std::byte> bytes = fixtures::read_bytes(WEIGH_TESTDATA "/" + path);
    for (const std::string_view name : {"sha256-0123", "model.bin", "model.onnx", "model.safetensors", "model.gguf"}) {
      CAPTURE(path, name);
      CHECK(format_name(read_memory(bytes, name).format) == path.substr(0, path.find('/')));
    }
  }
}

TEST_CASE("a git-lfs pointer says how large the model is and what to run") {
  try {
    read_fixture("other/lfs-pointer.gguf");
    FAIL("nothing was thrown");
  } catch (const FormatError& error) {
    const std::string sentence = error.what();
    CHECK(sentence.find("26440753152") != std::string::npos);
    CHECK(sentence.find("git lfs pull") != std::string::npos);
  }
}

}  // namespace
}  // namespace weigh::core
