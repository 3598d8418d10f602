#include "src/report/scan_lines.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "src/checkpoint/open_checkpoint.h"
#include "src/scan/stored_row.h"
#include "tests/catch.h"

using namespace weigh::core;

namespace {

namespace fs = std::filesystem;

std::vector<std::string> model_files() {
  std::vector<std::string> paths;
  for (const auto& entry : fs::recursive_directory_iterator(WEIGH_TESTDATA)) {
    const std::string name = entry.path().string();
    const bool bad = name.find("/bad/") != std::string::npos;
    if (entry.is_regular_file() && !bad && (name.ends_with(".gguf") || name.ends_with(".safetensors"))) {
      paths.push_back(name);
    }
  }
  return paths;
}

Fit fit_on(const std::string& device, Verdict verdict) {
  Fit fit;
  fit.device.id = device;
  fit.verdict = verdict;
  return fit;
}

StoredModel stored(Checkpoint&& checkpoint, const std::string& weights = "") {
  const ScanFacts facts{.store = "ollama",
                        .identity = identity_of(checkpoint),
                        .weights = weights,
                        .header_only = checkpoint.header_only,
                        .times = times_of(checkpoint.file_paths)};
  ModelReport report;
  report.model = describe(std::move(checkpoint));
  report.fits = {fit_on("rtx-4090", Verdict::Fits), fit_on("24GiB", Verdict::Offload)};
  return stored_model(report, facts);
}

Checkpoint good_model() {
  OpenResult opened = open_checkpoints(std::string(WEIGH_TESTDATA) + "/gguf/good/v3.gguf");
  REQUIRE(opened.checkpoints.size() == 1);
  return std::move(opened.checkpoints.front());
}

ScanRow read_back(const std::string& line) { return row_from_line(line); }

}  // namespace

TEST_CASE("a row of a model equals the row of the line that is kept of it") {
  std::size_t models = 0;
  for (const std::string& path : model_files()) {
    for (Checkpoint& checkpoint : open_checkpoints(path).checkpoints) {
      const StoredModel model = stored(std::move(checkpoint));
      CAPTURE(path, model.line);
      CHECK(model.row == read_back(model.line));
      CHECK(model.row.verdicts.size() == 2);
      ++models;
    }
  }
  CHECK(models > 30);
}

TEST_CASE("a line's members may come in any order, and the first of one name counts") {
  const StoredModel model = stored(good_model());
  const auto json = nlohmann::ordered_json::parse(model.line);
  std::string turned;
  for (const auto& [name, value] : json.items()) {
    turned = '"' + name + "\":" + value.dump() + (turned.empty() ? "" : ",") + turned;
  }
  CHECK(read_back("{" + turned + "}") == model.row);
  CHECK(read_back("{" + turned + R"(,"path":"other","weights":null,"parameters":{"total":7}})") == model.row);
}

TEST_CASE("text that JSON cannot hold is one warning more, in the row as in the line") {
  const std::uint64_t warnings = stored(good_model()).row.warnings;
  Checkpoint checkpoint = good_model();
  checkpoint.name = "a\xff";
  const StoredModel model = stored(std::move(checkpoint));
  CHECK(model.row.warnings == warnings + 1);
  CHECK(read_back(model.line).warnings == warnings + 1);
}

TEST_CASE("a line takes the identity of weights that are read later") {
  const StoredModel read = stored(good_model(), "c0ffee");
  const StoredModel unread = stored(good_model());
  CHECK(unread.row.weights_id.empty());
  CHECK(line_with_weights(unread.line, "c0ffee") == read.line);
}
