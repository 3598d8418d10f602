#include "tests/conformance/vectors.h"

#include <fmt/format.h>
#include <zlib.h>

#include <array>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

#include "formats/snapshot.h"
#include "src/checkpoint/open_checkpoint.h"
#include "src/checkpoint/selection.h"
#include "src/source/folder.h"

namespace weigh::conformance {

namespace {

using nlohmann::json;

core::Run run_of(const json& settings) {
  core::Run run;
  run.context = settings.at("context").get<std::uint64_t>();
  run.key_type = run.value_type = core::dtype_from_name(settings.at("cache_type").get<std::string>()).value();
  run.flash_attention = settings.at("flash_attention") != "off";
  run.micro_batch = settings.at("micro_batch");
  run.sequences = settings.at("sequences");
  run.unified_cache = settings.at("unified_cache");
  run.full_window_cache = settings.at("full_window_cache");
  if (settings.contains("gpu_layers")) {
    run.gpu_layers = settings.at("gpu_layers").get<std::uint64_t>();
    run.device_chunk = std::uint64_t{128} << 20;  // of the device that these runs were recorded with
  }
  return run;
}

Figures figures_of(const json& memory) {
  return {
      .weights = memory.at("model_bytes"), .cache = memory.at("cache_bytes"), .compute = memory.at("compute_bytes")};
}

RecordedSplit split_of(const json& recorded) {
  RecordedSplit split{.run = run_of(recorded.at("settings")), .device = {}, .host = {}};
  for (const json& memory : recorded.at("engine")) {
    Figures& sum = memory.at("where") == "device" ? split.device : split.host;
    const Figures more = figures_of(memory);
    sum.weights += more.weights;
    sum.cache += more.cache;
    sum.compute += more.compute;
  }
  return split;
}

RecordedModel model_of(const std::string& name, const json& entry, const std::filesystem::path& folder) {
  RecordedModel model{.name = name,
                      .architecture = entry.at("architecture"),
                      .header = folder / entry.at("header").get<std::string>(),
                      .file_bytes = entry.at("file_bytes"),
                      .published_dimensions = entry.at("published_dimensions"),
                      .runs = {},
                      .refused = {},
                      .split_runs = {}};
  for (const json& run : entry.at("runs")) {
    model.runs.push_back({run_of(run.at("settings")), figures_of(run.at("engine"))});
  }
  for (const json& run : entry.at("refused")) model.refused.push_back(run_of(run.at("settings")));
  for (const json& run : entry.at("split_runs")) model.split_runs.push_back(split_of(run));
  return model;
}

std::vector<std::byte> unpacked(const std::filesystem::path& path) {
  const std::unique_ptr<gzFile_s, decltype(&gzclose)> file(gzopen(path.c_str(), "rb"), gzclose);
  if (!file) throw std::runtime_error("cannot read " + path.string());
  std::vector<std::byte> all;
  std::array<std::byte, 65536> piece{};
  while (true) {
    const int got = gzread(file.get(), piece.data(), piece.size());
    if (got < 0) throw std::runtime_error("damaged: " + path.string());
    if (got == 0) return all;
    all.insert(all.end(), piece.begin(), piece.begin() + got);
  }
}

}  // namespace

Vectors read_vectors(const std::filesystem::path& folder) {
  std::filesystem::path found;
  if (!std::filesystem::is_directory(folder)) throw std::runtime_error("no vectors in " + folder.string());
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("llama.cpp-") && name.ends_with(".json") && entry.path() > found) found = entry.path();
  }
  std::ifstream stream(found);
  if (!stream) throw std::runtime_error("no vectors in " + folder.string());
  const json document = json::parse(stream);
  if (document.at("schema") != "weigh.conformance/1") throw std::runtime_error("another schema: " + found.string());
  Vectors vectors{.engine = fmt::format("{} {}", document.at("engine").get<std::string>(),
                                        document.at("version").get<std::string>()),
                  .backend = document.at("backend"),
                  .split_backend = {},
                  .how = document.at("how"),
                  .models = {}};
  if (document.at("split_backend").is_string()) vectors.split_backend = document.at("split_backend");
  for (const auto& [name, entry] : document.at("models").items()) {
    vectors.models.push_back(model_of(name, entry, folder));
  }
  return vectors;
}

core::Model open_model(const RecordedModel& recorded) {
  const std::string file = recorded.name + ".gguf";
  const core::Folder folder =
      core::snapshot_folder({.name = recorded.name, .files = {{file, recorded.file_bytes, unpacked(recorded.header)}}});
  return core::describe(core::open_selection(folder, core::select_for_file(folder, file)));
}

}  // namespace weigh::conformance
