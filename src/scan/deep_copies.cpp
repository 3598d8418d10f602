#include "src/scan/deep_copies.h"

#include <map>

#include "formats/error.h"
#include "src/checkpoint/open_checkpoint.h"
#include "src/content/read_content.h"

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

std::uint64_t compare_weights(std::vector<StoredModel>& models, unsigned threads, const DeepCopyEvents& events) {
  const std::vector<StoredModel*> copies = possible_copies(models);
  std::uint64_t all = 0;
  for (const StoredModel* model : copies) all += model->row.file_bytes;
  std::uint64_t done = 0;
  std::uint64_t failed = 0;
  const auto progress = [&](std::uint64_t bytes) {
    done += bytes;
    events.progress(done, all);
  };
  for (StoredModel* model : copies) {
    try {
      model->row.weights_id = weights_of(*model, threads, progress);
      events.compared(*model);
    } catch (const Error& error) {
      events.failed(model->row.path, error.what());
      ++failed;
    }
  }
  return failed;
}

}  // namespace weigh::core
