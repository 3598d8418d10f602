#include "src/cli/deep_copies.h"

#include <fmt/core.h>

#include <map>
#include <nlohmann/json.hpp>

#include "src/checkpoint/checkpoint.h"
#include "src/cli/progress.h"
#include "src/content/read_content.h"
#include "src/devices/units.h"
#include "src/report/json.h"
#include "src/report/text_format.h"

namespace weigh::core {
namespace {

/// Models whose tensor table another one has as well.
std::vector<StoredModel*> possible_copies(std::vector<StoredModel>& models) {
  std::map<std::string, std::vector<StoredModel*>> tables;
  for (StoredModel& model : models) {
    if (!model.row.header_only && !model.row.tensors_id.empty()) tables[model.row.tensors_id].push_back(&model);
  }
  std::vector<StoredModel*> copies;
  for (const auto& [table, alike] : tables) {
    if (alike.size() > 1) copies.insert(copies.end(), alike.begin(), alike.end());
  }
  return copies;
}

/// sha256 of a model's weights. Throws Error.
std::string weights_of(const StoredModel& model, unsigned threads, const ContentProgress& progress) {
  OpenResult opened = open_checkpoints(model.row.path);
  if (opened.checkpoints.size() != 1) {
    throw IoError(opened.failures.empty() ? "is no single model any more" : opened.failures.front().message);
  }
  const Checkpoint& checkpoint = opened.checkpoints.front();
  std::vector<ContentJob> jobs;
  for (std::size_t i = 0; i < checkpoint.files.size(); ++i) {
    jobs.push_back({checkpoint.file_paths[i],
                    &checkpoint.files[i],
                    {.sha256 = false, .git_id = false, .tensor_digests = true, .health = false}});
  }
  std::vector<Content> contents;
  for (ContentResult& result : read_contents(jobs, threads, progress)) {
    if (!result.content) throw IoError(result.problem);
    contents.push_back(std::move(*result.content));
  }
  return weights_sha256(checkpoint.files, contents);
}

}  // namespace

std::uint64_t compare_weights(std::vector<StoredModel>& models, unsigned threads, const Session& session, bool quiet) {
  const std::vector<StoredModel*> copies = possible_copies(models);
  std::uint64_t all = 0;
  for (const StoredModel* model : copies) all += model->row.file_bytes;
  ProgressLine line(session, quiet);
  std::uint64_t done = 0;
  std::uint64_t failed = 0;
  const auto progress = [&](std::uint64_t bytes) {
    done += bytes;
    if (!line.due()) return;
    const std::string left = time_left(line.seconds(), static_cast<double>(done), static_cast<double>(all));
    line.show(fmt::format("{} of {} compared{}", human_bytes(done), human_bytes(all), left.empty() ? "" : ", " + left));
  };
  for (StoredModel* model : copies) {
    try {
      model->row.weights_id = weights_of(*model, threads, progress);
      if (model->line.empty()) continue;
      Json json = Json::parse(model->line);
      json["identity"]["weights"] = model->row.weights_id;
      model->line = dumped(json);
    } catch (const Error& error) {
      line.clear();
      session.tell(escaped(fmt::format("{}: {}", model->row.path, error.what())));
      ++failed;
    }
  }
  return failed;
}

}  // namespace weigh::core
